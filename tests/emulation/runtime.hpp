#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "block.hpp"

/// The part of the CUDA runtime that the engine uses, on the host. Device memory is host memory that starts as 0xFF
/// between guards; copies outside of an allocation are refused as the real runtime does.

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
using cudaStream_t = struct EmulatedStream*;
using cudaEvent_t = struct EmulatedEvent*;

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreate(cudaStream_t* stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);

namespace shoal::emulation {

/// The order of blocks and threads in the launches that follow; see Block.
void set_schedule(std::uint32_t schedule);
/// Runs `body` for every thread of every block: blocks in order (schedule 0), reversed (1) or shuffled.
void launch(std::uint32_t n_blocks, std::uint32_t n_threads, std::size_t shared_bytes,
            const std::function<void()>& body);
/// The running block's dynamic shared memory.
[[nodiscard]] void* dynamic_shared();
/// Device allocations that are not yet freed.
[[nodiscard]] std::size_t n_allocations();
[[nodiscard]] bool is_device_memory(const void* address);

/// What a race checker hears of.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void launch_begins() = 0;
  virtual void block_begins() = 0;
  virtual void atomic_access(const void* address, std::size_t bytes) = 0;
  /// Throws KernelFault for what it saw.
  virtual void launch_ends() = 0;
};
/// One for the whole program; null: none.
void set_observer(Observer* observer);
/// To be called before an atomic operation.
void report_atomic(const void* address, std::size_t bytes);

/// A value of at most 8 bytes on its way between lanes.
template <class T>
T shuffle(std::uint32_t mask, T value, std::uint32_t source) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  Arrival arrival{WarpOperation::shuffle, mask, 0, source};
  std::memcpy(&arrival.value, &value, sizeof value);
  const std::uint64_t bits = Block::current().meet(arrival);
  T result;
  std::memcpy(&result, &bits, sizeof result);
  return result;
}

/// Threads run one at a time, so reading and writing is atomic. The race checker must not take it for plain accesses.
template <class T, class Change>
__attribute__((no_sanitize("thread"))) T change_atomically(T* at, Change change) {
  report_atomic(at, sizeof *at);
  const T old = *at;
  *at = change(old);
  return old;
}

}  // namespace shoal::emulation
