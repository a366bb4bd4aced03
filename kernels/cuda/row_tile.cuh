#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/each.cuh"
#include "kernels/cuda/products.cuh"
#include "kernels/cuda/small_network.cuh"
#include "kernels/cuda/thread_memory.cuh"

/// Rows of a table on their way to all networks of a block, whose threads read the same words at the same time.
namespace shoal::cuda {

/// Where a staged row has what, in floats; see staged_floats().
template <class S, bool kWeighted>
struct StagedRow {
  static constexpr std::uint32_t target = S::n_in;
  static constexpr std::uint32_t weight = S::n_in + S::n_out;
  static constexpr std::uint32_t class_weight = weight + 1;
  static constexpr ThreadSizes sizes{.n_in = S::n_in, .n_out = S::n_out, .is_plain = !kWeighted};
  static constexpr std::uint32_t n_at_once = staged_at_once(sizes), stride = staged_stride(sizes);

  float x[stride];
};

template <class S, bool kWeighted>
SHOAL_DEVICE void stage_row(const Rows& rows, std::uint32_t row, float* to) {
  using Staged = StagedRow<S, kWeighted>;
  const std::int32_t label = rows.labels == nullptr ? 0 : rows.labels[row];
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_in; ++i) to[i] = scaled_input(rows, row, S::n_in, i);
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < S::n_out; ++o) {
    to[Staged::target + o] =
        rows.targets == nullptr ? static_cast<float>(label) : rows.targets[std::size_t{row} * S::n_out + o];
  }
  if constexpr (kWeighted) {
    to[Staged::weight] = rows.weights == nullptr ? 1.0F : rows.weights[row];
    to[Staged::class_weight] = rows.class_weights == nullptr ? 1.0F : rows.class_weights[label];
  }
}

template <class S, bool kWeighted>
SHOAL_DEVICE StagedRow<S, kWeighted> staged_row(const float* tile, std::uint32_t r) {
  using Staged = StagedRow<S, kWeighted>;
  Staged row;
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < Staged::stride; i += Staged::n_at_once) {
    const auto pack = load<Staged::n_at_once>(tile + r * Staged::stride + i);
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < Staged::n_at_once; ++k) row.x[i + k] = pack.x[k];
  }
  return row;
}

/// Rows of a list by minibatches of `batch`, the last one shorter.
struct RowList {
  const std::uint32_t* rows;
  std::uint32_t n, batch;
};

/// Calls work(number in the list, number in the minibatch, staged row) for every row of the list in its order and
/// step(rows of the minibatch) behind each minibatch, in all threads that are `active`; every thread of the block comes
/// here. tile: kStagedRows strides in shared memory.
template <class S, bool kWeighted, class Work, class Step>
SHOAL_DEVICE void each_row(const Rows& rows, const RowList& list, float* tile, bool active, Work work, Step step) {
  std::uint32_t in_minibatch = 0;
  for (std::uint32_t first = 0; first < list.n; first += kStagedRows) {
    const std::uint32_t count = list.n - first < kStagedRows ? list.n - first : kStagedRows;
    each(count, [&](std::uint32_t r) {
      stage_row<S, kWeighted>(rows, list.rows[first + r], tile + r * StagedRow<S, kWeighted>::stride);
    });
    barrier();
    for (std::uint32_t r = 0; active && r < count;) {
      const std::uint32_t begin = r;
      const std::uint32_t left = list.batch - in_minibatch;
      const std::uint32_t end = count - r < left ? count : r + left;
      for (; r < end; ++r) work(first + r, in_minibatch + (r - begin), staged_row<S, kWeighted>(tile, r));
      in_minibatch += end - begin;
      if (in_minibatch == list.batch || first + r == list.n) {
        step(in_minibatch);
        in_minibatch = 0;
      }
    }
    barrier();
  }
}

}  // namespace shoal::cuda
