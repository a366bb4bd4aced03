#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <functional>

#include "block.hpp"

/// The part of the CUDA runtime that engines use, on the host; names, values and signatures are NVIDIA's. Device memory
/// is host memory that starts as 0xFF between guards; copies outside of an allocation are refused as the real runtime
/// does.
///
/// What a stream is given runs as late as its events allow: when a call waits for it (see set_schedule for earlier
/// times). Until then a copy has not read its host memory. What a late kernel runs into is thrown by the call that
/// waits.

enum cudaError_t {
  cudaSuccess = 0,
  cudaErrorInvalidValue = 1,
  cudaErrorMemoryAllocation = 2,
  cudaErrorInitializationError = 3,
  cudaErrorInvalidConfiguration = 9,
  cudaErrorInsufficientDriver = 35,
  cudaErrorDevicesUnavailable = 46,
  cudaErrorNoDevice = 100,
  cudaErrorECCUncorrectable = 214,
  cudaErrorInvalidResourceHandle = 400,
  cudaErrorIllegalState = 401,
  cudaErrorNotReady = 600,
  cudaErrorIllegalAddress = 700,
  cudaErrorLaunchOutOfResources = 701,
  cudaErrorLaunchTimeout = 702,
  cudaErrorHardwareStackError = 714,
  cudaErrorIllegalInstruction = 715,
  cudaErrorMisalignedAddress = 716,
  cudaErrorLaunchFailure = 719,
  cudaErrorStreamCaptureUnsupported = 900,
  cudaErrorStreamCaptureInvalidated = 901,
  cudaErrorStreamCaptureMerge = 902,
  cudaErrorStreamCaptureUnmatched = 903,
  cudaErrorStreamCaptureUnjoined = 904,
  cudaErrorStreamCaptureIsolation = 905,
  cudaErrorStreamCaptureImplicit = 906,
  cudaErrorCapturedEvent = 907,
  cudaErrorUnknown = 999
};
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2, cudaMemcpyDeviceToDevice = 3 };
enum cudaStreamCaptureMode {
  cudaStreamCaptureModeGlobal = 0,
  cudaStreamCaptureModeThreadLocal = 1,
  cudaStreamCaptureModeRelaxed = 2
};
enum cudaFuncAttribute {
  cudaFuncAttributeMaxDynamicSharedMemorySize = 8,
  cudaFuncAttributePreferredSharedMemoryCarveout = 9
};
inline constexpr unsigned cudaEventDefault = 0;
inline constexpr unsigned cudaEventDisableTiming = 2;
using cudaStream_t = struct EmulatedStream*;  // null: the legacy default stream, which waits for all others
using cudaEvent_t = struct EmulatedEvent*;
using cudaGraph_t = struct EmulatedGraph*;
using cudaGraphExec_t = struct EmulatedGraphExec*;
using cudaLibrary_t = void*;
using cudaKernel_t = void*;
using cudaJitOption = int;
using cudaLibraryOption = int;
enum cudaDeviceAttr {
  cudaDevAttrComputeCapabilityMajor = 75,
  cudaDevAttrComputeCapabilityMinor = 76,
  cudaDevAttrMaxSharedMemoryPerBlockOptin = 97,
};

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaPeekAtLastError();

cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMallocHost(void** memory, std::size_t bytes);
cudaError_t cudaFreeHost(void* memory);
cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);

cudaError_t cudaDeviceSynchronize();
cudaError_t cudaStreamCreate(cudaStream_t* stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);
cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned flags = 0);
cudaError_t cudaEventCreate(cudaEvent_t* event);
cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags);
cudaError_t cudaEventDestroy(cudaEvent_t event);
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream);
cudaError_t cudaEventSynchronize(cudaEvent_t event);
cudaError_t cudaEventQuery(cudaEvent_t event);
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end);

cudaError_t cudaStreamBeginCapture(cudaStream_t stream, cudaStreamCaptureMode mode);
cudaError_t cudaStreamEndCapture(cudaStream_t stream, cudaGraph_t* graph);
cudaError_t cudaGraphInstantiate(cudaGraphExec_t* exec, cudaGraph_t graph, unsigned long long flags = 0);
cudaError_t cudaGraphLaunch(cudaGraphExec_t exec, cudaStream_t stream);
cudaError_t cudaGraphExecDestroy(cudaGraphExec_t exec);
cudaError_t cudaGraphDestroy(cudaGraph_t graph);

/// What an H100 says of itself; asking is no call that can fail.
cudaError_t cudaGetDevice(int* device);
cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device);

/// An image is a shared library of the host, as the emulated NVRTC makes it.
cudaError_t cudaLibraryLoadData(cudaLibrary_t* library, const void* image, const cudaJitOption* jit_options,
                                void* const* jit_values, unsigned n_jit_options, const cudaLibraryOption* options,
                                void* const* values, unsigned n_options);
cudaError_t cudaLibraryUnload(cudaLibrary_t library);
cudaError_t cudaLibraryGetKernel(cudaKernel_t* kernel, cudaLibrary_t library, const char* name);

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value);
template <class Kernel>
cudaError_t cudaFuncSetAttribute(Kernel* kernel, cudaFuncAttribute attribute, int value) {
  return cudaFuncSetAttribute(reinterpret_cast<const void*>(kernel), attribute, value);
}

namespace shoal::emulation {

/// The order of blocks and threads in the launches that follow; see Block. Of streams: what a call waits for and
/// nothing else (schedule 0), all other streams before it (1), or operations of all streams in a shuffled order until
/// it is done.
void set_schedule(std::uint32_t schedule);
[[nodiscard]] std::uint32_t schedule();

struct KernelLaunch {
  const char* name;
  std::uint32_t n_blocks, n_threads;
  std::size_t shared_bytes;
  cudaStream_t stream;
  const void* kernel;  ///< its address, by which cudaFuncSetAttribute knows it
};
/// Gives the stream a kernel: `body` for every thread of every block, blocks in order (schedule 0), reversed (1) or
/// shuffled. cudaGetLastError tells what a GPU refuses at once.
void launch(const KernelLaunch& kernel, std::function<void()> body);
/// The running block's dynamic shared memory.
[[nodiscard]] void* dynamic_shared();
/// The n-th call from now, of the runtime or of cuBLAS, fails; 1: the next one. After an error of which CUDA's manual
/// says that it stays, every later call fails with it. A launch is a call; asking for the last error is none.
void fail_call(std::uint64_t n, cudaError_t error);
[[nodiscard]] std::uint64_t n_calls();             ///< so far
[[nodiscard]] std::uint64_t n_allocation_calls();  ///< of them those that n_allocations() is about
/// What an H100 has.
inline constexpr std::size_t kDeviceBytes = std::size_t{80} << 30;
inline constexpr std::size_t kMaxSharedBytes = std::size_t{227} << 10;  ///< of a block that asks for it
/// cudaMalloc fails beyond it.
void limit_device_memory(std::size_t bytes);
[[nodiscard]] std::size_t used_device_bytes();
/// The most that was in use at a time since the last forget_peak().
[[nodiscard]] std::size_t peak_device_bytes();
void forget_peak();
/// Host code that touches device memory is killed by SIGSEGV: its pages are open to kernels, copies and cuBLAS alone.
void protect_device_memory(bool on);
/// As a new process would begin: no error, nothing that waits to be done, all of the device's memory. Takes nothing
/// from the program that it has not given back.
void reset();
/// What is not yet given back: device and pinned memory, streams, events, graphs, cuBLAS handles.
[[nodiscard]] std::size_t n_allocations();
[[nodiscard]] bool is_device_memory(const void* address);

/// What a race checker hears of.
class Observer {
 public:
  virtual ~Observer() = default;
  virtual void launch_begins() = 0;
  virtual void block_begins() = 0;
  virtual void atomic_access(const void* address, std::size_t bytes) = 0;
  /// Of an asynchronous copy, by the thread that began it.
  virtual void copy_access(const void* address, std::size_t bytes, bool writes) = 0;
  /// Throws KernelFault for what it saw.
  virtual void launch_ends() = 0;
};
/// One for the whole program; null: none.
void set_observer(Observer* observer);
/// To be called before an atomic operation.
void report_atomic(const void* address, std::size_t bytes);

/// A GPU stops a kernel that loads or stores several bytes at once where they are not aligned to their number.
void expect_aligned(const void* at, std::size_t bytes);

/// cp.async: 4, 8 or 16 bytes, aligned so, from device to shared memory, when the thread waits for them and not before;
/// until then the bytes are 0xFF.
void copy_async(void* shared, const void* global, std::size_t bytes);
/// What was begun since the last call is one group.
void commit_copies();
/// All groups but the last `n_left`, and what belongs to none if that is 0.
void wait_for_copies(std::size_t n_left);

/// A value of at most 8 bytes on its way between lanes.
template <class T>
T shuffle(std::uint32_t mask, T value, std::uint32_t source, const CallSite& site) {
  static_assert(sizeof(T) <= sizeof(std::uint64_t));
  Arrival arrival{WarpOperation::shuffle, mask, 0, source, site};
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
