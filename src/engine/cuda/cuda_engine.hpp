#pragma once

#include <memory>

#include "shoal/engine.hpp"

namespace shoal {

/// Training on an NVIDIA GPU, tiny networks a thread each, others a block, and what no block holds layer by layer. In
/// tf32 and bf16 blocks multiply by tensor cores, threads in strict order; in fp32 both in strict order. Layer by layer
/// these three take cuBLAS. Throws UnavailableError in a build without CUDA.
[[nodiscard]] std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options);

/// What kernels of train() took by the device's own clock, added up, for networks that a block or a thread trains:
/// copies and host work are not in it.
struct KernelTime {
  double milliseconds = 0;
  bool is_whole = true;  ///< false: others trained layer by layer
};
/// As make_cuda_engine; `time` outlives the engine.
[[nodiscard]] std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options,
                                                             KernelTime& time);

/// Whether it can run here; if not, `detail` says why.
[[nodiscard]] EngineInfo cuda_engine_info();

}  // namespace shoal
