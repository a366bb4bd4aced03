#pragma once

#include <cstddef>
#include <cstdint>

#include "runtime.hpp"

/// The part of CUB that kernels' launchers use, on the host; names and signatures are those of CUB, of its templates
/// the one instance that is called. Arrays must lie in device memory when the stream comes to the call, apart from each
/// other.
namespace cub {

struct DeviceRadixSort {
  /// Stable, by bits [begin_bit, end_bit) of the keys. Without temporary memory only temporary_bytes is written. As the
  /// real one it leaves nothing of worth in the temporary memory, and needs more of it for more items.
  static cudaError_t SortPairs(void* temporary, std::size_t& temporary_bytes, const std::uint32_t* keys,
                               std::uint32_t* sorted_keys, const std::uint32_t* values, std::uint32_t* sorted_values,
                               int n_items, int begin_bit = 0, int end_bit = 32, cudaStream_t stream = nullptr);
};

}  // namespace cub
