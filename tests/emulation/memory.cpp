#include "memory.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <string>
#include <utility>

#include "call.hpp"
#include "graph.hpp"
#include "guarded.hpp"
#include "stream.hpp"

namespace shoal::emulation {
namespace {

using Allocations = std::map<const void*, Guarded, std::less<>>;  // by first address

Allocations& device_memory() {
  static Allocations all;
  return all;
}
Allocations& pinned_memory() {
  static Allocations all;
  return all;
}
std::size_t device_bytes = kDeviceBytes;
std::size_t used_bytes = 0;
std::size_t peak_bytes = 0;
bool is_protected = false;
std::size_t n_accesses = 0;

void lock_device_memory(bool locked) {
  for (const auto& [address, allocation] : device_memory()) allocation.lock(locked);
}

std::size_t free_device_bytes() { return device_bytes > used_bytes ? device_bytes - used_bytes : 0; }

void* allocate(Allocations& allocations, std::size_t bytes, Backing backing) {
  Guarded allocation(bytes, backing);
  void* const memory = allocation.data();
  allocations.emplace(memory, std::move(allocation));
  return memory;
}

}  // namespace

bool in_device_memory(const void* address, std::size_t bytes) {
  const Allocations& all = device_memory();
  const auto after = all.upper_bound(address);
  return after != all.begin() && std::prev(after)->second.contains(address, bytes);
}
DeviceAccess::DeviceAccess() {
  if (n_accesses++ == 0 && is_protected) lock_device_memory(false);
}
DeviceAccess::~DeviceAccess() {
  if (--n_accesses == 0 && is_protected) lock_device_memory(true);
}

void protect_device_memory(bool on) {
  is_protected = on;
  lock_device_memory(on);
}

bool is_device_memory(const void* address) { return in_device_memory(address, 1); }

void check_device_guards(const std::string& who) {
  for (const auto& [address, allocation] : device_memory()) {
    if (allocation.intact()) continue;
    throw KernelFault("write outside of an allocation of " + std::to_string(allocation.size()) +
                      " bytes of device memory" + who);
  }
}

void limit_device_memory(std::size_t bytes) { device_bytes = bytes; }
std::size_t used_device_bytes() { return used_bytes; }
std::size_t peak_device_bytes() { return peak_bytes; }
void forget_peak() { peak_bytes = used_bytes; }
std::size_t n_memory_allocations() { return device_memory().size() + pinned_memory().size(); }

}  // namespace shoal::emulation

using namespace shoal::emulation;

cudaError_t cudaMalloc(void** memory, std::size_t bytes) {
  return allocating_call([&] {
    if (refuse_in_capture()) return cudaErrorStreamCaptureUnsupported;
    if (bytes > free_device_bytes()) return cudaErrorMemoryAllocation;
    *memory = bytes == 0 ? nullptr : allocate(device_memory(), bytes, Backing::pages);
    used_bytes += bytes;
    peak_bytes = std::max(peak_bytes, used_bytes);
    const DeviceAccess locks_at_its_end;
    return cudaSuccess;
  });
}

cudaError_t cudaFree(void* memory) {
  return releasing_call([&] {
    if (memory == nullptr) return cudaSuccess;
    const bool refused = refuse_in_capture();
    run_all_before_release();
    const auto found = device_memory().find(memory);
    if (found == device_memory().end()) return cudaErrorInvalidValue;
    used_bytes -= found->second.size();
    device_memory().erase(found);
    return refused ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
  });
}

cudaError_t cudaMallocHost(void** memory, std::size_t bytes) {
  return allocating_call([&] {
    if (refuse_in_capture()) return cudaErrorStreamCaptureUnsupported;
    *memory = allocate(pinned_memory(), bytes, Backing::heap);
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* memory) {
  return releasing_call([&] {
    if (memory == nullptr) return cudaSuccess;
    const bool refused = refuse_in_capture();
    run_all_before_release();
    if (pinned_memory().erase(memory) == 0) return cudaErrorInvalidValue;
    return refused ? cudaErrorStreamCaptureUnsupported : cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(std::size_t* free_bytes, std::size_t* total_bytes) {
  return call([&] {
    *free_bytes = free_device_bytes();
    *total_bytes = device_bytes;
    return cudaSuccess;
  });
}

cudaError_t cudaMemsetAsync(void* memory, int value, std::size_t bytes, cudaStream_t stream) {
  return call([&] {
    if (bytes == 0) return cudaSuccess;
    if (!in_device_memory(memory, bytes)) return cudaErrorInvalidValue;
    return enqueue(stream, [=] {
      // A graph may outlive the memory that it was captured with.
      if (!in_device_memory(memory, bytes)) throw KernelFault("cudaMemsetAsync to device memory that is freed");
      const DeviceAccess access;
      std::memset(memory, value, bytes);
    });
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, std::size_t bytes, cudaMemcpyKind kind, cudaStream_t stream) {
  return call([&] {
    const auto in_place = [=] {
      return in_device_memory(to, bytes) == (kind != cudaMemcpyDeviceToHost) &&
             in_device_memory(from, bytes) == (kind != cudaMemcpyHostToDevice);
    };
    if (bytes == 0) return cudaSuccess;
    if (!in_place()) return cudaErrorInvalidValue;
    return enqueue(stream, [=] {
      if (!in_place()) throw KernelFault("cudaMemcpyAsync of device memory that is freed");
      const DeviceAccess access;
      std::memmove(to, from, bytes);
    });
  });
}
