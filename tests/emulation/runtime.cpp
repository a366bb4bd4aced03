#include "runtime.hpp"

#include <cstdlib>
#include <cstring>

namespace {

std::uint32_t current_schedule = 0;
std::size_t current_shared_bytes = 0;
std::size_t live_allocations = 0;
constexpr char kSharedKey = 0;

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorInvalidValue";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  *memory = std::malloc(bytes);
  if (*memory == nullptr) return cudaErrorMemoryAllocation;
  std::memset(*memory, 0xFF, bytes);
  ++live_allocations;
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory != nullptr) --live_allocations;
  std::free(memory);
  return cudaSuccess;
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t) {
  std::memset(memory, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind, cudaStream_t) {
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpy2DAsync(void* to, std::size_t to_pitch, const void* from, std::size_t from_pitch,
                              std::size_t width, std::size_t height, cudaMemcpyKind, cudaStream_t) {
  if (width > to_pitch || width > from_pitch) return cudaErrorInvalidValue;
  for (std::size_t row = 0; row < height; ++row) {
    std::memcpy(static_cast<std::byte*>(to) + row * to_pitch, static_cast<const std::byte*>(from) + row * from_pitch,
                width);
  }
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

namespace shoal::emulation {

void set_schedule(std::uint32_t schedule) { current_schedule = schedule; }

void launch(std::uint32_t n_blocks, std::uint32_t n_threads, std::size_t shared_bytes,
            const std::function<void()>& body) {
  current_shared_bytes = shared_bytes;
  for (std::uint32_t b = 0; b < n_blocks; ++b) {
    Block block(current_schedule % 2 == 0 ? b : n_blocks - 1 - b, n_threads, current_schedule);
    block.run(body);
  }
}

void* dynamic_shared() { return Block::current().shared(&kSharedKey, current_shared_bytes); }

std::size_t n_allocations() { return live_allocations; }

}  // namespace shoal::emulation
