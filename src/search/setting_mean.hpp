#pragma once

#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>

namespace shoal::search {

/// The mean of n numbers by their sum, to 12 significant digits. The sum has rounding errors of its own, which depend
/// on the order of the numbers: without them means that are equal are equal numbers, and ties go by the id.
[[nodiscard]] inline double mean(double sum, std::uint64_t n) {
  const double quotient = sum / static_cast<double>(n);
  if (!std::isfinite(quotient)) return quotient;
  constexpr int kBehindThePoint = 11;
  std::array<char, 32> digits{};
  const char* end = std::to_chars(digits.data(), digits.data() + digits.size(), quotient, std::chars_format::scientific,
                                  kBehindThePoint)
                        .ptr;
  double rounded = quotient;
  std::from_chars(digits.data(), end, rounded);
  return rounded;
}

}  // namespace shoal::search
