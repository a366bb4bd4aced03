#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/small_network.cuh"

/// Rows of a table on their way to all networks of a block.
namespace shoal::cuda {

/// Rows in shared memory at a time.
inline constexpr std::uint32_t kStagedRows = 128;

template <class S>
SHOAL_DEVICE void stage_row(const Rows& rows, std::size_t row, float* to) {
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_in; ++i) {
    to[i] = scaled_input(rows, row, S::n_in, i);
  }
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < S::n_out; ++o) {
    to[S::n_in + o] = rows.targets == nullptr ? 0.0F : rows.targets[row * S::n_out + o];
  }
  to[S::n_in + S::n_out] = rows.weights == nullptr ? 1.0F : rows.weights[row];
}

/// Calls work(position, staged row) for every row of the list in its order, in all threads that are `active`; every
/// thread of the block comes here.
template <class S, class Work>
SHOAL_DEVICE void each_row(const Rows& rows, const std::uint32_t* list, std::uint32_t n, bool active, Work work) {
  auto* const tile = dynamic_shared<float>();
  for (std::uint32_t first = 0; first < n; first += kStagedRows) {
    const std::uint32_t count = n - first < kStagedRows ? n - first : kStagedRows;
    for (std::uint32_t r = thread(); r < count; r += n_threads()) {
      stage_row<S>(rows, list[first + r], tile + r * S::n_staged);
    }
    barrier();
    if (active) {
      for (std::uint32_t r = 0; r < count; ++r) work(first + r, tile + r * S::n_staged);
    }
    barrier();
  }
}

}  // namespace shoal::cuda
