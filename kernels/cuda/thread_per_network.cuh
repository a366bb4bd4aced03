#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/cuda/training.cuh"

/// Many small networks at once: a thread trains one network whose parameters stay in its registers; the rows of a
/// minibatch lie in shared memory and are read by all threads of a block together. Strict order (docs/numerics.md): no
/// sum is split over threads. Everything that a trial can ask for is trained, if its topology is compiled; what most
/// trials ask for has kernels of its own.
namespace shoal::cuda {

/// Networks of a block.
inline constexpr std::uint32_t kNetworksInBlock = 128;

/// A compiled kernel and what it trains.
struct ThreadKernel {
  std::span<const std::uint32_t> sizes;  ///< inputs, units of hidden layers, outputs
  std::size_t shared_bytes = 0;          ///< of a block
  /// Plain: squared errors of rows that weigh the same, no regulariser but the weights' squares, no rates of layers or
  /// that adapt; one solver, and one activation in all hidden layers. Else anything.
  bool is_plain = false;
  Act activation = Act::identity;
  SolverKind solver = SolverKind::sgd;
};
/// Plain kernels of a topology come before the one for anything.
[[nodiscard]] std::span<const ThreadKernel> thread_kernels();

/// Trains `n_tasks` blocks of networks by thread_kernels()[kernel]; tasks in device memory. Every epoch's order is the
/// task's.
void launch_train_threads(std::size_t kernel, const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream);

}  // namespace shoal::cuda
