#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/optimizer_step.cuh"

/// What a step makes of a cohort's gradient sums.
namespace shoal::cuda {

template <class T>
SHOAL_DEVICE float minibatch_inverse(const CohortTask<T>& task, std::uint32_t network, std::uint32_t n_rows) {
  const CohortSums* const sums = task.sums + static_cast<std::size_t>(network) * task.n_row_blocks;
  float weight = 0.0F;
  for (std::uint32_t k = 0; k < n_parts(n_rows, task.blocks.n_rows); ++k) weight += sums[k].minibatch_weight;
  return inverse_weight(is_weighted(task.rows, task.rules[network]), weight, n_rows);
}

/// Gradient sum of parameter p -> its finished gradient.
template <class T>
SHOAL_DEVICE float gradient_of(const CohortTask<T>& task, std::uint32_t network, std::size_t p, bool is_bias,
                               float inverse) {
  return finished_gradient(task.gradient[p], task.weights[p], is_bias, task.rules[network], inverse);
}

}  // namespace shoal::cuda
