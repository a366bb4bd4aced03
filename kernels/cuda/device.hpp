#pragma once

// What a kernel needs of a GPU: under nvcc the CUDA runtime, under g++ with SHOAL_EMULATION a twin of it on the host
// (tests/emulation). A kernel's text is the same for both.

#include <cstddef>
#include <cstdint>
#include <source_location>
#include <string>

#if defined(SHOAL_EMULATION)
#include "tests/emulation/runtime.hpp"
#define SHOAL_KERNEL
#define SHOAL_DEVICE inline
#define SHOAL_UNROLL
#else
#include <cuda_runtime.h>
#define SHOAL_KERNEL __global__
#define SHOAL_DEVICE __device__ __forceinline__
#define SHOAL_UNROLL _Pragma("unroll")
#endif

#include "shoal/error.hpp"

namespace shoal::cuda {

/// Throws Error that names the call, what went wrong and where.
inline void check(cudaError_t status, const std::string& call,
                  const std::source_location& place = std::source_location::current()) {
  if (status == cudaSuccess) return;
  throw Error(call + " failed: " + cudaGetErrorName(status) + ", " + cudaGetErrorString(status) + " (" +
              place.file_name() + ":" + std::to_string(place.line()) + ")");
}

#if defined(SHOAL_EMULATION)

inline std::uint32_t thread() { return emulation::Block::current().thread(); }
inline std::uint32_t block() { return emulation::Block::current().number(); }
inline std::uint32_t n_threads() { return emulation::Block::current().n_threads(); }
inline void barrier() { emulation::Block::current().barrier(); }
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(emulation::dynamic_shared());
}

#elif defined(__CUDACC__)

SHOAL_DEVICE std::uint32_t thread() { return threadIdx.x; }
SHOAL_DEVICE std::uint32_t block() { return blockIdx.x; }
SHOAL_DEVICE std::uint32_t n_threads() { return blockDim.x; }
SHOAL_DEVICE void barrier() { __syncthreads(); }
/// The shared memory whose size the launch named.
template <class T>
SHOAL_DEVICE T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
}

#endif

#if defined(SHOAL_EMULATION) || defined(__CUDACC__)

struct Launch {
  const char* name;  ///< of the kernel, for errors
  std::uint32_t n_blocks;
  std::uint32_t n_threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

/// Starts a kernel; throws where the launch itself is refused.
template <class... Parameters>
void launch(const Launch& l, void (*kernel)(Parameters...), Parameters... arguments) {
#if defined(SHOAL_EMULATION)
  emulation::launch(l.n_blocks, l.n_threads, l.shared_bytes, [&] { kernel(arguments...); });
#else
  // clang-format off
  kernel<<<l.n_blocks, l.n_threads, l.shared_bytes, l.stream>>>(arguments...);
  // clang-format on
#endif
  check(cudaGetLastError(), std::string("launch of ") + l.name);
}

#endif

}  // namespace shoal::cuda
