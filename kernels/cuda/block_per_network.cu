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
