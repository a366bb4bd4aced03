#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "formula_list.hpp"

/// The strict formulas applied to arrays by one SIMD target.
struct FormulaTarget {
  std::string name;
  /// In the order of the list. y[i] = f(x[i]) for n numbers, a multiple of 16; arrays are aligned to 64 bytes.
  std::array<void (*)(const float* x, float* y, std::size_t n), shoal::testing::kFormulaCount> formulas;
};

/// Every Highway target of this machine, the portable baseline last.
std::vector<FormulaTarget> formula_targets();
