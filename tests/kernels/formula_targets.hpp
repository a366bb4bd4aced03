#pragma once

#include <cstddef>
#include <string>
#include <vector>

/// The strict formulas applied to arrays by one SIMD target. n is a multiple of 16, arrays are aligned to 64 bytes.
struct FormulaTarget {
  std::string name;
  void (*exp)(const float*, float*, std::size_t n);
  void (*log)(const float*, float*, std::size_t n);
  void (*tanh)(const float*, float*, std::size_t n);
  void (*sigmoid)(const float*, float*, std::size_t n);
  void (*relu)(const float*, float*, std::size_t n);
  void (*leaky_relu)(const float*, float*, std::size_t n);
};

/// Every Highway target of this machine, the portable baseline last.
std::vector<FormulaTarget> formula_targets();
