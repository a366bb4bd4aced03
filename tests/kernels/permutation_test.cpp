#include "kernels/math/permutation.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <numeric>
#include <vector>

namespace {

using shoal::math::EpochPermutation;

std::vector<std::uint32_t> order_of(std::uint32_t n, std::uint64_t seed, std::uint32_t epoch) {
  std::vector<std::uint32_t> order(n);
  if (n < shoal::math::kSmallestFeistel) {
    shoal::math::shuffle_few(order.data(), n, seed, epoch);
  } else {
    const EpochPermutation permutation(n, seed, epoch);
    for (std::uint32_t i = 0; i < n; ++i) order[i] = permutation(i);
  }
  return order;
}

TEST(Permutation, HoldsEveryRowOnceForEveryNumberOfRows) {
  for (std::uint32_t n = 1; n <= 5000; ++n) {
    std::vector<std::uint32_t> order = order_of(n, 7 + n, n % 3);
    std::ranges::sort(order);
    for (std::uint32_t i = 0; i < n; ++i) ASSERT_EQ(order[i], i) << "of " << n;
  }
}

TEST(Permutation, DiffersBetweenEpochsAndSeeds) {
  for (const std::uint32_t n : {200U, 3000U}) {
    EXPECT_NE(order_of(n, 1, 0), order_of(n, 1, 1));
    EXPECT_NE(order_of(n, 1, 0), order_of(n, 2, 0));
    EXPECT_EQ(order_of(n, 1, 5), order_of(n, 1, 5));
  }
}

// Chi-square over (position, row) cells; 1 % and 99 % quantiles of the distribution by its normal approximation.
TEST(Permutation, PutsEveryRowAtEveryPositionEquallyOften) {
  for (const std::uint32_t n : {97U, 320U}) {
    constexpr std::uint32_t kBins = 16;
    constexpr std::uint32_t kEpochs = 4000;
    std::vector<double> count(static_cast<std::size_t>(kBins) * kBins);
    std::vector<double> expected(count.size());
    for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
      const std::vector<std::uint32_t> order = order_of(n, 11, epoch);
      for (std::uint32_t i = 0; i < n; ++i) ++count[(i * kBins / n) * kBins + order[i] * kBins / n];
    }
    std::vector<double> bin(kBins);
    for (std::uint32_t i = 0; i < n; ++i) ++bin[i * kBins / n];
    double chi_square = 0;
    for (std::uint32_t a = 0; a < kBins; ++a) {
      for (std::uint32_t b = 0; b < kBins; ++b) {
        const double want = kEpochs * bin[a] * bin[b] / n;
        // A bin holds bin[a] positions, which exclude one another: the variance of a count is smaller by (n - bin) / (n
        // - 1).
        const double excess = count[a * kBins + b] - want;
        chi_square += excess * excess / want * (n - 1) / n;
      }
    }
    constexpr double kFreedom = (kBins - 1.0) * (kBins - 1.0);
    EXPECT_GT(chi_square, kFreedom - 3.5 * std::sqrt(2 * kFreedom)) << n;
    EXPECT_LT(chi_square, kFreedom + 3.5 * std::sqrt(2 * kFreedom)) << n;
  }
}

/// Rows that follow each other, and rows at positions n/2 apart, are independent up to being different.
TEST(Permutation, PutsEveryPairOfRowsAtAPairOfPositionsEquallyOften) {
  constexpr std::uint32_t kBins = 12;
  constexpr std::uint32_t kEpochs = 3000;
  for (const std::uint32_t n : {84U, 600U}) {
    for (const std::uint32_t distance : {1U, n / 2}) {
      std::vector<double> count(static_cast<std::size_t>(kBins) * kBins);
      for (std::uint32_t epoch = 0; epoch < kEpochs; ++epoch) {
        const std::vector<std::uint32_t> order = order_of(n, 23, epoch);
        // Pairs that do not overlap.
        for (std::uint32_t i = 0; i + distance < n; i += 2 * distance) {
          for (std::uint32_t j = i; j < std::min(i + distance, n - distance); ++j) {
            ++count[order[j] * kBins / n * kBins + order[j + distance] * kBins / n];
          }
        }
      }
      double total = 0;
      for (const double c : count) total += c;
      const double per_bin = static_cast<double>(n) / kBins;
      double chi_square = 0;
      for (std::uint32_t a = 0; a < kBins; ++a) {
        for (std::uint32_t b = 0; b < kBins; ++b) {
          const double pairs = a == b ? per_bin * (per_bin - 1) : per_bin * per_bin;
          const double want = total * pairs / (static_cast<double>(n) * (n - 1));
          chi_square += (count[a * kBins + b] - want) * (count[a * kBins + b] - want) / want;
        }
      }
      // An epoch's pairs use every row once: all row and column sums are nearly fixed, which leaves (bins - 1)^2 free
      // or, in the pairs' symmetric part, fewer. Both ends of that range, widened by 4 deviations.
      constexpr double kMost = kBins * kBins - 1.0;
      constexpr double kLeast = kBins * (kBins - 1.0) / 2;
      EXPECT_GT(chi_square, kLeast - 4 * std::sqrt(2 * kLeast)) << n << ", " << distance;
      EXPECT_LT(chi_square, kMost + 4 * std::sqrt(2 * kMost)) << n << ", " << distance;
    }
  }
}

}  // namespace
