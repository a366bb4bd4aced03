#include <algorithm>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "call.hpp"
#include "cublas.hpp"
#include "cublas_lt.hpp"
#include "graph.hpp"
#include "memory.hpp"
#include "stream.hpp"

namespace shoal::emulation {
namespace {

// Of compute capability 9.0: what every kernel may have, what one may ask for.
constexpr std::size_t kSharedBytes = std::size_t{48} << 10;
constexpr std::uint32_t kMaxThreads = 1024;
constexpr std::uint32_t kMaxBlocks = 0x7FFFFFFFU;

std::map<const void*, std::size_t>& shared_limits() {
  static std::map<const void*, std::size_t> limits;
  return limits;
}
std::size_t current_shared_bytes = 0;
Observer* current_observer = nullptr;
constexpr char kSharedKey = 0;

std::vector<std::uint32_t> block_order(std::uint32_t n_blocks) {
  std::vector<std::uint32_t> order(n_blocks);
  std::iota(order.begin(), order.end(), 0U);
  if (schedule() == 1) std::ranges::reverse(order);
  if (schedule() > 1) std::ranges::shuffle(order, std::minstd_rand(schedule()));
  return order;
}

void run_blocks(const KernelLaunch& kernel, const std::function<void()>& body) {
  const DeviceAccess access;
  current_shared_bytes = kernel.shared_bytes;
  if (current_observer != nullptr) current_observer->launch_begins();
  for (const std::uint32_t number : block_order(kernel.n_blocks)) {
    if (current_observer != nullptr) current_observer->block_begins();
    Block block(number, kernel.n_threads, schedule());
    block.run(body);
    check_device_guards(" (block " + std::to_string(number) + ")");
  }
  if (current_observer != nullptr) current_observer->launch_ends();
}

void run_kernel(const KernelLaunch& kernel, const std::function<void()>& body) {
  try {
    run_blocks(kernel, body);
  } catch (const KernelFault& fault) {
    throw KernelFault(std::string(kernel.name) + ": " + fault.what());
  }
}

}  // namespace

void set_observer(Observer* observer) { current_observer = observer; }

void launch(const KernelLaunch& kernel, std::function<void()> body) {
  call([&] {
    const auto limit = shared_limits().find(kernel.kernel);
    if (kernel.n_blocks == 0 || kernel.n_blocks > kMaxBlocks) return cudaErrorInvalidConfiguration;
    if (kernel.n_threads == 0 || kernel.n_threads > kMaxThreads) return cudaErrorInvalidConfiguration;
    if (kernel.shared_bytes > (limit == shared_limits().end() ? kSharedBytes : limit->second)) {
      return cudaErrorInvalidValue;
    }
    return enqueue(kernel.stream, [kernel, body = std::move(body)] { run_kernel(kernel, body); });
  });
}

void* dynamic_shared() { return Block::current().shared(&kSharedKey, current_shared_bytes); }
std::size_t n_allocations() {
  return n_memory_allocations() + n_streams_and_events() + n_graphs() + n_cublas_handles() + n_cublas_lt_objects();
}
void report_atomic(const void* address, std::size_t bytes) {
  if (current_observer != nullptr) current_observer->atomic_access(address, bytes);
}

void copy_async(void* shared, const void* global, std::size_t bytes) {
  Block& block = Block::current();
  const auto fault = [&](const char* what) {
    return KernelFault("an asynchronous copy of " + std::to_string(bytes) + " bytes " + what, block.number(),
                       block.thread());
  };
  const auto aligned = [&](const void* address) { return reinterpret_cast<std::uintptr_t>(address) % bytes == 0; };
  if (!aligned(shared) || !aligned(global)) throw fault("is not aligned to them");
  if (!block.is_shared(shared, bytes)) throw fault("writes outside of shared memory");
  if (!in_device_memory(global, bytes)) throw fault("reads outside of device memory");
  block.copies().begin(shared, global, bytes);
  if (current_observer == nullptr) return;
  current_observer->copy_access(global, bytes, false);
  current_observer->copy_access(shared, bytes, true);
}

void commit_copies() { Block::current().copies().commit(); }

void wait_for_copies(std::size_t n_left) {
  Block::current().copies().finish(n_left, [](const void* shared, std::size_t bytes) {
    if (current_observer != nullptr) current_observer->copy_access(shared, bytes, true);
  });
}

}  // namespace shoal::emulation

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  using namespace shoal::emulation;
  return call([&] {
    if (attribute == cudaFuncAttributePreferredSharedMemoryCarveout) {  // a wish, in percent
      return value >= -1 && value <= 100 ? cudaSuccess : cudaErrorInvalidValue;
    }
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaErrorInvalidValue;
    if (value < 0 || static_cast<std::size_t>(value) > kMaxSharedBytes) return cudaErrorInvalidValue;
    shared_limits()[kernel] = static_cast<std::size_t>(value);
    return cudaSuccess;
  });
}
