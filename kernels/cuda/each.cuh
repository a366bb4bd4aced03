#pragma once

#include <cstdint>

#include "kernels/cuda/device.hpp"

namespace shoal::cuda {

/// work(i) for i in [0, n), spread over the block.
template <class Work>
SHOAL_DEVICE void each(std::uint32_t n, Work work) {
  for (std::uint32_t i = thread(); i < n; i += n_threads()) work(i);
}

}  // namespace shoal::cuda
