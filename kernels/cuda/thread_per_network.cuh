#pragma once

#include <cstdint>
#include <span>

#include "kernels/cuda/training.cuh"

/// Many small networks at once: a thread trains one network whose parameters stay in its registers; the rows of a
/// minibatch lie in shared memory and are read by all threads of a block together. Strict order (docs/numerics.md): no
/// sum is split over threads. It knows sgd, squared errors and activations f whose derivative is a function of f(z),
/// and nothing beside: no schedule that adapts, no penalty but the weights' squares, no clipping, no dropped units, no
/// rates or classes of their own.
namespace shoal::cuda {

/// Networks of a block.
inline constexpr std::uint32_t kNetworksInBlock = 128;

/// A compiled topology.
struct ShapeSize {
  std::uint32_t n_inputs, n_hidden_1, n_hidden_2, n_outputs;
};
[[nodiscard]] std::span<const ShapeSize> shapes();

/// Trains `n_tasks` blocks of networks of shapes()[shape]; tasks in device memory.
void launch_train_threads(std::size_t shape, const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream);

}  // namespace shoal::cuda
