#pragma once

#include <cstdint>

#include "kernels/cuda/products.cuh"

/// A tile of a matrix product by a block, for matrices in device memory of any size. An element is one accumulator that
/// a thread fills in ascending order of terms: no sum is split, and none depends on the tile's size. Terms come through
/// shared memory, some at a time, in two buffers: what comes next is on its way while a block computes.
namespace shoal::cuda {

/// A tile of kTile x kTile elements, kSide x kSide of them a thread's, of which kDepth terms are in shared memory.
template <std::uint32_t kTile, std::uint32_t kSide, std::uint32_t kDepth>
struct Tiling {
  static constexpr std::uint32_t tile = kTile, side = kSide, depth = kDepth;
  static constexpr std::uint32_t lanes = kTile / kSide;  ///< threads along a side
  static constexpr std::uint32_t n_threads = lanes * lanes;
  /// Of a term's elements in shared memory. Four more than they are: 16 bytes remain aligned, and threads that bring
  /// terms side by side write to different banks.
  static constexpr std::uint32_t stride = kTile + 4;
  static constexpr std::uint32_t buffer_floats = 2 * kDepth * stride;
  /// Rows of finished elements that are in shared memory at a time.
  static constexpr std::uint32_t finished_rows = 4 * lanes;
  static constexpr std::uint32_t shared_floats =
      2 * buffer_floats > finished_rows* kTile ? 2 * buffer_floats : finished_rows* kTile;
  static constexpr std::size_t shared_bytes = shared_floats * sizeof(float);
  static_assert(kSide % 4 == 0 && kTile * kDepth == 4 * n_threads);  // each thread brings four of each operand

  /// Element i of those of thread t along a side: fours far apart, so that the fours of a warp are neighbours.
  SHOAL_DEVICE static std::uint32_t element(std::uint32_t t, std::uint32_t i) {
    return i / 4 * (kTile / (kSide / 4)) + t * 4 + i % 4;
  }
};

/// An operand whose terms lie side by side: [element][term], rows padded to fours.
struct TermsInRows {
  const float* at;
  std::uint32_t stride, n_elements, n_terms;

  template <class T>
  SHOAL_DEVICE Pack<4> fetch(std::uint32_t first_element, std::uint32_t first_term) const {
    const std::uint32_t element = first_element + thread() / (T::depth / 4);
    const std::uint32_t term = first_term + thread() % (T::depth / 4) * 4;
    if (element >= n_elements || term >= n_terms) return {};
    return load<4>(at + static_cast<std::size_t>(element) * stride + term);
  }
  template <class T>
  SHOAL_DEVICE void put(const Pack<4>& four, float* shared) const {
    float* const to = shared + thread() % (T::depth / 4) * 4 * T::stride + thread() / (T::depth / 4);
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) to[i * T::stride] = four.x[i];
  }
};

/// An operand whose elements lie side by side: [term][element], rows padded to fours.
struct ElementsInRows {
  const float* at;
  std::uint32_t stride, n_elements, n_terms;

  template <class T>
  SHOAL_DEVICE Pack<4> fetch(std::uint32_t first_element, std::uint32_t first_term) const {
    const std::uint32_t term = first_term + thread() / (T::tile / 4);
    const std::uint32_t element = first_element + thread() % (T::tile / 4) * 4;
    if (element >= n_elements || term >= n_terms) return {};
    return load<4>(at + static_cast<std::size_t>(term) * stride + element);
  }
  template <class T>
  SHOAL_DEVICE void put(const Pack<4>& four, float* shared) const {
    store(shared + thread() / (T::tile / 4) * T::stride + thread() % (T::tile / 4) * 4, four);
  }
};

/// Elements [first_row, first_row + tile) x [first_column, ...) of the product of a's rows with b's columns over
/// a.n_terms, of which each begins as start(column) and ends in finish(row, column, sum). In all threads of a block of
/// T::n_threads, with T::shared_bytes of dynamic shared memory.
template <class T, class A, class B, class Start, class Finish>
SHOAL_DEVICE void strict_tile(const A& a, std::uint32_t first_row, const B& b, std::uint32_t first_column, Start start,
                              Finish finish) {
  const std::uint32_t row = thread() / T::lanes;
  const std::uint32_t column = thread() % T::lanes;
  float sum[T::side][T::side];
  SHOAL_UNROLL
  for (std::uint32_t n = 0; n < T::side; ++n) {
    const std::uint32_t of = first_column + T::element(column, n);
    const float begin = of < b.n_elements ? start(of) : 0.0F;
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < T::side; ++m) sum[m][n] = begin;
  }
  const auto add_term = [&](const float* x, const float* y) {
    Pack<4> of_rows[T::side / 4];
    Pack<4> of_columns[T::side / 4];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < T::side; i += 4) {
      of_rows[i / 4] = load<4>(x + T::element(row, i));
      of_columns[i / 4] = load<4>(y + T::element(column, i));
    }
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < T::side; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < T::side; ++n) {
        sum[m][n] = strict::fma(of_rows[m / 4].x[m % 4], of_columns[n / 4].x[n % 4], sum[m][n]);
      }
    }
  };

  auto* const shared = dynamic_shared<float>();
  Pack<4> next_a = a.template fetch<T>(first_row, 0);
  Pack<4> next_b = b.template fetch<T>(first_column, 0);
  std::uint32_t buffer = 0;
  for (std::uint32_t first = 0; first < a.n_terms; first += T::depth) {
    float* const x = shared + buffer * T::buffer_floats;
    float* const y = x + T::depth * T::stride;
    a.template put<T>(next_a, x);
    b.template put<T>(next_b, y);
    barrier();  // whoever is here has done with the other buffer
    next_a = a.template fetch<T>(first_row, first + T::depth);
    next_b = b.template fetch<T>(first_column, first + T::depth);
    if (a.n_terms - first >= T::depth) {
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < T::depth; ++k) add_term(x + k * T::stride, y + k * T::stride);
    } else {
      for (std::uint32_t k = 0; k < a.n_terms - first; ++k) add_term(x + k * T::stride, y + k * T::stride);
    }
    buffer = 1 - buffer;
  }

  // Through shared memory, so that neighbouring threads finish neighbouring elements, and by one text for all of them.
  SHOAL_UNROLL
  for (std::uint32_t m = 0; m < T::side; m += 4) {
    barrier();
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < 4; ++k) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < T::side; n += 4) {
        store(shared + (row * 4 + k) * T::tile + T::element(column, n),
              Pack<4>{sum[m + k][n], sum[m + k][n + 1], sum[m + k][n + 2], sum[m + k][n + 3]});
      }
    }
    barrier();
    SHOAL_UNROLL_BY(1)
    for (std::uint32_t i = thread(); i < T::finished_rows * T::tile; i += T::n_threads) {
      const std::uint32_t r = first_row + T::element(0, m) + i / T::tile;
      const std::uint32_t c = first_column + i % T::tile;
      if (r < a.n_elements && c < b.n_elements) finish(r, c, shared[i]);
    }
  }
}

}  // namespace shoal::cuda
