#pragma once

#include <cstdint>

#include "kernels/cuda/training.cuh"

namespace shoal::cuda {

/// Does with the parameters what the host decided of each network at an epoch's end: keeps them as the best ones, or
/// puts the best ones in their place. A block a task.
void launch_take_decisions(const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream);

}  // namespace shoal::cuda
