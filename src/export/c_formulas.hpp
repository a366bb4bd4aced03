#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shoal::exporting {

/// C99 of the functions `wanted` (relu, leaky_relu, sigmoid, tanh, elu, softplus, silu, gelu, exp) and of those that
/// they call, `float @NAME(float)` each; `@` stands for a prefix. They give the bits of kernels/math.
[[nodiscard]] std::string c_formulas(std::span<const std::string_view> wanted);

}  // namespace shoal::exporting
