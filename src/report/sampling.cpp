#include "report/sampling.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace shoal::report {

std::vector<std::size_t> thinned(std::size_t n, std::size_t most, std::size_t n_first) {
  std::vector<std::size_t> places;
  if (n <= most) n_first = n;
  for (std::size_t i = 0; i < n_first; ++i) places.push_back(i);
  if (n <= most) return places;
  const std::size_t n_spread = most - n_first;
  const std::size_t n_rest = n - n_first;
  for (std::size_t i = 1; i <= n_spread; ++i) places.push_back(n_first + i * n_rest / n_spread - 1);
  return places;
}

double quantile(std::span<const double> ascending, double p) {
  if (ascending.empty()) return std::numeric_limits<double>::quiet_NaN();
  const double place = p * static_cast<double>(ascending.size() - 1);
  const auto below = static_cast<std::size_t>(place);
  const std::size_t above = std::min(below + 1, ascending.size() - 1);
  return std::lerp(ascending[below], ascending[above], place - static_cast<double>(below));
}

}  // namespace shoal::report
