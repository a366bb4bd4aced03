#pragma once

#include <cstdint>

#include "kernels/cuda/cohort.cuh"
#include "kernels/math/sum32.hpp"

/// What a cohort adds up over rows or parameters, in the strict order; it takes the place of what other kernels added
/// up as it came.
namespace shoal::cuda {

/// Partial sums of a network's epoch.
struct StrictSums {
  double train_loss[math::kPartials], train_weight[math::kPartials], val_loss[math::kPartials];
  std::uint32_t n_validated = 0;  ///< rows of which val_loss is
};

/// Adds the losses of n_rows rows, which output_kernel left in task.row_loss, to sums: [network]. In training the rows
/// are those at the cursor, and the minibatch's weight is added up as well; elsewhere the next ones to validate.
void launch_strict_losses(const CohortTask<float>& task, StrictSums* sums, std::uint32_t n_rows, bool training,
                          cudaStream_t stream);
/// The epoch's sums to where finish_epoch_kernel looks for them; they begin anew.
void launch_strict_totals(const CohortTask<float>& task, StrictSums* sums, cudaStream_t stream);
/// As launch_norm.
void launch_strict_norm(const CohortTask<float>& task, std::uint32_t n_rows, cudaStream_t stream);

}  // namespace shoal::cuda
