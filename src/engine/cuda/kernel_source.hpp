#pragma once

#include <string>

#include "engine/cuda/network_shape.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/network.hpp"

/// What NVRTC makes kernels of, each for one topology, beside the headers of kernel_text().
namespace shoal::cuda {

struct KernelSource {
  std::string file;  ///< as errors name it
  std::string text;
};
/// The kernel's name, which takes a task pointer.
inline constexpr const char* kEntry = "train_built";

[[nodiscard]] KernelSource thread_source(const Topology& topology, const ThreadVariant& variant);
/// All of the shape's numbers are constants there.
[[nodiscard]] KernelSource block_source(const NetworkShape& shape);

/// Inputs, units of hidden layers, outputs, with something between.
[[nodiscard]] std::string sizes_text(const Topology& topology, const char* between);
[[nodiscard]] std::string sizes_text(const NetworkShape& shape, const char* between);

}  // namespace shoal::cuda
