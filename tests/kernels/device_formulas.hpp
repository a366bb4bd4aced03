#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "tests/kernels/formula_list.hpp"

/// The strict formulas as a kernel computes them, element by element.
namespace shoal::cuda {

/// y[i] = f(x[i]), f the formula of that place in the list.
[[nodiscard]] std::vector<float> on_device(std::size_t formula, std::span<const float> x);

}  // namespace shoal::cuda
