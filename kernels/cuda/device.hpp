#pragma once

// What a kernel needs of a GPU: under nvcc the CUDA runtime, under g++ with SHOAL_EMULATION a twin of it on the host
// (tests/emulation). A kernel's text is the same for both. SHOAL_ASSUME: what the compiler may take for granted.
// SHOAL_KERNEL_OF: a kernel whose registers leave room for that many blocks on a multiprocessor.
// SHOAL_BLOCK_THREADS: the threads of a block, where a kernel is built for one topology (kernel_source.hpp); its loops
// over layers (SHOAL_UNROLL_LAYERS) are unrolled.
// What hosts alone need is hidden from NVRTC, which has no standard library (kernel_builder.hpp).

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <type_traits>
#if !defined(__CUDACC_RTC__)
#include <cassert>
#include <string>

#include "shoal/error.hpp"
#endif

#if defined(SHOAL_EMULATION)
#include "tests/emulation/runtime.hpp"
#define SHOAL_KERNEL
#define SHOAL_DEVICE inline
#define SHOAL_KERNEL_OF(most_threads, least_blocks)
#define SHOAL_UNROLL
#define SHOAL_UNROLL_BY(n)
#define SHOAL_ASSUME(condition) assert(condition)
#else
#if !defined(__CUDACC_RTC__)
#include <cuda_runtime.h>
#endif
#define SHOAL_KERNEL __global__
#define SHOAL_DEVICE __device__ __forceinline__
#define SHOAL_KERNEL_OF(most_threads, least_blocks) __global__ __launch_bounds__(most_threads, least_blocks)
#define SHOAL_PRAGMA(text) _Pragma(#text)
#define SHOAL_UNROLL _Pragma("unroll")
#define SHOAL_UNROLL_BY(n) SHOAL_PRAGMA(unroll n)
#define SHOAL_ASSUME(condition) __builtin_assume(condition)
#endif

#if defined(SHOAL_BLOCK_THREADS)
#define SHOAL_UNROLL_LAYERS SHOAL_UNROLL
#else
#define SHOAL_UNROLL_LAYERS
#endif

namespace shoal::cuda {

#if !defined(__CUDACC_RTC__)
/// Throws Error, OutOfMemoryError where there is too little, that names the call, what went wrong and where.
inline void check(cudaError_t status, const std::string& call, const char* file = __builtin_FILE(),
                  int line = __builtin_LINE()) {
  if (status == cudaSuccess) return;
  static_cast<void>(cudaGetLastError());  // told here; the next launch must not tell it again
  const std::string what = call + " failed: " + cudaGetErrorName(status) + ", " + cudaGetErrorString(status) + " (" +
                           file + ":" + std::to_string(line) + ")";
  if (status == cudaErrorMemoryAllocation) throw OutOfMemoryError(what);
  throw Error(what);
}
#endif

/// All lanes of a warp. Whoever names a lane in a mask promises that it comes to the same call; a block without
/// whole warps must name the lanes that it has.
inline constexpr std::uint32_t kWarpLanes = 32;
inline constexpr std::uint32_t kFullWarp = 0xFFFFFFFFU;

/// Whether the numbers of a topology are constants, so that what follows from them costs nothing.
#if defined(SHOAL_BLOCK_THREADS)
inline constexpr bool kOneTopology = true;
#else
inline constexpr bool kOneTopology = false;
#endif

/// What atomic operations of every GPU since compute capability 6.0 work on.
template <class T>
concept AtomicWord = std::same_as<T, int> || std::same_as<T, unsigned> || std::same_as<T, unsigned long long>;
template <class T>
concept AtomicSum = AtomicWord<T> || std::same_as<T, float> || std::same_as<T, double>;

/// Shared memory that every GPU gives a block without being asked.
inline constexpr std::size_t kUsualSharedBytes = 48 * 1024;

/// What static shared memory may hold; no constructor.
template <class T>
concept StaticShared = std::is_trivially_default_constructible_v<T> && sizeof(T) <= kUsualSharedBytes;

#if defined(SHOAL_EMULATION)

using emulation::CallSite;

inline std::uint32_t thread() { return emulation::Block::current().thread(); }
inline std::uint32_t block() { return emulation::Block::current().number(); }
inline std::uint32_t lane() { return emulation::Block::current().lane(); }
inline void barrier(CallSite site = CallSite::current()) { emulation::Block::current().barrier(site); }
template <class T>
T* dynamic_shared() {
  return static_cast<T*>(emulation::dynamic_shared());
}
template <StaticShared T, class Tag>
T& static_shared() {
  static constexpr char key = 0;
  return *static_cast<T*>(emulation::Block::current().shared(&key, sizeof(T)));
}

inline void warp_barrier(std::uint32_t mask, CallSite site = CallSite::current()) {
  emulation::Block::current().meet({emulation::WarpOperation::barrier, mask, 0, 0, site});
}
inline std::uint32_t ballot(std::uint32_t mask, bool predicate, CallSite site = CallSite::current()) {
  return static_cast<std::uint32_t>(
      emulation::Block::current().meet({emulation::WarpOperation::ballot, mask, predicate ? 1U : 0U, 0, site}));
}
inline bool any(std::uint32_t mask, bool predicate, CallSite site = CallSite::current()) {
  return ballot(mask, predicate, site) != 0;
}
inline bool all(std::uint32_t mask, bool predicate, CallSite site = CallSite::current()) {
  return ballot(mask, predicate, site) == mask;
}
template <class T>
T shuffle(std::uint32_t mask, T value, std::uint32_t source, CallSite site = CallSite::current()) {
  return emulation::shuffle(mask, value, source % kWarpLanes, site);
}
template <class T>
T shuffle_xor(std::uint32_t mask, T value, std::uint32_t lanes, CallSite site = CallSite::current()) {
  return emulation::shuffle(mask, value, (lane() ^ lanes) % kWarpLanes, site);
}
template <class T>
T shuffle_down(std::uint32_t mask, T value, std::uint32_t distance, CallSite site = CallSite::current()) {
  return emulation::shuffle(mask, value, lane() + distance < kWarpLanes ? lane() + distance : lane(), site);
}
template <class T>
T shuffle_up(std::uint32_t mask, T value, std::uint32_t distance, CallSite site = CallSite::current()) {
  return emulation::shuffle(mask, value, lane() >= distance ? lane() - distance : lane(), site);
}

inline void expect_aligned(const void* at, std::size_t bytes) { emulation::expect_aligned(at, bytes); }

template <AtomicSum T>
T atomic_add(T* at, T value) {
  return emulation::change_atomically(at, [=](T old) { return static_cast<T>(old + value); });
}
template <AtomicWord T>
T atomic_max(T* at, T value) {
  return emulation::change_atomically(at, [=](T old) { return old < value ? value : old; });
}
template <AtomicWord T>
T atomic_compare_and_swap(T* at, T expected, T value) {
  return emulation::change_atomically(at, [=](T old) { return old == expected ? value : old; });
}

#elif defined(__CUDACC__)

/// What the hardware sees to.
SHOAL_DEVICE void expect_aligned(const void* /*at*/, std::size_t /*bytes*/) {}
SHOAL_DEVICE std::uint32_t thread() { return threadIdx.x; }
SHOAL_DEVICE std::uint32_t block() { return blockIdx.x; }
SHOAL_DEVICE std::uint32_t lane() { return threadIdx.x % kWarpLanes; }
/// Every thread of the block comes here; what was written before is visible after.
SHOAL_DEVICE void barrier() { __syncthreads(); }
/// The shared memory whose size the launch named.
template <class T>
SHOAL_DEVICE T* dynamic_shared() {
  extern __shared__ __align__(16) unsigned char memory[];
  return reinterpret_cast<T*>(memory);
}

/// A T in shared memory, for each block one, which all calls with this Tag name; not initialized.
template <StaticShared T, class Tag>
SHOAL_DEVICE T& static_shared() {
  __shared__ T memory;
  return memory;
}

/// The lanes of `mask` come here; what they wrote before is visible to each other after.
SHOAL_DEVICE void warp_barrier(std::uint32_t mask) { __syncwarp(mask); }
/// The lanes of `mask` whose predicate holds. No order of memory.
SHOAL_DEVICE std::uint32_t ballot(std::uint32_t mask, bool predicate) { return __ballot_sync(mask, predicate); }
SHOAL_DEVICE bool any(std::uint32_t mask, bool predicate) { return __any_sync(mask, predicate) != 0; }
SHOAL_DEVICE bool all(std::uint32_t mask, bool predicate) { return __all_sync(mask, predicate) != 0; }
/// The value that another lane of `mask` brings; beyond the warp's ends down and up give back a lane's own. No order of
/// memory.
template <class T>
SHOAL_DEVICE T shuffle(std::uint32_t mask, T value, std::uint32_t source) {
  return __shfl_sync(mask, value, static_cast<int>(source));
}
template <class T>
SHOAL_DEVICE T shuffle_xor(std::uint32_t mask, T value, std::uint32_t lanes) {
  return __shfl_xor_sync(mask, value, static_cast<int>(lanes));
}
template <class T>
SHOAL_DEVICE T shuffle_down(std::uint32_t mask, T value, std::uint32_t distance) {
  return __shfl_down_sync(mask, value, distance);
}
template <class T>
SHOAL_DEVICE T shuffle_up(std::uint32_t mask, T value, std::uint32_t distance) {
  return __shfl_up_sync(mask, value, distance);
}

/// Give back what was there before. Sums of floats depend on the order of threads: never in strict results.
template <AtomicSum T>
SHOAL_DEVICE T atomic_add(T* at, T value) {
  return atomicAdd(at, value);
}
template <AtomicWord T>
SHOAL_DEVICE T atomic_max(T* at, T value) {
  return atomicMax(at, value);
}
template <AtomicWord T>
SHOAL_DEVICE T atomic_compare_and_swap(T* at, T expected, T value) {
  return atomicCAS(at, expected, value);
}

#endif

#if defined(SHOAL_BLOCK_THREADS)
SHOAL_DEVICE std::uint32_t n_threads() { return SHOAL_BLOCK_THREADS; }
#elif defined(SHOAL_EMULATION)
inline std::uint32_t n_threads() { return emulation::Block::current().n_threads(); }
#elif defined(__CUDACC__)
SHOAL_DEVICE std::uint32_t n_threads() { return blockDim.x; }
#endif

#if defined(SHOAL_EMULATION) || (defined(__CUDACC__) && !defined(__CUDACC_RTC__))

struct Launch {
  const char* name;  ///< of the kernel, for errors
  std::uint32_t n_blocks;
  std::uint32_t n_threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
};

/// Before a launch of a kernel that may take more shared memory than kUsualSharedBytes. Kernel: a function, or a
/// cudaKernel_t or a function as const void*.
template <class Kernel>
void ask_for_shared(const Launch& l, Kernel* kernel) {
  const auto ask = [&](cudaFuncAttribute attribute, int value) {
    check(cudaFuncSetAttribute(kernel, attribute, value), std::string("shared memory of ") + l.name);
  };
  if (l.shared_bytes > kUsualSharedBytes) {
    ask(cudaFuncAttributeMaxDynamicSharedMemorySize, static_cast<int>(l.shared_bytes));
  }
  // Percent, so that as many blocks as can be run at a time, of all launches alike.
  ask(cudaFuncAttributePreferredSharedMemoryCarveout, 100);
}

/// Starts a kernel; throws where the launch itself is refused.
template <class... Parameters>
void launch(const Launch& l, void (*kernel)(Parameters...), std::type_identity_t<Parameters>... arguments) {
#if defined(SHOAL_EMULATION)
  emulation::launch({l.name, l.n_blocks, l.n_threads, l.shared_bytes, l.stream, reinterpret_cast<const void*>(kernel)},
                    [=] { kernel(arguments...); });
#else
  // clang-format off
  kernel<<<l.n_blocks, l.n_threads, l.shared_bytes, l.stream>>>(arguments...);
  // clang-format on
#endif
  check(cudaGetLastError(), std::string("launch of ") + l.name);
}

/// Likewise of a kernel that the compiler does not know as one: a cudaKernel_t, or a function of one Argument.
template <class Argument>
void launch_function(const Launch& l, const void* kernel, Argument argument) {
#if defined(SHOAL_EMULATION)
  launch(l, reinterpret_cast<void (*)(Argument)>(const_cast<void*>(kernel)), argument);
#else
  void* arguments[] = {&argument};
  check(cudaLaunchKernel(kernel, dim3(l.n_blocks), dim3(l.n_threads), arguments, l.shared_bytes, l.stream),
        std::string("launch of ") + l.name);
#endif
}

#endif

}  // namespace shoal::cuda
