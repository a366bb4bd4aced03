#pragma once

#include <memory>

#include "shoal/engine.hpp"

namespace shoal {

/// Strict training of very small networks on an NVIDIA GPU, a thread a network; why_not() names what it does not do.
/// In a build without CUDA it throws UnavailableError.
[[nodiscard]] std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options);
/// Whether it can run here; if not, `detail` says why.
[[nodiscard]] EngineInfo cuda_engine_info();

}  // namespace shoal
