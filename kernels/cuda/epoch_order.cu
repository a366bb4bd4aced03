#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/each.cuh"
#include "kernels/math/permutation.hpp"

namespace shoal::cuda {
namespace {

/// A part of an epoch's order a block.
SHOAL_KERNEL void epoch_order_kernel(EpochOrders of, std::uint32_t* order, WideDivisor parts) {
  const Part part = part_of(parts);
  const std::uint32_t epoch = of.first_epoch + part.network;
  order += static_cast<std::size_t>(part.network) * of.n_training;
  if (!of.shuffles) {
    each_of_part(part, of.n_training, [&](std::uint32_t position) { order[position] = of.training[position]; });
  } else if (of.n_training < math::kSmallestFeistel) {
    auto* const few = dynamic_shared<std::uint32_t>();
    if (thread() == 0) math::shuffle_few(few, of.n_training, of.seed, epoch);
    barrier();
    each(of.n_training, [&](std::uint32_t position) { order[position] = of.training[few[position]]; });
  } else {
    const math::EpochPermutation permutation(of.n_training, of.seed, epoch);
    each_of_part(part, of.n_training,
                 [&](std::uint32_t position) { order[position] = of.training[permutation(position)]; });
  }
}

}  // namespace

void launch_epoch_orders(const EpochOrders& of, std::uint32_t* order, std::uint32_t n_epochs, cudaStream_t stream) {
  const std::uint32_t parts = n_parts(of.n_training, kElementsInBlock);
  launch({"epoch_order_kernel", n_epochs * parts, n_threads_for(of.n_training),
          math::kSmallestFeistel * sizeof(std::uint32_t), stream},
         &epoch_order_kernel, of, order, WideDivisor(parts));
}

}  // namespace shoal::cuda
