#include "cub.hpp"

#include <algorithm>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "call.hpp"
#include "kernel_fault.hpp"
#include "memory.hpp"
#include "stream.hpp"

namespace shoal::emulation {
namespace {

/// Of temporary memory, for each item; what the real one takes depends on the GPU.
constexpr std::size_t kBytesOfItem = 8;

struct Pairs {
  const std::uint32_t *keys, *values;
  std::uint32_t *sorted_keys, *sorted_values;
  std::size_t n;
};

void check_memory(const char* name, const void* memory, std::size_t bytes) {
  if (in_device_memory(memory, bytes)) return;
  throw KernelFault("cub::DeviceRadixSort::SortPairs: " + std::string(name) + " of " + std::to_string(bytes) +
                    " bytes is not in device memory");
}

void sort(const Pairs& pairs, std::uint32_t mask, void* temporary) {
  const std::size_t bytes = pairs.n * sizeof(std::uint32_t);
  check_memory("temporary storage", temporary, pairs.n * kBytesOfItem);
  check_memory("keys", pairs.keys, bytes);
  check_memory("values", pairs.values, bytes);
  check_memory("sorted keys", pairs.sorted_keys, bytes);
  check_memory("sorted values", pairs.sorted_values, bytes);
  std::memset(temporary, 0xFF, pairs.n * kBytesOfItem);
  std::vector<std::size_t> order(pairs.n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, {}, [&](std::size_t i) { return pairs.keys[i] & mask; });
  for (std::size_t i = 0; i < pairs.n; ++i) {
    pairs.sorted_keys[i] = pairs.keys[order[i]];
    pairs.sorted_values[i] = pairs.values[order[i]];
  }
}

}  // namespace
}  // namespace shoal::emulation

using namespace shoal::emulation;

cudaError_t cub::DeviceRadixSort::SortPairs(void* temporary, std::size_t& temporary_bytes, const std::uint32_t* keys,
                                            std::uint32_t* sorted_keys, const std::uint32_t* values,
                                            std::uint32_t* sorted_values, int n_items, int begin_bit, int end_bit,
                                            cudaStream_t stream) {
  return call([&] {
    constexpr int kBits = 32;
    if (n_items < 0 || begin_bit < 0 || end_bit > kBits || begin_bit > end_bit) return cudaErrorInvalidValue;
    const auto n = static_cast<std::size_t>(n_items);
    if (temporary == nullptr) {
      temporary_bytes = std::max<std::size_t>(1, n * kBytesOfItem);
      return cudaSuccess;
    }
    if (temporary_bytes < n * kBytesOfItem) return cudaErrorInvalidValue;
    if (n == 0) return cudaSuccess;
    const std::uint64_t below_end = (std::uint64_t{1} << end_bit) - 1;
    const std::uint64_t below_begin = (std::uint64_t{1} << begin_bit) - 1;
    const auto mask = static_cast<std::uint32_t>(below_end & ~below_begin);
    return enqueue(stream, [pairs = Pairs{keys, values, sorted_keys, sorted_values, n}, mask, temporary] {
      const DeviceAccess access;
      sort(pairs, mask, temporary);
    });
  });
}
