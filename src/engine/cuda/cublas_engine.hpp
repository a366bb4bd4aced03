#pragma once

#include <memory>

#include "shoal/engine.hpp"

namespace shoal {

/// Layer-wise training on an NVIDIA GPU by cuBLAS's products, in the fast precisions fp32, tf32 and bf16: many networks
/// at a time, or one large one. In a build without CUDA it throws UnavailableError.
[[nodiscard]] std::unique_ptr<Engine> make_cublas_engine(const Dataset& dataset, const EngineOptions& options);

/// Whether inputs would take so much of the device that this engine lets them come a minibatch at a time.
[[nodiscard]] bool streams_table(const Dataset& dataset, const EngineOptions& options);

/// Whether it can run here; if not, `detail` says why.
[[nodiscard]] EngineInfo cublas_engine_info();

}  // namespace shoal
