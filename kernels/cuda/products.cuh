#pragma once

#include <cstdint>

#include "kernels/cuda/training.cuh"
#include "kernels/math/scalar.hpp"

/// Products over a tile of rows by patches: a thread owns kSide x kSide elements, each of them one accumulator that
/// runs through the whole depth in ascending order, and loads 2 kSide operands for kSide^2 multiply-adds. What a patch
/// has beyond the product's edge is computed from whatever lies there and never stored; no term is added to any other
/// element. Strides are padded_stride(): 16 bytes can be loaded from anywhere in steps of four, and eight rows that
/// follow each other lie in different banks.
namespace shoal::cuda {

namespace strict = math::scalar;

/// N floats, loaded and stored at once.
template <std::uint32_t N>
struct alignas(N * sizeof(float)) Pack {
  float x[N];
};
template <std::uint32_t N>
SHOAL_DEVICE Pack<N> load(const float* at) {
  return *reinterpret_cast<const Pack<N>*>(at);
}
template <std::uint32_t N>
SHOAL_DEVICE void store(float* at, const Pack<N>& pack) {
  *reinterpret_cast<Pack<N>*>(at) = pack;
}

/// [row][column] of a tile.
struct Matrix {
  const float* at;
  std::uint32_t stride;
};

template <std::uint32_t kSide>
struct Patch {
  static constexpr std::uint32_t kLanes = kTileRows / kSide;  ///< threads side by side along the rows
  /// Of a product with n_columns.
  SHOAL_DEVICE static std::uint32_t count(std::uint32_t n_columns) {
    return kLanes * ((n_columns + kSide - 1) / kSide);
  }
  /// Row m of patch `number`: neighbours have neighbouring rows, for the banks' sake.
  SHOAL_DEVICE static std::uint32_t row(std::uint32_t number, std::uint32_t m) { return number % kLanes + m * kLanes; }

  float sum[kSide][kSide];  ///< [row][column]

  /// Adds a[row][d] * b[column][d] for all d < depth. a: of the patch's first row, b: of its columns.
  SHOAL_DEVICE void add_rows(Matrix a, const float* (&b)[kSide], std::uint32_t depth) {
    Rows x(a);
    Pack<4> y[kSide];
    const auto load_next = [&] {
      x.load_next();
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) {
        y[n] = load<4>(b[n]);
        b[n] += 4;
      }
    };
    const auto add = [&](std::uint32_t k) {
      float column[kSide];
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) column[n] = y[n].x[k];
      add_step(x.four, k, column);
    };
    SHOAL_UNROLL_BY(2)
    for (std::uint32_t left = depth / 4; left > 0; --left) {
      load_next();
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < 4; ++k) add(k);
    }
    if (depth % 4 == 0) return;
    load_next();
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < 3; ++k) {
      if (k < depth % 4) add(k);
    }
  }

  /// Adds a[row][d] * b[d][column] for all d < depth. a: of the patch's first row, b: from its first column on.
  SHOAL_DEVICE void add_columns(Matrix a, Matrix b, std::uint32_t depth) {
    Rows x(a);
    const auto add = [&](std::uint32_t k) {
      add_step(x.four, k, load<kSide>(b.at).x);
      b.at += b.stride;
    };
    SHOAL_UNROLL_BY(2)
    for (std::uint32_t left = depth / 4; left > 0; --left) {
      x.load_next();
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < 4; ++k) add(k);
    }
    if (depth % 4 == 0) return;
    x.load_next();
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < 3; ++k) {
      if (k < depth % 4) add(k);
    }
  }

 private:
  /// The patch's rows of an operand, four columns at a time.
  struct Rows {
    SHOAL_DEVICE explicit Rows(Matrix a) {
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kSide; ++m) next[m] = a.at + m * kLanes * a.stride;
    }
    SHOAL_DEVICE void load_next() {
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kSide; ++m) {
        four[m] = load<4>(next[m]);
        next[m] += 4;
      }
    }
    const float* next[kSide];
    Pack<4> four[kSide];
  };

  SHOAL_DEVICE void add_step(const Pack<4> (&x)[kSide], std::uint32_t k, const float (&y)[kSide]) {
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kSide; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) sum[m][n] = strict::fma(x[m].x[k], y[n], sum[m][n]);
    }
  }
};

/// sum[o][i] += delta[row][o] * input[row][i] over n_rows; both from the patch's first column on.
template <std::uint32_t kSide>
SHOAL_DEVICE void add_outer(Pack<kSide> (&sum)[kSide], Matrix delta, Matrix input, std::uint32_t n_rows) {
  SHOAL_UNROLL_BY(8)
  for (std::uint32_t r = 0; r < n_rows; ++r) {
    const Pack<kSide> x = load<kSide>(delta.at);
    const Pack<kSide> y = load<kSide>(input.at);
    delta.at += delta.stride;
    input.at += input.stride;
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kSide; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) sum[m].x[n] = strict::fma(y.x[n], x.x[m], sum[m].x[n]);
    }
  }
}

}  // namespace shoal::cuda
