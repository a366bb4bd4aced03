#include <array>
#include <bit>
#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <limits>
#include <numbers>
#include <vector>

#include "formula_targets.hpp"
#include "kernels/math/scalar.hpp"
#include "tests/support/stratified_floats.hpp"

namespace {

namespace formula = shoal::math::scalar;
using shoal::testing::kScalarFormulas;
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

/// Largest |f(x) - reference(x)| / bound(x) over finite floats.
double worst_share(float (*f)(float), double (*reference)(double), double (*bound)(double)) {
  double worst = 0;
  for (const float x : stratified_floats()) {
    if (!std::isfinite(x)) continue;
    const auto wide = static_cast<double>(x);
    const double share = std::abs(static_cast<double>(f(x)) - reference(wide)) / bound(wide);
    worst = std::max(worst, std::isnan(share) ? kInf : share);
  }
  return worst;
}

double reference_sigmoid(double z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }
double reference_softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }
double reference_silu(double z) { return z * reference_sigmoid(z); }
double reference_silu_slope(double z) {
  return std::abs(z) > 700 ? (z > 0 ? 1 : 0) : reference_sigmoid(z) * (1 + z * reference_sigmoid(-z));
}
/// The argument of gelu's sigmoid.
double gate(double z) { return 2 * std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z); }
double reference_gelu(double z) { return std::abs(z) > 50 ? std::max(z, 0.0) : z * reference_sigmoid(gate(z)); }
double reference_gelu_slope(double z) {
  if (std::abs(z) > 50) return z > 0 ? 1 : 0;
  const double s = reference_sigmoid(gate(z));
  const double gate_slope = 2 * std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * z * z);
  return s + z * s * reference_sigmoid(-gate(z)) * gate_slope;
}
/// gelu's derived bound (docs/numerics.md): 8 roundings of the result, and 5 of v, which reach it through z s (1 - s).
double gelu_bound(double z) {
  const double v = std::abs(z) > 50 ? 0 : gate(z);
  return 0x1p-24 *
             (8 * std::abs(reference_gelu(z)) + 5 * std::abs(z * v) * reference_sigmoid(v) * reference_sigmoid(-v)) +
         0x1p-148;
}

TEST(Formulas, ExpIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::exp_of, std::exp), 2.0); }
TEST(Formulas, LogIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::log_of, std::log), 2.0); }
TEST(Formulas, TanhIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::tanh_of, std::tanh), 2.0); }
TEST(Formulas, SigmoidIsWithinTwoUlp) { EXPECT_LE(worst_ulps(formula::sigmoid, reference_sigmoid), 2.0); }

TEST(Formulas, SoftplusIsWithinFourUlp) { EXPECT_LE(worst_ulps(formula::softplus, reference_softplus), 4.0); }
TEST(Formulas, SiluIsWithinFourUlp) {
  EXPECT_LE(worst_ulps(formula::silu, [](double z) { return std::isinf(z) && z < 0 ? 0 : reference_silu(z); }), 4.0);
}
TEST(Formulas, EluIsWithinFourUlp) {
  EXPECT_LE(worst_ulps(formula::elu, [](double z) { return z > 0 ? z : std::expm1(z); }), 4.0);
}
TEST(Formulas, GeluIsWithinItsDerivedBound) {
  EXPECT_LE(worst_share(formula::gelu, reference_gelu, gelu_bound), 1.0);
  EXPECT_GT(worst_share([](float z) { return formula::gelu(z) * (1 + 0x1p-20F); }, reference_gelu, gelu_bound), 1.0);
}
TEST(Formulas, SlopesAreWithinTheirAbsoluteBounds) {
  EXPECT_LE(worst_share(formula::silu_slope, reference_silu_slope, [](double) { return 16 * 0x1p-24; }), 1.0);
  EXPECT_LE(worst_share(formula::gelu_slope, reference_gelu_slope, [](double) { return 32 * 0x1p-24; }), 1.0);
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
