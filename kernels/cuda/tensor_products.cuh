#pragma once

#include <concepts>
#include <cstdint>

#include "kernels/cuda/products.cuh"
#include "kernels/cuda/tensor_core.cuh"
#include "kernels/math/bfloat16.hpp"

/// Products of rounded operands in shared memory: a warp owns a tile of sums, whose terms its tensor cores add. An
/// operand is a matrix of 32-bit words, one number of tf32 or two of bf16 in each; widths are padded to kAcross, with
/// finite numbers in values and zeros in weights, so that no edge needs a branch.
///
/// Banks, of 32 with a word each; loads are of 8 rows x 4 words (ldmatrix) or of 4 rows x 8 words (32 bits a lane):
/// - Values are 8 j + 4 words a row: 8 rows begin at different multiples of 4, which 4 words each fill. Tf32 by
///   columns takes rows 0, 2, 4, 6 or 1, 3, 5, 7, which begin at different multiples of 8, and 8 words of each: which
///   row is which of a product's depth is free, as long as both operands agree.
/// - Weights of bf16 likewise. Those of tf32 are read by rows forwards and by columns backwards, where the operand
///   beside them has no say in which row comes when. They are 8 (2 j + 1) words a row, so that 4 rows begin at
///   different multiples of 8, and of every second four rows the fours of words change places.
namespace shoal::cuda {

/// Rows of a left matrix, and what widths are padded to.
inline constexpr std::uint32_t kAcross = 16;
/// Words of all rows of a step in depth, whatever the format: 8 tf32 or 16 bf16.
inline constexpr std::uint32_t kStepWords = 8;

template <class Format>
SHOAL_DEVICE std::uint32_t n_steps(std::uint32_t depth) {
  return (depth + Format::kDepth - 1) / Format::kDepth;
}
SHOAL_DEVICE std::uint32_t n_across(std::uint32_t width) { return (width + kAcross - 1) / kAcross; }

/// An operand, [row][stride].
struct Operand {
  const std::uint32_t* at;
  std::uint32_t stride;
};

/// Where word `word` of row `row` of weights is.
template <class Format>
SHOAL_DEVICE std::uint32_t weight_word(std::uint32_t row, std::uint32_t word) {
  return std::same_as<Format, Tf32> ? word ^ (row & 4U) : word;
}

/// Numbers 2 k and 2 k + 1 of a row, column = 2 k.
template <class Format>
SHOAL_DEVICE void put_pair(std::uint32_t* row, std::uint32_t column, float x, float y) {
  const float numbers[2] = {x, y};
  if constexpr (std::same_as<Format, Bf16>) {
    row[column / 2] = Bf16::word(numbers);
  } else {
    struct alignas(8) Words {
      std::uint32_t x, y;
    };
    *reinterpret_cast<Words*>(row + column) = {Tf32::word(numbers), Tf32::word(numbers + 1)};
  }
}
/// Number `column` alone; another thread may write the other one of a word.
template <class Format>
SHOAL_DEVICE void put_one(std::uint32_t* row, std::uint32_t column, float x) {
  if constexpr (std::same_as<Format, Bf16>) {
    reinterpret_cast<math::Bfloat16*>(row)[column] = math::to_bfloat16(x);
  } else {
    row[column] = Tf32::word(&x);
  }
}
/// Numbers 2 k and 2 k + 1, as they were rounded.
template <class Format>
SHOAL_DEVICE void take_pair(const std::uint32_t* row, std::uint32_t column, float& x, float& y) {
  const auto number = [](std::uint32_t bits) { return strict::float_of_bits(static_cast<std::int32_t>(bits)); };
  if constexpr (std::same_as<Format, Bf16>) {
    const std::uint32_t both = row[column / 2];
    x = number(both << 16);
    y = number(both & 0xFFFF0000U);
  } else {
    x = number(row[column]);
    y = number(row[column + 1]);
  }
}

/// 16 rows of a left matrix that lie in rows, from `first` on, step by step in depth.
template <class Format>
class LeftRows {
 public:
  SHOAL_DEVICE LeftRows() {}
  SHOAL_DEVICE LeftRows(Operand a, std::uint32_t first)
      : next_(a.at + (first + lane() % 16) * a.stride + lane() / 16 * kRowWords) {}
  SHOAL_DEVICE LeftFragment<Format> next() {
    const MatrixWords m = load_matrices<false>(next_);
    next_ += kStepWords;
    return {{m.words[0], m.words[1], m.words[2], m.words[3]}};
  }

 private:
  const std::uint32_t* next_;
};

/// Two right matrices side by side.
template <class Format>
struct RightPair {
  RightFragment<Format> half[2];
};

/// Their 16 columns lie in rows of the weights, from `first` on.
template <class Format>
class RightWeightRows {
 public:
  SHOAL_DEVICE RightWeightRows() {}
  SHOAL_DEVICE RightWeightRows(Operand w, std::uint32_t first) {
    const std::uint32_t row = first + lane() / 16 * 8 + lane() % 8;
    next_ = w.at + row * w.stride + weight_word<Format>(row, lane() / 8 % 2 * kRowWords);
  }
  SHOAL_DEVICE RightPair<Format> next() {
    const MatrixWords m = load_matrices<false>(next_);
    next_ += kStepWords;
    return {{{{m.words[0], m.words[1]}}, {{m.words[2], m.words[3]}}}};
  }

 private:
  const std::uint32_t* next_;
};

/// 16 rows of a left matrix that lie in columns, from `first` on; its depth in rows of values.
template <class Format>
class LeftColumns {
 public:
  SHOAL_DEVICE LeftColumns() {}
  SHOAL_DEVICE LeftColumns(Operand a, std::uint32_t first) : stride_(a.stride) {
    if constexpr (std::same_as<Format, Bf16>) {
      next_ = a.at + (lane() % 8 + lane() / 16 * 8) * a.stride + first / 2 + lane() / 8 % 2 * kRowWords;
    } else {
      next_ = a.at + lane() % 4 * 2 * a.stride + first + lane() / 4;
    }
  }
  SHOAL_DEVICE LeftFragment<Format> next() {
    const std::uint32_t* const at = next_;
    next_ += Format::kDepth * stride_;
    if constexpr (std::same_as<Format, Bf16>) {
      const MatrixWords m = load_matrices<true>(at);
      return {{m.words[0], m.words[1], m.words[2], m.words[3]}};
    } else {
      return {{at[0], at[8], at[stride_], at[stride_ + 8]}};
    }
  }

 private:
  const std::uint32_t* next_;
  std::uint32_t stride_;
};

/// Two right matrices whose 16 columns lie in columns, from `first` on; their depth in rows, of weights if kOfWeights.
template <class Format, bool kOfWeights>
class RightColumns {
 public:
  SHOAL_DEVICE RightColumns() {}
  SHOAL_DEVICE RightColumns(Operand b, std::uint32_t first) : stride_(b.stride) {
    if constexpr (std::same_as<Format, Bf16>) {
      next_ = b.at + lane() % 16 * b.stride + first / 2 + lane() / 16 * kRowWords;
    } else if constexpr (kOfWeights) {
      next_ = b.at + lane() % 4 * b.stride + first + lane() / 4;
      across_ = 4 * b.stride + (lane() / 4 ^ 4U) - lane() / 4;
    } else {
      next_ = b.at + lane() % 4 * 2 * b.stride + first + lane() / 4;
      across_ = b.stride;
    }
  }
  SHOAL_DEVICE RightPair<Format> next() {
    const std::uint32_t* const at = next_;
    next_ += Format::kDepth * stride_;
    if constexpr (std::same_as<Format, Bf16>) {
      const MatrixWords m = load_matrices<true>(at);
      return {{{{m.words[0], m.words[1]}}, {{m.words[2], m.words[3]}}}};
    } else {
      return {{{{at[0], at[across_]}}, {{at[8], at[across_ + 8]}}}};
    }
  }

 private:
  const std::uint32_t* next_;
  std::uint32_t stride_;
  std::uint32_t across_ = 0;  ///< tf32: from a fragment's first word to its second
};

/// 16 kLeft x 16 kRight sums of a warp.
template <std::uint32_t kLeft, std::uint32_t kRight>
struct WarpTile {
  SumFragment sum[kLeft][2 * kRight];

  /// Adds n steps in depth; more(left fragments): what else is to be made of those of a step.
  template <class Left, class Right, class More>
  SHOAL_DEVICE void add(Left (&left)[kLeft], Right (&right)[kRight], std::uint32_t n, More more) {
    SHOAL_UNROLL_BY(2)
    for (; n > 0; --n) {
      decltype(left[0].next()) a[kLeft];
      decltype(right[0].next()) b[kRight];
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < kRight; ++k) b[k] = right[k].next();
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kLeft; ++m) a[m] = left[m].next();
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kLeft; ++m) {
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < 2 * kRight; ++k) multiply_add(sum[m][k], a[m], b[k / 2].half[k % 2]);
      }
      more(a);
    }
  }

  /// work(row, even column, sum there, sum beside it) for each pair that the lane has, row and column within the tile.
  template <class Work>
  SHOAL_DEVICE void each_pair(Work work) {
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kLeft; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < 2 * kRight; ++k) {
        SHOAL_UNROLL
        for (std::uint32_t i = 0; i < 4; i += 2) {
          const Element e = sum_element(lane(), i);
          work(m * kAcross + e.row, k * 8 + e.column, sum[m][k].values[i], sum[m][k].values[i + 1]);
        }
      }
    }
  }
};

/// Whether n tiles of a warp keep all warps busy. Smaller tiles read more, but a phase is as long as its slowest warp.
SHOAL_DEVICE bool has_for_every_warp(std::uint32_t n) { return n * kWarpLanes >= n_threads(); }

/// work(tile) for n tiles, spread over the block's warps. Fragments are loaded and multiplied by whole warps (PTX:
/// .aligned), whichever lanes the work before had something to do for.
template <class Work>
SHOAL_DEVICE void each_warp_tile(std::uint32_t n, Work work) {
  for (std::uint32_t tile = thread() / kWarpLanes; tile < n; tile += n_threads() / kWarpLanes) {
    warp_barrier(kFullWarp);
    work(tile);
  }
}

}  // namespace shoal::cuda
