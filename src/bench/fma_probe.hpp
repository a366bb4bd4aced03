#pragma once

#include <span>

namespace shoal::bench {

/// Nothing but multiply-adds in registers, for one SIMD target.
struct FmaProbe {
  double flops;                ///< of a call
  float (*run)(float, float);  ///< any two numbers, which a compiler must not know; returns what they lead to
};
/// In the order of cpu::all_kernels().
[[nodiscard]] std::span<const FmaProbe> fma_probes();

}  // namespace shoal::bench
