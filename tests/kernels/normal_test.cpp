#include "kernels/math/normal.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <numbers>

#include "kernels/math/philox.hpp"

namespace {

using namespace shoal::math;

TEST(Normal, LogAndCosineAreTheLibrarysWithinTheirBounds) {
  for (std::uint32_t i = 0; i < 100000; ++i) {
    const Words4 words = random_words(Purpose::init, 0, 1, i, 5);
    const double u = open_unit(words.word[0], words.word[1]);
    const double tiny = std::ldexp(u, -static_cast<int>(i % 50));
    // 3e-16 of ours and a rounding of the library's.
    ASSERT_NEAR(series_log(tiny), std::log(tiny), 4.2e-16 * (1 + std::abs(std::log(tiny)))) << tiny;
    const auto turns = static_cast<long double>(u) * 2 * std::numbers::pi_v<long double>;
    ASSERT_NEAR(series_cos_of_turns(u), static_cast<double>(std::cos(turns)), 3e-16) << u;
  }
  EXPECT_EQ(series_log(1.0), 0.0);
  EXPECT_EQ(series_cos_of_turns(0.5), -1.0);
  EXPECT_EQ(series_cos_of_turns(0.25), 0.0);
}

/// Shares of a hundred thousand numbers below z against the normal distribution's: Kolmogorov and Smirnov's bound at
/// a level of 1e-6 is sqrt(ln(2e6) / 2 / 1e5) = 0.0085.
TEST(Normal, NumbersAreNormallyDistributed) {
  constexpr int kNumbers = 100000;
  for (const double z : {-3.0, -2.0, -1.0, -0.5, 0.0, 0.25, 1.0, 1.5, 2.5}) {
    int below = 0;
    for (std::uint32_t i = 0; i < kNumbers; ++i) {
      const Words4 w = random_words(Purpose::init, 0, 0, i, 11);
      below += standard_normal(open_unit(w.word[0], w.word[1]), open_unit(w.word[2], w.word[3])) < z ? 1 : 0;
    }
    EXPECT_NEAR(below / static_cast<double>(kNumbers), 0.5 * std::erfc(-z / std::numbers::sqrt2), 0.0085) << z;
  }
}

}  // namespace
