#pragma once

#include <span>

namespace shoal::cuda {

/// A header that kernels are built of.
struct HeaderText {
  const char* name;  ///< as it is included
  const char* text;
};
/// kernels/cuda/block_kernel.cuh and thread_kernel.cuh, all that they include, and in place of the standard library's
/// headers, which NVRTC has not, the little of them that kernels need.
[[nodiscard]] std::span<const HeaderText> kernel_text();

}  // namespace shoal::cuda
