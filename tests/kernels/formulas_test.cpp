#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "formula_bounds.hpp"
#include "formula_targets.hpp"
#include "kernels/math/scalar.hpp"
#include "tests/support/stratified_floats.hpp"

namespace {

namespace formula = shoal::math::scalar;
using shoal::testing::FormulaBound;
using shoal::testing::kFormulaBounds;
using shoal::testing::kScalarFormulas;
using shoal::testing::share_of_bound;
using shoal::testing::stratified_floats;
using shoal::testing::ulps;

constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

TEST(Formulas, AreWithinTheirBounds) {
  for (const FormulaBound& formula : kFormulaBounds) {
    double worst = 0;
    for (const float x : stratified_floats()) worst = std::max(worst, share_of_bound(formula, x, formula.of(x)));
    EXPECT_LE(worst, 1.0) << formula.name;
  }
}

TEST(Formulas, BoundsSeeSmallErrors) {
  for (const FormulaBound& formula : kFormulaBounds) {
    double worst = 0;
    for (const float x : stratified_floats()) {
      worst = std::max(worst, share_of_bound(formula, x, formula.of(x) * (1 + 0x1p-18F)));
    }
    EXPECT_GT(worst, 1.0) << formula.name;
  }
}

TEST(Formulas, AMeanOfPastGradientsEndsAtZero) {
  EXPECT_EQ(formula::normal_or_zero(0x1p-126F), 0x1p-126F);
  EXPECT_EQ(formula::normal_or_zero(-0x1p-126F), -0x1p-126F);
  for (const float x : {0x1.fffffcp-127F, -0x1.fffffcp-127F, 0x1p-149F, -0.0F}) {
    EXPECT_EQ(std::bit_cast<std::uint32_t>(formula::normal_or_zero(x)), 0U) << x;
  }
  EXPECT_EQ(formula::normal_or_zero(-kInf), -kInf);
  EXPECT_TRUE(std::isnan(formula::normal_or_zero(kNaN)));
  float w = 1, m = 0x1.1p-126F, v = 1;
  formula::adam_step(w, m, v, 0.0F, 0.001F, 0.9F, 0.1F, 0.999F, 0.001F, 1e-8F);
  EXPECT_EQ(m, 0.0F);
  for (const auto& step : {formula::momentum_step, formula::nesterov_step}) {
    float u = -0x1.1p-126F;
    step(w, u, 0.0F, 0.1F, 0.9F);
    EXPECT_EQ(u, 0.0F);
  }
  EXPECT_EQ(w, 1.0F);
}

TEST(Formulas, ASquareThatWouldBeSubnormalIsZero) {
  EXPECT_EQ(formula::squarable_or_zero(-0x1p-58F), -0x1p-58F);
  EXPECT_EQ(std::bit_cast<std::uint32_t>(formula::squarable_or_zero(-0x1.fffffep-59F)), 0U);
  EXPECT_TRUE(std::isnan(formula::squarable_or_zero(kNaN)));
  const float c_2 = 1.0F - 0.999F;
  float w = 1, m = 0, v = 0;
  formula::adam_step(w, m, v, 0x1p-58F, 0.001F, 0.9F, 0.1F, 0.999F, c_2, 1e-8F);
  EXPECT_EQ(m, 0.1F * 0x1p-58F);
  EXPECT_EQ(v, c_2 * 0x1p-116F);
  m = 0, v = 0x1.001p-126F;
  formula::adam_step(w, m, v, 0x1p-59F, 0.001F, 0.9F, 0.1F, 0.999F, c_2, 1e-8F);
  EXPECT_EQ(m, 0.0F);
  EXPECT_EQ(v, 0.0F);
  m = 0, v = 0x1.001p-126F;
  formula::rmsprop_step(w, v, 0x1p-59F, 0.001F, 0.999F, c_2, 1e-8F);
  EXPECT_EQ(v, 0.0F);
  EXPECT_EQ(w, 1.0F);
}

TEST(Formulas, SmoothActivationsAtTheEndsOfTheirRange) {
  for (const auto& f : {formula::softplus, formula::silu, formula::gelu}) {
    EXPECT_EQ(f(kInf), kInf);
    EXPECT_EQ(f(-kInf), 0.0F);
    EXPECT_TRUE(std::isnan(f(kNaN)));
  }
  EXPECT_EQ(formula::elu(-kInf), -1.0F);
  EXPECT_EQ(formula::elu(kInf), kInf);
  EXPECT_EQ(formula::elu(0.0F), 0.0F);
  for (const auto& slope : {formula::softplus_slope, formula::silu_slope, formula::gelu_slope}) {
    EXPECT_EQ(slope(kInf), 1.0F);
    EXPECT_EQ(slope(-kInf), 0.0F);
    EXPECT_EQ(slope(0.0F), 0.5F);
  }
  EXPECT_EQ(formula::through_elu(-1.0F, 3.0F), 0.0F);
  EXPECT_EQ(formula::through_elu(-0.5F, 3.0F), 1.5F);
  EXPECT_EQ(formula::through_elu(2.0F, 3.0F), 3.0F);
}

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
    for (std::size_t f = 0; f < kScalarFormulas.size(); ++f) {
      std::size_t n_different = 0;
      for (std::size_t first = 0; first < xs.size(); first += 16) {
        alignas(64) float from[16];
        alignas(64) float to[16];
        std::copy_n(xs.begin() + static_cast<std::ptrdiff_t>(first), 16, from);
        target.formulas[f](from, to, 16);
        for (std::size_t i = 0; i < 16; ++i) {
          const float want = kScalarFormulas[f].of(from[i]);
          const bool same = std::bit_cast<std::uint32_t>(to[i]) == std::bit_cast<std::uint32_t>(want) ||
                            (std::isnan(to[i]) && std::isnan(want));
          n_different += same ? 0 : 1;
        }
      }
      EXPECT_EQ(n_different, 0U) << target.name << ", " << kScalarFormulas[f].name;
    }
  }
}

}  // namespace
