#include "kernels/cuda/compiled_topologies.cuh"

namespace shoal::cuda {

std::vector<ThreadKernel> deep_thread_kernels() { return compiled_kernels(DeepTopologies{}); }

}  // namespace shoal::cuda
