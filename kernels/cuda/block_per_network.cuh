#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"

/// One network a block, of any topology that shared memory holds: a block reads from its task what it trains, so one
/// launch holds many shapes, minibatches and solvers. In strict order (docs/numerics.md) a thread computes whole sums;
/// of rounded operands a warp's tensor cores add them.
namespace shoal::cuda {

inline constexpr std::uint32_t kMostThreads = 256;
/// Threads for which a multiprocessor has registers at least.
inline constexpr std::uint32_t kResidentThreads = 512;

/// Shared memory that a block takes which has so many floats there.
[[nodiscard]] std::size_t block_shared_bytes(std::size_t floats);

/// Trains n_tasks networks, one a task; n_threads a multiple of kWarpLanes, kMostThreads at most; shared_bytes: the
/// most that one needs.
void launch_train_blocks(Operands operands, const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream);
/// The same by a kernel that is built for the shape of all of these networks, and for blocks of n_threads.
void launch_built_blocks(const void* function, const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream);

}  // namespace shoal::cuda
