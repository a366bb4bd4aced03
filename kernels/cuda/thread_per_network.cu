#include "kernels/cuda/compiled_topologies.cuh"
#include "kernels/cuda/thread_kernel.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {
namespace {

template <class S, class V>
SHOAL_KERNEL_OF(kNetworksInBlock, (kLeastBlocks<S, V>))
void train_kernel(const TrainTask* tasks) {
  train_networks<S, V>(tasks);
}

template <class S, class V>
struct KernelOf {
  static ThreadKernel value() {
    return {{S::sizes, S::sizes + S::n_layers + 1},
            {V::is_plain, V::activation, V::its_solver},
            thread_shared_bytes(kThreadSizes<S, V>),
            reinterpret_cast<const void*>(&train_kernel<S, V>)};
  }
};

}  // namespace

std::span<const ThreadKernel> compiled_thread_kernels() {
  static const auto kernels = compiled<KernelOf>();
  return kernels;
}

void launch_train_threads(const ThreadKernel& kernel, const TrainTask* tasks, std::uint32_t n_tasks,
                          cudaStream_t stream) {
  const Launch of{"train_kernel", n_tasks, kNetworksInBlock, kernel.shared_bytes, stream};
  ask_for_shared(of, kernel.function);
  launch_function(of, kernel.function, tasks);
}

}  // namespace shoal::cuda
