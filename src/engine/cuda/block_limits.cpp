#include "engine/cuda/block_limits.hpp"

#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {

std::size_t most_shared_bytes() {
  static const int bytes = device_attribute(cudaDevAttrMaxSharedMemoryPerBlockOptin);
  return static_cast<std::size_t>(bytes);
}

std::size_t shared_bytes_beside(std::uint32_t n_threads) {
  constexpr std::size_t kTakenByEachBlock = 1024;
  const std::size_t all = most_shared_bytes() + kTakenByEachBlock;
  return all * n_threads / kResidentThreads - kTakenByEachBlock;
}

bool has_tensor_cores() { return device_attribute(cudaDevAttrComputeCapabilityMajor) >= 8; }

}  // namespace shoal::cuda
