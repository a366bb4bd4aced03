#pragma once

#include <cstdint>

#include "kernels/cuda/cohort.cuh"

/// The products of a cohort's layers in strict order, with all that is done to an element in the thread that owns it:
/// activation and dropout behind the forward product, the derivative behind the one that brings the error back.
namespace shoal::cuda {

/// One layer of all networks, for n_rows rows. largest_*: of any network.
struct StrictLayer {
  std::uint32_t l = 0, n_rows = 0;
  std::uint32_t largest_n_in = 0, largest_n_out = 0;
  bool drops = false;  ///< units are dropped where rules say
};

/// z = [W | b] [a; 1] and, of a hidden layer, a = f(z) into the next layer's input, whose column of ones is left as it
/// is. z is stored where the derivative is taken from it, and of the last layer.
void launch_strict_forward(const CohortTask<float>& task, const StrictLayer& layer, cudaStream_t stream);
/// delta of layer l, which is there -> that of layer l - 1. Both are arrays as task.delta, and not the same.
void launch_strict_backward(const CohortTask<float>& task, const StrictLayer& layer, const float* delta, float* below,
                            cudaStream_t stream);
/// [dW | db] of layer l from its delta, summed over the rows.
void launch_strict_gradient(const CohortTask<float>& task, const StrictLayer& layer, const float* delta,
                            cudaStream_t stream);

}  // namespace shoal::cuda
