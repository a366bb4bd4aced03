#include "engine/cpu/team_choice.hpp"

#include <algorithm>
#include <numeric>
#include <vector>

namespace shoal::cpu {
namespace {

/// Parameters x rows of a minibatch: some tenths of a millisecond of each thread between two of the times that they
/// wait for each other.
constexpr std::size_t kDivisible = std::size_t{1} << 23U;

/// Of the time that threads need which never wait: a team waits about as long for each other.
constexpr double kWorthDividing = 1.05;

/// When the last thread ends, where each takes the next share as soon as it is free.
double end_of(std::span<const Share> shares, std::size_t n_threads) {
  std::vector<double> free_at(n_threads, 0.0);  // a heap, the earliest in front
  for (const Share& share : shares) {
    std::ranges::pop_heap(free_at, std::ranges::greater{});
    free_at.back() += share.cost;
    std::ranges::push_heap(free_at, std::ranges::greater{});
  }
  return std::ranges::max(free_at);
}

}  // namespace

bool is_divisible(std::size_t n_parameters, std::size_t rows_in_minibatch) {
  return n_parameters * rows_in_minibatch >= kDivisible;
}

std::size_t n_divided(std::span<const Share> shares, std::size_t n_threads) {
  if (n_threads < 2) return 0;
  double all = std::accumulate(shares.begin(), shares.end(), 0.0,
                               [](double sum, const Share& share) { return sum + share.cost; });
  for (std::size_t n = 0; n < shares.size(); ++n) {
    const bool is_even = end_of(shares.subspan(n), n_threads) <= kWorthDividing * all / static_cast<double>(n_threads);
    if (is_even || !shares[n].divisible) return n;
    all -= shares[n].cost;
  }
  return shares.size();
}

}  // namespace shoal::cpu
