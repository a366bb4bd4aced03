#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

/// The strict formulas as a kernel computes them, element by element.
namespace shoal::cuda {

enum class DeviceFormula : std::uint8_t { exp, log, tanh, sigmoid, relu, leaky_relu };

/// y[i] = f(x[i]).
[[nodiscard]] std::vector<float> on_device(DeviceFormula formula, std::span<const float> x);

}  // namespace shoal::cuda
