#pragma once

#include <memory>

#include "kernels/cpu/core_per_network.hpp"
#include "shoal/engine.hpp"

namespace shoal {

/// Strict training on the CPU, one network a core at a time. `kernels`: the SIMD target; all give the same bits.
[[nodiscard]] std::unique_ptr<Engine> make_cpu_engine(const Dataset& dataset, const EngineOptions& options,
                                                      const cpu::Kernels& kernels = cpu::kernels());
[[nodiscard]] EngineInfo cpu_engine_info();

}  // namespace shoal
