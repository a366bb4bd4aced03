#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"

/// One network a block, of any topology: a block reads from its task what it trains, so one launch holds many shapes,
/// minibatches and solvers. Strict order (docs/numerics.md): a thread computes whole sums.
namespace shoal::cuda {

/// Shared memory that a block takes; its tile is elsewhere where TrainTask::tile says so.
[[nodiscard]] std::size_t block_shared_bytes(std::uint32_t tile_floats);
/// What every GPU gives a block without being asked.
inline constexpr std::size_t kMostSharedBytes = 48 * 1024;

/// Trains n_tasks networks, one a task; n_threads a multiple of kWarpLanes; shared_bytes: the most that one needs.
void launch_train_blocks(const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream);

}  // namespace shoal::cuda
