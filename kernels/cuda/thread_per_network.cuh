#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "kernels/cuda/training.cuh"

/// Many small networks at once: a thread trains one network whose parameters stay in its registers; the rows of a
/// minibatch lie in shared memory and are read by all threads of a block together. Strict order (docs/numerics.md): no
/// sum is split over threads. Everything that a trial can ask for is trained; what most trials ask for has kernels of
/// its own.
namespace shoal::cuda {

/// Plain: squared errors of rows that weigh the same, no regulariser but the weights' squares, no rates of layers or
/// that adapt; one solver, and one activation in all hidden layers. Else anything.
struct ThreadVariant {
  bool is_plain = false;
  Act activation = Act::identity;       ///< of a plain one
  SolverKind solver = SolverKind::sgd;  ///< likewise: sgd or adam
  friend bool operator==(const ThreadVariant&, const ThreadVariant&) = default;
};

/// A kernel for one topology and what it trains.
struct ThreadKernel {
  std::vector<std::uint32_t> sizes;  ///< inputs, units of hidden layers, outputs
  ThreadVariant variant;
  std::size_t shared_bytes = 0;    ///< of a block
  const void* function = nullptr;  ///< of a task pointer, as launch_function() takes it
};
/// Those of the program. Plain kernels of a topology come before the one for anything.
[[nodiscard]] std::span<const ThreadKernel> compiled_thread_kernels();

/// Trains `n_tasks` blocks of networks; tasks in device memory. Every epoch's order is the task's.
void launch_train_threads(const ThreadKernel& kernel, const TrainTask* tasks, std::uint32_t n_tasks,
                          cudaStream_t stream);

}  // namespace shoal::cuda
