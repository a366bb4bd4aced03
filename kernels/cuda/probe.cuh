#pragma once

#include <cstdint>

#include "kernels/cuda/training.cuh"

/// Passes of networks over rows, nothing trained.
namespace shoal::cuda {

/// Every output may be null.
struct ProbeTask {
  Rows rows;
  Shape shape;
  LossKind loss = LossKind::squared;
  NetworkRules rules;
  bool training = false;               ///< the objective of training: smoothed targets, balanced classes
  const std::uint32_t* row = nullptr;  ///< [n_rows] rows of the table; null: 0, 1, ...
  std::uint32_t n_rows = 0;
  std::uint32_t n_units = 0;       ///< of all layers
  const float* weights = nullptr;  ///< [parameter]
  float* memory = nullptr;         ///< [block of the task][probe_floats()]; null: in shared memory
  float* z = nullptr;              ///< [row][n_units]
  float* a = nullptr;              ///< likewise; outputs after softmax or sigmoid
  float* outputs = nullptr;        ///< [row][n_outputs], likewise
  float* row_loss = nullptr;       ///< [row]
  float* gradient = nullptr;       ///< [parameter]; one block alone
};

/// What a block needs for values, weights and, where it is asked for one, a gradient.
SHOAL_HD std::size_t probe_floats(const ProbeTask& task) {
  return task.shape.value_floats + (task.gradient == nullptr ? 1U : 2U) * std::size_t{task.shape.weight_floats};
}
/// Runs n_blocks blocks a task, each over every n_blocks-th tile of its rows; tasks in device memory. shared_bytes: the
/// most that one needs.
void launch_probe(const ProbeTask* tasks, std::uint32_t n_tasks, std::uint32_t n_blocks, bool in_shared,
                  std::size_t shared_bytes, cudaStream_t stream);
/// Tiles that n_rows make.
[[nodiscard]] std::uint32_t n_tiles(std::uint32_t n_rows);

}  // namespace shoal::cuda
