#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/optimizer_step.cuh"

/// What a step makes of a cohort's gradient sums.
namespace shoal::cuda {

/// Whole warps come here.
template <class T>
SHOAL_DEVICE float minibatch_inverse(const CohortTask<T>& task, std::uint32_t network, std::uint32_t n_rows) {
  if (!is_weighted(task.rows, task.rules[network])) return inverse_weight(false, 0.0F, n_rows);
  const CohortSums* const sums = task.sums + static_cast<std::size_t>(network) * task.n_row_blocks;
  const std::uint32_t n_blocks = n_parts(n_rows, task.blocks.n_rows);
  float weight = 0.0F;
  for (std::uint32_t k = lane(); k < n_blocks; k += kWarpLanes) weight += sums[k].minibatch_weight;
  for (std::uint32_t half = kWarpLanes / 2; half > 0; half /= 2) weight += shuffle_xor(kFullWarp, weight, half);
  return inverse_weight(true, weight, n_rows);
}

/// Gradient sum of parameter p -> its finished gradient.
template <class T>
SHOAL_DEVICE float gradient_of(const CohortTask<T>& task, std::uint32_t network, std::size_t p, bool is_bias,
                               float inverse) {
  return finished_gradient(task.gradient[p], task.weights[p], is_bias, task.rules[network], inverse);
}

}  // namespace shoal::cuda
