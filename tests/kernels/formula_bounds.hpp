#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <numbers>
#include <string_view>

#include "kernels/math/scalar.hpp"

/// What the strict formulas are compared with: the C library in double, and how far they may be from it.
namespace shoal::testing {

/// |got - want| in units of the last place of want rounded to float; NaN matches NaN, infinities must be equal.
inline double ulps(float got, double want) {
  if (std::isnan(want)) return std::isnan(got) ? 0 : 1e9;
  const auto rounded = static_cast<float>(want);
  if (std::isinf(rounded) || std::isinf(got) || std::isnan(got)) return got == rounded ? 0 : 1e9;
  int exponent = 0;
  std::frexp(std::abs(want), &exponent);
  return std::abs(static_cast<double>(got) - want) / std::ldexp(1.0, std::max(exponent - 24, -149));
}

inline double reference_sigmoid(double z) { return z < 0 ? std::exp(z) / (1 + std::exp(z)) : 1 / (1 + std::exp(-z)); }
inline double reference_softplus(double z) { return std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))); }
inline double reference_silu(double z) { return std::isinf(z) && z < 0 ? 0 : z * reference_sigmoid(z); }
inline double reference_silu_slope(double z) {
  return std::abs(z) > 700 ? (z > 0 ? 1 : 0) : reference_sigmoid(z) * (1 + z * reference_sigmoid(-z));
}
/// The argument of gelu's sigmoid.
inline double gate(double z) { return 2 * std::sqrt(2 / std::numbers::pi) * (z + 0.044715 * z * z * z); }
inline double reference_gelu(double z) { return std::abs(z) > 50 ? std::max(z, 0.0) : z * reference_sigmoid(gate(z)); }
inline double reference_gelu_slope(double z) {
  if (std::abs(z) > 50) return z > 0 ? 1 : 0;
  const double s = reference_sigmoid(gate(z));
  const double gate_slope = 2 * std::sqrt(2 / std::numbers::pi) * (1 + 3 * 0.044715 * z * z);
  return s + z * s * reference_sigmoid(-gate(z)) * gate_slope;
}
/// gelu's derived bound (docs/numerics.md): 8 roundings of the result, and 5 of v, which reach it through z s (1 - s).
inline double gelu_bound(double z) {
  const double v = std::abs(z) > 50 ? 0 : gate(z);
  return 0x1p-24 *
             (8 * std::abs(reference_gelu(z)) + 5 * std::abs(z * v) * reference_sigmoid(v) * reference_sigmoid(-v)) +
         0x1p-148;
}

inline double reference_elu(double z) { return z > 0 ? z : std::expm1(z); }
inline double reference_log1p_exp_minus(double z) { return std::log1p(std::exp(-std::abs(z))); }

/// A formula, its true value, and either a bound in ulp or one on the absolute error at finite numbers.
struct FormulaBound {
  std::string_view name;
  float (*of)(float);
  double (*reference)(double);
  double most_ulps;  ///< 0: `bound` says how far
  double (*bound)(double z);
};

inline constexpr auto kFormulaBounds = std::to_array<FormulaBound>({
    {"exp_of", math::scalar::exp_of, std::exp, 2, nullptr},
    {"log_of", math::scalar::log_of, std::log, 2, nullptr},
    {"tanh_of", math::scalar::tanh_of, std::tanh, 2, nullptr},
    {"sigmoid", math::scalar::sigmoid, reference_sigmoid, 2, nullptr},
    {"elu", math::scalar::elu, reference_elu, 4, nullptr},
    {"softplus", math::scalar::softplus, reference_softplus, 4, nullptr},
    {"log1p_exp_minus", math::scalar::log1p_exp_minus, reference_log1p_exp_minus, 4, nullptr},
    {"silu", math::scalar::silu, reference_silu, 4, nullptr},
    {"gelu", math::scalar::gelu, reference_gelu, 0, gelu_bound},
    {"silu_slope", math::scalar::silu_slope, reference_silu_slope, 0, [](double) { return 16 * 0x1p-24; }},
    {"gelu_slope", math::scalar::gelu_slope, reference_gelu_slope, 0, [](double) { return 32 * 0x1p-24; }},
});

/// |got - f(x)| as a share of what the formula may be off.
inline double share_of_bound(const FormulaBound& formula, float x, float got) {
  const auto wide = static_cast<double>(x);
  if (formula.bound == nullptr) return ulps(got, formula.reference(wide)) / formula.most_ulps;
  if (!std::isfinite(x)) return 0;
  const double share = std::abs(static_cast<double>(got) - formula.reference(wide)) / formula.bound(wide);
  return std::isnan(share) ? std::numeric_limits<double>::infinity() : share;
}

}  // namespace shoal::testing
