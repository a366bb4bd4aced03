#include "runtime.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <new>
#include <numeric>
#include <random>
#include <string>
#include <vector>

struct EmulatedEvent {
  std::chrono::steady_clock::time_point time;
};

namespace {

using shoal::emulation::Guarded;
using shoal::emulation::KernelFault;

std::uint32_t current_schedule = 0;
std::size_t current_shared_bytes = 0;
shoal::emulation::Observer* current_observer = nullptr;
constexpr char kSharedKey = 0;

/// By first address.
std::map<const void*, Guarded, std::less<>>& allocations() {
  static std::map<const void*, Guarded, std::less<>> all;
  return all;
}

const Guarded* allocation_of(const void* address) {
  const auto& all = allocations();
  const auto after = all.upper_bound(address);
  return after == all.begin() ? nullptr : &std::prev(after)->second;
}

bool inside(const void* address, std::size_t bytes) {
  const Guarded* const allocation = allocation_of(address);
  return allocation != nullptr && allocation->contains(address, bytes);
}

}  // namespace

const char* cudaGetErrorName(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "cudaErrorMemoryAllocation" : "cudaErrorInvalidValue";
}
const char* cudaGetErrorString(cudaError_t error) {
  return error == cudaErrorMemoryAllocation ? "out of memory" : "invalid argument";
}
cudaError_t cudaGetLastError() { return cudaSuccess; }

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  try {
    Guarded allocation(bytes);
    *memory = allocation.data();
    allocations().emplace(*memory, std::move(allocation));
  } catch (const std::bad_alloc&) {
    return cudaErrorMemoryAllocation;
  }
  return cudaSuccess;
}

cudaError_t cudaFree(void* memory) {
  if (memory == nullptr) return cudaSuccess;
  return allocations().erase(memory) == 1 ? cudaSuccess : cudaErrorInvalidValue;
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t) {
  if (!inside(memory, bytes)) return cudaErrorInvalidValue;
  std::memset(memory, value, bytes);
  return cudaSuccess;
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t) {
  if (!inside(kind == cudaMemcpyHostToDevice ? to : from, bytes)) return cudaErrorInvalidValue;
  std::memcpy(to, from, bytes);
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  *stream = nullptr;
  return cudaSuccess;
}
cudaError_t cudaStreamDestroy(cudaStream_t) { return cudaSuccess; }
cudaError_t cudaStreamSynchronize(cudaStream_t) { return cudaSuccess; }

cudaError_t cudaEventCreate(cudaEvent_t* event) {
  *event = new EmulatedEvent{};
  return cudaSuccess;
}
cudaError_t cudaEventDestroy(cudaEvent_t event) {
  delete event;
  return cudaSuccess;
}
cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t) {
  event->time = std::chrono::steady_clock::now();
  return cudaSuccess;
}
cudaError_t cudaEventElapsedTime(float* milliseconds, cudaEvent_t begin, cudaEvent_t end) {
  *milliseconds = std::chrono::duration<float, std::milli>(end->time - begin->time).count();
  return cudaSuccess;
}

namespace shoal::emulation {
namespace {

std::vector<std::uint32_t> block_order(std::uint32_t n_blocks) {
  std::vector<std::uint32_t> order(n_blocks);
  std::iota(order.begin(), order.end(), 0U);
  if (current_schedule == 1) std::ranges::reverse(order);
  if (current_schedule > 1) std::ranges::shuffle(order, std::minstd_rand(current_schedule));
  return order;
}

void check_device_guards(std::uint32_t block) {
  for (const auto& [address, allocation] : allocations()) {
    if (allocation.intact()) continue;
    throw KernelFault("write outside of an allocation of " + std::to_string(allocation.size()) +
                      " bytes of device memory (block " + std::to_string(block) + ")");
  }
}

}  // namespace

void set_schedule(std::uint32_t schedule) { current_schedule = schedule; }
void set_observer(Observer* observer) { current_observer = observer; }

void launch(std::uint32_t n_blocks, std::uint32_t n_threads, std::size_t shared_bytes,
            const std::function<void()>& body) {
  current_shared_bytes = shared_bytes;
  if (current_observer != nullptr) current_observer->launch_begins();
  for (const std::uint32_t number : block_order(n_blocks)) {
    if (current_observer != nullptr) current_observer->block_begins();
    Block block(number, n_threads, current_schedule);
    block.run(body);
    check_device_guards(number);
  }
  if (current_observer != nullptr) current_observer->launch_ends();
}

void* dynamic_shared() { return Block::current().shared(&kSharedKey, current_shared_bytes); }
std::size_t n_allocations() { return allocations().size(); }
bool is_device_memory(const void* address) { return inside(address, 1); }
void report_atomic(const void* address, std::size_t bytes) {
  if (current_observer != nullptr) current_observer->atomic_access(address, bytes);
}

}  // namespace shoal::emulation
