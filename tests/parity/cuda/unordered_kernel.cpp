// Faulty twins of the kernels that leave their barriers out.
#include "kernels/cuda/device.hpp"

namespace shoal::cuda {
inline void no_barrier() {}
}  // namespace shoal::cuda

#define barrier no_barrier
#include "kernels/cuda/block_per_network.cu"
#include "kernels/cuda/probe.cu"
#include "kernels/cuda/take_decisions.cu"
#include "kernels/cuda/thread_per_network.cu"
#include "kernels/cuda/thread_per_network_deep.cu"
