#include "kernels/math/sum32.hpp"

#include <gtest/gtest.h>
#include <vector>

namespace {

// Written out from the definition: partials k, k + 32, ..., then halves.
double by_definition(const std::vector<double>& xs) {
  std::vector<double> partial(32, 0.0);
  for (std::size_t k = 0; k < 32; ++k) {
    for (std::size_t i = k; i < xs.size(); i += 32) partial[k] = partial[k] + xs[i];
  }
  for (const std::size_t h : {16U, 8U, 4U, 2U, 1U}) {
    for (std::size_t k = 0; k < h; ++k) partial[k] = partial[k] + partial[k + h];
  }
  return partial[0];
}

TEST(Sum32, AddsInTheOrderOfTheDefinition) {
  for (const std::size_t n : {0U, 1U, 31U, 32U, 33U, 1000U}) {
    std::vector<double> xs;
    shoal::math::Sum32 sum;
    for (std::size_t i = 0; i < n; ++i) xs.push_back(1.0 / (3.0 + static_cast<double>(i * i % 101)));
    for (const double x : xs) sum.add(x);
    EXPECT_EQ(sum.total(), by_definition(xs));
  }
}

TEST(Sum32, OrderIsPartOfTheDefinition) {
  shoal::math::Sum32 sum;
  sum.add(1.0);
  for (int i = 0; i < 31; ++i) sum.add(0.0);
  for (int i = 0; i < 64; ++i) sum.add(0x1p-53);  // one partial takes two of them beside the 1: both are lost there
  EXPECT_EQ(sum.total(), 1.0 + 62 * 0x1p-53);
}

}  // namespace
