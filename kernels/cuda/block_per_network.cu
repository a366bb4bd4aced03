#include "kernels/cuda/block_kernel.cuh"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {
namespace {

template <class AnyTile>
SHOAL_KERNEL_OF(kMostThreads, kResidentThreads / kMostThreads)
void train_blocks_kernel(const TrainTask* tasks) {
  const TrainTask& task = tasks[block()];
  train_network<AnyTile>(task, task.shape);
}

}  // namespace

std::size_t block_shared_bytes(std::size_t floats) { return sizeof(BlockMemory) + floats * sizeof(float); }

std::size_t most_shared_bytes() {
#if defined(SHOAL_EMULATION)
  return emulation::kMaxSharedBytes;
#else
  static const int bytes = [] {
    int device = 0;
    int most = 0;
    check(cudaGetDevice(&device), "cudaGetDevice");
    check(cudaDeviceGetAttribute(&most, cudaDevAttrMaxSharedMemoryPerBlockOptin, device), "cudaDeviceGetAttribute");
    return most;
  }();
  return static_cast<std::size_t>(bytes);
#endif
}

std::size_t shared_bytes_beside(std::uint32_t n_threads) {
  constexpr std::size_t kTakenByEachBlock = 1024;
  const std::size_t all = most_shared_bytes() + kTakenByEachBlock;
  return all * n_threads / kResidentThreads - kTakenByEachBlock;
}

bool has_tensor_cores() {
#if defined(SHOAL_EMULATION)
  return true;
#else
  int device = 0;
  int major = 0;
  check(cudaGetDevice(&device), "cudaGetDevice");
  check(cudaDeviceGetAttribute(&major, cudaDevAttrComputeCapabilityMajor, device), "cudaDeviceGetAttribute");
  return major >= 8;
#endif
}

void launch_train_blocks(Operands operands, const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream) {
  const Launch of{"train_blocks_kernel", n_tasks, n_threads, shared_bytes, stream};
  const auto kernel = operands == Operands::tf32   ? &train_blocks_kernel<RoundedTile<Tf32>>
                      : operands == Operands::bf16 ? &train_blocks_kernel<RoundedTile<Bf16>>
                                                   : &train_blocks_kernel<Tile>;
  ask_for_shared(of, kernel);
  launch(of, kernel, tasks);
}

void launch_built_blocks(const void* function, const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream) {
  const Launch of{"a kernel built for blocks", n_tasks, n_threads, shared_bytes, stream};
  ask_for_shared(of, function);
  launch_function(of, function, tasks);
}

}  // namespace shoal::cuda
