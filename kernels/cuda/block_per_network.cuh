#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"

/// One network a block, of any topology that shared memory holds: a block reads from its task what it trains, so one
/// launch holds many shapes, minibatches and solvers. Strict order (docs/numerics.md): a thread computes whole sums.
namespace shoal::cuda {

inline constexpr std::uint32_t kMostThreads = 256;

/// Shared memory that a block takes which has so many floats there.
[[nodiscard]] std::size_t block_shared_bytes(std::size_t floats);
/// What the GPU gives a block that asks for it.
[[nodiscard]] std::size_t most_shared_bytes();

/// Trains n_tasks networks, one a task; n_threads a multiple of kWarpLanes, kMostThreads at most; shared_bytes: the
/// most that one needs.
void launch_train_blocks(const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream);

}  // namespace shoal::cuda
