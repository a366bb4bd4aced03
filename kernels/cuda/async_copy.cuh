#pragma once

// Copies from device to shared memory that pass no register (PTX ISA, cp.async; compute capability 8.0). A thread sees
// its own after wait_for_copies, other threads after a barrier that follows it.

#include "kernels/cuda/device.hpp"

namespace shoal::cuda {

template <std::size_t Bytes>
concept AsyncCopySize = Bytes == 4 || Bytes == 8 || Bytes == 16;

#if defined(SHOAL_EMULATION)

template <std::size_t Bytes>
requires AsyncCopySize<Bytes>
void copy_async(void* shared, const void* global) { emulation::copy_async(shared, global, Bytes); }
inline void commit_copies() { emulation::commit_copies(); }
template <std::size_t NLeft>
void wait_for_copies() {
  emulation::wait_for_copies(NLeft);
}

#elif defined(__CUDACC__)

/// Begins a copy; both addresses are multiples of Bytes. 16 bytes pass by the L1 cache, which they would not use again.
template <std::size_t Bytes>
requires AsyncCopySize<Bytes> SHOAL_DEVICE void copy_async(void* shared, const void* global) {
  const auto to = static_cast<std::uint32_t>(__cvta_generic_to_shared(shared));
  const std::size_t from = __cvta_generic_to_global(global);
  if constexpr (Bytes == 16) {
    asm volatile("cp.async.cg.shared.global [%0], [%1], 16;" ::"r"(to), "l"(from) : "memory");
  } else {
    asm volatile("cp.async.ca.shared.global [%0], [%1], %2;" ::"r"(to), "l"(from), "n"(Bytes) : "memory");
  }
}
/// Makes one group of the copies that the thread has begun since the last one.
SHOAL_DEVICE void commit_copies() { asm volatile("cp.async.commit_group;" ::: "memory"); }
/// Waits for all of the thread's groups but the last NLeft; with 0 for everything.
template <std::size_t NLeft>
SHOAL_DEVICE void wait_for_copies() {
  if constexpr (NLeft == 0) {
    asm volatile("cp.async.wait_all;" ::: "memory");
  } else {
    asm volatile("cp.async.wait_group %0;" ::"n"(NLeft) : "memory");
  }
}

#endif

}  // namespace shoal::cuda
