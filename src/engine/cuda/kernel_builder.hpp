#pragma once

#include <map>
#include <span>
#include <string>

#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/kernel_cache.hpp"
#include "engine/cuda/kernel_source.hpp"
#include "kernels/cuda/thread_memory.cuh"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/network.hpp"

namespace shoal::cuda {

/// Why NVRTC makes nothing that the device at hand runs; empty if it does: one small program was tried.
[[nodiscard]] const std::string& why_no_builder();
/// What a kernel's needs follow from.
[[nodiscard]] ThreadSizes built_sizes(const Topology& topology, const ThreadVariant& variant);
/// Whether thread_per_network keeps such a network in registers, on every GPU that shoal runs on.
[[nodiscard]] bool fits_registers(const Topology& topology);

/// What NVRTC made of a source.
struct KernelImage {
  std::string image;  ///< for cudaLibraryLoadData
  std::string log;    ///< with the registers, stack and spills that it takes
};
/// architecture: sm_90 and the like. Throws Error with the compiler's words where it cannot be built.
[[nodiscard]] KernelImage build_kernel(const KernelSource& source, const std::string& architecture);

/// Builds kernels for topologies that the program has none for: by NVRTC for the device at hand, or from what an
/// earlier run built with the same text, toolkit and architecture. The bits are those of a compiled kernel: it
/// is the same text under the same rules for floating point. What it gives lives as long as the builder. Throws Error
/// where it cannot be built.
class KernelBuilder {
 public:
  [[nodiscard]] const ThreadKernel& thread_kernel(const Topology& topology, const ThreadVariant& variant);
  /// Of block_per_network, as launch_function() takes it.
  [[nodiscard]] const void* block_function(const NetworkShape& shape);

 private:
  [[nodiscard]] const void* function(const std::string& name, const KernelSource& source);

  KernelCache cache_;
  std::map<std::string, Library> libraries_;  ///< by name
  std::map<std::string, ThreadKernel> thread_kernels_;
};

}  // namespace shoal::cuda
