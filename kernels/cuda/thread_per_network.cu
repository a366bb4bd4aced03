#include "kernels/cuda/compiled_topologies.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {

std::span<const ThreadKernel> compiled_thread_kernels() {
  static const std::vector<ThreadKernel> all = [] {
    std::vector<ThreadKernel> kernels = compiled_kernels(ShallowTopologies{});
    for (const ThreadKernel& kernel : deep_thread_kernels()) kernels.push_back(kernel);
    return kernels;
  }();
  return all;
}

void launch_train_threads(const ThreadKernel& kernel, const TrainTask* tasks, std::uint32_t n_tasks,
                          cudaStream_t stream) {
  const Launch of{"train_kernel", n_tasks, kNetworksInBlock, kernel.shared_bytes, stream};
  ask_for_shared(of, kernel.function);
  launch_function(of, kernel.function, tasks);
}

}  // namespace shoal::cuda
