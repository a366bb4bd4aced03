#pragma once

#include <vector>

#include "kernels/cuda/thread_kernel.cuh"
#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/cuda/thread_variants.cuh"

/// What the program has of thread_per_network: topologies, and for each of them variants.
namespace shoal::cuda {

template <class... Ts>
struct Types {};

/// Tanh has none of its own here: most instructions of its rows are tanh itself, and where NVRTC is one is built.
using CompiledVariants = Types<Plain<Relu, Sgd>, Plain<Relu, Adam>, Anything>;

/// Every network of a few units is trained so fast by a kernel of its own that no block can follow; from some 40 to 70
/// parameters on, as layers are many or few, registers hold no longer what a row needs. Two lists, since two sources
/// are compiled side by side.
using ShallowTopologies = Types<FixedShape<2, 1>, FixedShape<2, 2, 1>, FixedShape<1, 4, 1>, FixedShape<1, 8, 1>,
                                FixedShape<2, 4, 1>, FixedShape<2, 8, 1>, FixedShape<2, 4, 2>, FixedShape<4, 4, 3>>;
using DeepTopologies = Types<FixedShape<1, 2, 2, 1>, FixedShape<1, 4, 4, 1>, FixedShape<2, 4, 4, 1>,
                             FixedShape<2, 3, 3, 2>, FixedShape<1, 2, 2, 2, 2, 1>>;

template <class S, class V>
SHOAL_KERNEL_OF(kNetworksInBlock, (kLeastBlocks<S, V>))
void train_kernel(const TrainTask* tasks) {
  train_networks<S, V>(tasks);
}

template <class S, class V>
ThreadKernel compiled_kernel() {
  return {{S::sizes, S::sizes + S::n_layers + 1},
          {V::is_plain, V::activation, V::its_solver},
          thread_shared_bytes(kThreadSizes<S, V>),
          reinterpret_cast<const void*>(&train_kernel<S, V>)};
}

template <class S, class... Vs>
void add_variants(std::vector<ThreadKernel>& kernels, Types<Vs...>) {
  (kernels.push_back(compiled_kernel<S, Vs>()), ...);
}
template <class... Ss>
std::vector<ThreadKernel> compiled_kernels(Types<Ss...>) {
  std::vector<ThreadKernel> kernels;
  (add_variants<Ss>(kernels, CompiledVariants{}), ...);
  return kernels;
}

/// In the other source.
[[nodiscard]] std::vector<ThreadKernel> deep_thread_kernels();

}  // namespace shoal::cuda
