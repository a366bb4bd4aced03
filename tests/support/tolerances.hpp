#pragma once

#include <algorithm>
#include <cmath>

/// Every tolerance of the tests, with its derivation. Each has a negative control in the test that uses it: an error
/// planted on purpose that must be found.
namespace shoal::test {

/// Gradients against differences in double.
///
/// A central difference with four points, h = 1e-3, of a function f computed with relative error u = 2^-53:
///   truncation  |f^(5)| h^4 / 30            = 3.3e-14 |f^(5)|
///   rounding    1.5 * c u max(1, |f|) / h   = 1.7e-13 c max(1, |f|), c about the number of roundings in f
/// Fifth derivatives of the small networks that are drawn stay below 1e4 or so, and c below 1e3, so that both are
/// below the bound asked for.
inline constexpr double kDifferenceStep = 1e-3;
inline bool gradient_agrees(double gradient, double difference, double loss) {
  return std::abs(gradient - difference) <= 1e-6 * std::abs(gradient) + 1e-9 * std::max(1.0, std::abs(loss));
}

}  // namespace shoal::test
