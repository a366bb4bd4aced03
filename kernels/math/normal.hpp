#pragma once

#include <bit>
#include <cmath>
#include <cstdint>

/// Normal numbers in double, by series of our own: a C library's log and cos differ from machine to machine in the last
/// bit, and initial parameters are part of the definition. Sums and products are rounded one by one, never fused.
namespace shoal::math {

/// ln x for normal x > 0, within 3e-16 (1 + |ln x|), two roundings and that of ln 2. x = m 2^e, m in [sqrt(1/2),
/// sqrt(2)): ln x = e ln 2 + 2 artanh(f), f = (m - 1) / (m + 1), |f| < 0.172.
inline double series_log(double x) {
  constexpr std::uint64_t kRootHalf = 0x3FE6A09E667F3BCDU;
  const std::uint64_t bits = std::bit_cast<std::uint64_t>(x) - kRootHalf;
  const auto exponent = static_cast<double>(static_cast<std::int64_t>(bits) >> 52);
  const auto m = std::bit_cast<double>((bits & 0x000FFFFFFFFFFFFFU) + kRootHalf);
  const double f = (m - 1.0) / (m + 1.0);
  const double square = f * f;
  double sum = 0.0;
  for (int k = 21; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return exponent * 0x1.62e42fefa39efp-1 + 2.0 * f * sum;
}

/// cos(2 pi u) for u in [0, 1], within 3e-16: Taylor's series of cos or sin of the distance to the nearest quarter.
inline double series_cos_of_turns(double u) {
  const double quarter = std::floor(4.0 * u + 0.5);
  const double x = (u - 0.25 * quarter) * 0x1.921fb54442d18p+2;  // 2 pi; the difference is exact
  const double square = x * x;
  double cosine = 1.0;
  for (int k = 18; k >= 2; k -= 2) cosine = 1.0 - cosine * square / (k * (k - 1));
  double sine = 1.0;
  for (int k = 19; k >= 3; k -= 2) sine = 1.0 - sine * square / (k * (k - 1));
  sine *= x;
  const int which = static_cast<int>(quarter) % 4;
  return which == 0 ? cosine : which == 1 ? -sine : which == 2 ? -cosine : sine;
}

/// A standard normal number from two independent uniform ones of (0, 1): Box & Muller 1958.
inline double standard_normal(double radius, double angle) {
  return std::sqrt(-2.0 * series_log(radius)) * series_cos_of_turns(angle);
}

}  // namespace shoal::math
