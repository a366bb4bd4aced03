#pragma once

#include <cstddef>
#include <functional>

#include "block.hpp"

/// The part of the CUDA runtime that the engine uses, on the host. Device memory is host memory that starts as 0xFF,
/// each allocation a heap block of its own, so that AddressSanitizer sees a step outside.

enum cudaError_t { cudaSuccess = 0, cudaErrorInvalidValue = 1, cudaErrorMemoryAllocation = 2 };
enum cudaMemcpyKind { cudaMemcpyHostToDevice = 1, cudaMemcpyDeviceToHost = 2 };
using cudaStream_t = struct EmulatedStream*;

const char* cudaGetErrorName(cudaError_t error);
const char* cudaGetErrorString(cudaError_t error);
cudaError_t cudaGetLastError();
cudaError_t cudaMalloc(void** memory, std::size_t bytes);
cudaError_t cudaFree(void* memory);
cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream);
cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind kind, cudaStream_t stream);
cudaError_t cudaStreamCreate(cudaStream_t* stream);
cudaError_t cudaStreamDestroy(cudaStream_t stream);
cudaError_t cudaStreamSynchronize(cudaStream_t stream);

namespace shoal::emulation {

/// The order of threads in the launches that follow; see Block.
void set_schedule(std::uint32_t schedule);
/// Runs `body` for every thread of every block, blocks in order (reversed where the schedule is odd).
void launch(std::uint32_t n_blocks, std::uint32_t n_threads, std::size_t shared_bytes,
            const std::function<void()>& body);
/// The running block's dynamic shared memory.
[[nodiscard]] void* dynamic_shared();
/// Device allocations that are not yet freed.
[[nodiscard]] std::size_t n_allocations();

}  // namespace shoal::emulation
