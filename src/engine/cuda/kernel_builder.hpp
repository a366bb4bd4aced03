#pragma once

#include <map>
#include <span>
#include <string>

#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/kernel_cache.hpp"
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

/// What NVRTC made of thread_per_network for a topology.
struct KernelImage {
  std::string image;  ///< for cudaLibraryLoadData
  std::string log;    ///< with the registers, stack and spills that it takes
};
/// architecture: sm_90 and the like. Throws Error with the compiler's words where it cannot be built.
[[nodiscard]] KernelImage build_thread_kernel(const Topology& topology, const ThreadVariant& variant,
                                              const std::string& architecture);

/// Builds thread_per_network for topologies that the program has not: by NVRTC for the device at hand, or from what an
/// earlier run built with the same text, toolkit and architecture. The bits are those of a compiled kernel: it
/// is the same text under the same rules for floating point.
class KernelBuilder {
 public:
  /// The same one for the builder's lifetime. Throws Error where it cannot be built.
  [[nodiscard]] const ThreadKernel& kernel(const Topology& topology, const ThreadVariant& variant);

 private:
  struct Built {
    Library library;
    ThreadKernel kernel;
  };
  [[nodiscard]] Built build(const std::string& name, const Topology& topology, const ThreadVariant& variant) const;

  KernelCache cache_;
  std::map<std::string, Built> built_;  ///< by name
};

}  // namespace shoal::cuda
