#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "formula_targets.hpp"
#include "kernels/math/scalar.hpp"
#include "tests/support/stratified_floats.hpp"

namespace {

namespace formula = shoal::math::scalar;
using shoal::testing::stratified_floats;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// |got - want| in units of the last place of want rounded to float; NaN matches NaN, infinities must be equal.
double ulps(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e9;
  const auto rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got) || std::isnan(got)) return got == rounded ? 0 : 1e9;
  int exponent = 0;
  std::frexp(std::abs(want), &exponent);
  return std::abs(static_cast<double>(got) - want) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

double worst_ulps(float (*f)(float), double (*reference)(double)) {
  double worst = 0;
  for (const float x : stratified_floats()) worst = std::max(worst, ulps(f(x), reference(static_cast<double>(x))));
  return worst;
}

double reference_sigmoid(double z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }

TEST(Formulas, ExpIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::exp_of, std::exp), 2.0); }
TEST(Formulas, LogIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::log_of, std::log), 2.0); }
TEST(Formulas, TanhIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::tanh_of, std::tanh), 2.0); }
TEST(Formulas, SigmoidIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::sigmoid, reference_sigmoid), 2.0); }

TEST(Formulas, UlpMeasureSeesAnErrorOfThreeUnits) {
  EXPECT_GT(ulps(1.0F + 3 * 0x1p-23F, 1.0), 2.0);
  EXPECT_GT(ulps(kInf, 1.0), 2.0);
  EXPECT_GT(ulps(kNaN, 1.0), 2.0);
}

TEST(Formulas, ExpAtTheEndsOfItsRange) {
  EXPECT_EQ(formula::exp_of(0.0F), 1.0F);
  EXPECT_EQ(formula::exp_of(-kInf), 0.0F);
  EXPECT_EQ(formula::exp_of(kInf), kInf);
  EXPECT_EQ(formula::exp_of(89.0F), kInf);
  EXPECT_EQ(formula::exp_of(-103.9F), 0x1p-149F);
  EXPECT_EQ(formula::exp_of(-104.0F), 0.0F);
  EXPECT_TRUE(std::isnan(formula::exp_of(kNaN)));
}

TEST(Formulas, LogAtTheEndsOfItsRange) {
  EXPECT_EQ(formula::log_of(1.0F), 0.0F);
  EXPECT_EQ(formula::log_of(0.0F), -kInf);
  EXPECT_EQ(formula::log_of(-0.0F), -kInf);
  EXPECT_EQ(formula::log_of(kInf), kInf);
  EXPECT_TRUE(std::isnan(formula::log_of(-1.0F)));
  EXPECT_TRUE(std::isnan(formula::log_of(kNaN)));
}

TEST(Formulas, ReluIsPlusZeroAtAndBelowZeroAndForNaN) {
  EXPECT_EQ(formula::relu(2.5F), 2.5F);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(formula::relu(-0.0F)), 0U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(formula::relu(-3.0F)), 0U);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(formula::relu(kNaN)), 0U);
  EXPECT_EQ(formula::through_relu(0.0F, 7.0F), 0.0F);
  EXPECT_EQ(formula::through_relu(0.1F, 7.0F), 7.0F);
}

TEST(Formulas, LeakyReluHasSlopeOneHundredthFromZeroDown) {
  EXPECT_EQ(formula::leaky_relu(-2.0F), 0.01F * -2.0F);
  EXPECT_EQ(formula::through_leaky_relu(0.0F, 4.0F), 0.01F * 4.0F);
}

TEST(Formulas, EverySimdTargetGivesTheScalarBits) {
  const std::vector<FormulaTarget> targets = formula_targets();
  ASSERT_GE(targets.size(), 1U);
  const std::vector<float>& xs = stratified_floats();
  for (const FormulaTarget& target : targets) {
    const std::array pairs{
        std::pair{target.exp, &formula::exp_of},   std::pair{target.log, &formula::log_of},
        std::pair{target.tanh, &formula::tanh_of}, std::pair{target.sigmoid, &formula::sigmoid},
        std::pair{target.relu, &formula::relu},    std::pair{target.leaky_relu, &formula::leaky_relu}};
    for (std::size_t f = 0; f < pairs.size(); ++f) {
      std::size_t n_different = 0;
      for (std::size_t first = 0; first < xs.size(); first += 16) {
        alignas(64) float from[16];
        alignas(64) float to[16];
        std::copy_n(xs.begin() + static_cast<std::ptrdiff_t>(first), 16, from);
        pairs[f].first(from, to, 16);
        for (std::size_t i = 0; i < 16; ++i) {
          const float want = pairs[f].second(from[i]);
          const bool same = std::bit_cast<std::uint32_t>(to[i]) == std::bit_cast<std::uint32_t>(want) ||
                            (std::isnan(to[i]) && std::isnan(want));
          n_different += same ? 0 : 1;
        }
      }
      EXPECT_EQ(n_different, 0U) << target.name << ", formula " << f;
    }
  }
}

}  // namespace
