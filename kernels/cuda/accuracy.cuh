#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"

/// val_accuracy on the device, as src/engine/metric.cpp defines it.
namespace shoal::cuda {

/// Whether the class that the outputs of a row say is the row's; of several labels, how many are right.
SHOAL_DEVICE std::uint32_t n_right_of(const Rows& rows, std::size_t row, std::uint32_t n_out, const float* outputs) {
  if (rows.labels == nullptr) {
    std::uint32_t right = 0;
    for (std::uint32_t o = 0; o < n_out; ++o) {
      right += (outputs[o] > 0.5F) == (rows.targets[row * n_out + o] > 0.5F) ? 1U : 0U;
    }
    return right;
  }
  std::uint32_t predicted = n_out == 1 && outputs[0] > 0.5F ? 1U : 0U;
  for (std::uint32_t o = 1; o < n_out; ++o) predicted = outputs[o] > outputs[predicted] ? o : predicted;
  return predicted == static_cast<std::uint32_t>(rows.labels[row]) ? 1U : 0U;
}

/// From what n_right_of() counted over all n_rows rows.
SHOAL_DEVICE double accuracy(const Rows& rows, std::uint64_t n_right, std::uint64_t n_rows, std::uint32_t n_out) {
  const std::uint64_t n = rows.labels == nullptr ? n_rows * n_out : n_rows;
  return static_cast<double>(n_right) / static_cast<double>(n);
}

}  // namespace shoal::cuda
