#pragma once

#include <array>
#include <cstddef>
#include <string_view>

#include "kernels/math/scalar.hpp"

/// Every strict formula of one number, once: X(name) for each. What follows is made from it.
#define SHOAL_FORMULAS(X) \
  X(exp_of)               \
  X(log_of)               \
  X(tanh_of)              \
  X(sigmoid)              \
  X(relu)                 \
  X(leaky_relu)           \
  X(elu)                  \
  X(softplus)             \
  X(silu)                 \
  X(gelu)                 \
  X(silu_slope)           \
  X(gelu_slope)           \
  X(log1p_exp_minus)      \
  X(normal_or_zero)       \
  X(squarable_or_zero)

namespace shoal::testing {

struct ScalarFormula {
  std::string_view name;
  float (*of)(float);
};

#define SHOAL_SCALAR_FORMULA(f) ScalarFormula{#f, [](float x) { return math::scalar::f(x); }},
/// In the order of the list, as are the arrays of SIMD targets and of the device.
inline constexpr auto kScalarFormulas = std::to_array<ScalarFormula>({SHOAL_FORMULAS(SHOAL_SCALAR_FORMULA)});
#undef SHOAL_SCALAR_FORMULA

inline constexpr std::size_t kFormulaCount = kScalarFormulas.size();

}  // namespace shoal::testing
