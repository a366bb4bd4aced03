#include "kernels/cuda/wide_divisor.cuh"

#include <gtest/gtest.h>
#include <initializer_list>
#include <random>

namespace shoal {
namespace {

constexpr std::uint32_t kMostDivided = (1U << 31) - 1;

void expect_exact(std::uint32_t by, std::uint32_t n) {
  const auto [quotient, remainder] = cuda::WideDivisor(by).split(n);
  ASSERT_EQ(quotient, n / by) << n << " by " << by;
  ASSERT_EQ(remainder, n % by) << n << " by " << by;
}

/// A quotient that is not exact is first wrong beside a multiple, and sooner for a large one.
void expect_exact_at_multiples(std::uint32_t by) {
  for (const std::uint32_t multiple : {kMostDivided / by * by, kMostDivided / 2 / by * by, by}) {
    if (multiple > 0) expect_exact(by, multiple - 1);
    if (multiple <= kMostDivided) expect_exact(by, multiple);
  }
  expect_exact(by, 0);
  expect_exact(by, kMostDivided);
}

TEST(WideDivisor, IsExactBelowTwoToTheThirtyFirst) {
  for (std::uint32_t by = 1; by <= 20'000; ++by) expect_exact_at_multiples(by);
  for (std::uint32_t bit = 1; bit < 32; ++bit) {
    for (const std::uint32_t by : {(1U << bit) - 1, 1U << bit, (1U << bit) + 1}) {
      if (by <= 1U << 31) expect_exact_at_multiples(by);
    }
  }
  std::mt19937 random(4711);
  std::uniform_int_distribution<std::uint32_t> shift(0, 30), number(1, kMostDivided);
  for (int i = 0; i < 1'000'000; ++i) {
    expect_exact(1 + (number(random) >> shift(random)), number(random) >> shift(random));
  }
}

}  // namespace
}  // namespace shoal
