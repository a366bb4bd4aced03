#pragma once

#include <memory>

#include "shoal/engine.hpp"

namespace shoal {

/// Strict training on an NVIDIA GPU, tiny networks a thread each, others a block. In a
/// build without CUDA it throws UnavailableError.
[[nodiscard]] std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options);

/// What kernels of train() took by the device's own clock, added up, for networks that a block or a thread trains: copies
/// and host work are not in it.
struct KernelTime {
  double milliseconds = 0;
};
/// As make_cuda_engine; `time` outlives the engine.
[[nodiscard]] std::unique_ptr<Engine> make_timed_cuda_engine(const Dataset& dataset, const EngineOptions& options,
                                                             KernelTime& time);

/// Whether it can run here; if not, `detail` says why.
[[nodiscard]] EngineInfo cuda_engine_info();

}  // namespace shoal
