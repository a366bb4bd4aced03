#pragma once

#include <cstdint>

#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/training.cuh"
#include "kernels/math/scalar.hpp"

/// Products over a tile of rows by patches: a thread owns some rows and columns of a product, each element of them one
/// accumulator that runs through the whole depth in ascending order, and loads rows + columns operands for rows *
/// columns multiply-adds. What a patch has beyond the product's edge is computed from whatever lies there and never
/// stored; no term is added to any other element. Strides are padded_stride(): 16 bytes can be loaded from anywhere in
/// steps of four, and eight rows that follow each other lie in different banks.
namespace shoal::cuda {

namespace strict = math::scalar;

/// [row][column] of a tile.
struct Matrix {
  const float* at;
  std::uint32_t stride;
};

/// Calls work.operator()<size>() for the one of them that is `size`.
template <PatchSize kFirst, PatchSize... kOthers, class Work>
SHOAL_DEVICE void with_patch(PatchSizes<kFirst, kOthers...>, PatchSize size, Work work) {
  if constexpr (sizeof...(kOthers) == 0) {
    work.template operator()<kFirst>();
  } else if (size == kFirst) {
    work.template operator()<kFirst>();
  } else {
    with_patch(PatchSizes<kOthers...>{}, size, work);
  }
}

/// Where a patch lies among `n` that are side by side in lines of n_across. Two lines are woven: threads 2k and 2k + 1
/// read one operand at the same place, 2k and 2k + 2 (mostly) the other, and a warp whose lanes do either of both loads
/// 16 bytes a lane in two cycles of shared memory instead of four. An odd last line is alone.
struct PatchPlace {
  std::uint32_t along, line;

  SHOAL_DEVICE PatchPlace(std::uint32_t number, std::uint32_t n_across, std::uint32_t n) {
    const std::uint32_t pair = number / (2 * n_across);
    const std::uint32_t within = number - pair * 2 * n_across;
    const bool is_woven = (pair + 1) * 2 * n_across <= n;
    along = is_woven ? within / 2 : within;
    line = 2 * pair + (is_woven ? within % 2 : 0);
  }
};

template <std::uint32_t kRows, std::uint32_t kColumns>
struct Patch {
  static constexpr std::uint32_t kLanes = kTileRows / kRows;  ///< threads side by side along the rows

  std::uint32_t first_row;  ///< row m is first_row + m * kLanes: neighbours have neighbouring rows, for the banks' sake
  std::uint32_t line;       ///< of patches, along the columns
  float sum[kRows][kColumns];

  /// Number `number` of a product with n_columns.
  SHOAL_DEVICE Patch(std::uint32_t number, std::uint32_t n_columns) {
    const PatchPlace place(number, kLanes, tile_patches(n_columns, {kRows, kColumns}));
    first_row = place.along;
    line = place.line;
  }

  SHOAL_DEVICE std::uint32_t row(std::uint32_t m) const { return first_row + m * kLanes; }

  /// Adds a[row][d] * b[column][d] for all d < depth. b: of the patch's columns.
  SHOAL_DEVICE void add_rows(Matrix a, const float* (&b)[kColumns], std::uint32_t depth) {
    Rows x(a, first_row);
    Pack<4> y[kColumns];
    const auto load_next = [&] {
      x.load_next();
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kColumns; ++n) {
        y[n] = load<4>(b[n]);
        b[n] += 4;
      }
    };
    const auto add = [&](std::uint32_t k) {
      float column[kColumns];
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kColumns; ++n) column[n] = y[n].x[k];
      add_step(x.four, k, column);
    };
    SHOAL_UNROLL_BY(kUnrolled)
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

  /// Adds a[row][d] * b[d][column] for all d < depth. b: from the patch's first column on.
  SHOAL_DEVICE void add_columns(Matrix a, Matrix b, std::uint32_t depth) {
    Rows x(a, first_row);
    const auto add = [&](std::uint32_t k) {
      add_step(x.four, k, load<kColumns>(b.at).x);
      b.at += b.stride;
    };
    SHOAL_UNROLL_BY(kUnrolled)
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
  /// Fours of the depth in one turn of the loop.
  static constexpr std::uint32_t kUnrolled = kRows * kColumns >= 32 ? 1 : kRows * kColumns >= 8 ? 2 : 4;

  /// The patch's rows of an operand, four columns at a time.
  struct Rows {
    SHOAL_DEVICE Rows(Matrix a, std::uint32_t first_row) {
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kRows; ++m) next[m] = a.at + (first_row + m * kLanes) * a.stride;
    }
    SHOAL_DEVICE void load_next() {
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kRows; ++m) {
        four[m] = load<4>(next[m]);
        next[m] += 4;
      }
    }
    const float* next[kRows];
    Pack<4> four[kRows];
  };

  SHOAL_DEVICE void add_step(const Pack<4> (&x)[kRows], std::uint32_t k, const float (&y)[kColumns]) {
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kRows; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kColumns; ++n) sum[m][n] = strict::fma(x[m].x[k], y[n], sum[m][n]);
    }
  }
};

/// A layer's gradient, [n_out][stride], of which n_in columns are weights'.
struct GradientSizes {
  std::uint32_t n_out, n_in, stride;
};

/// A patch of a gradient, [unit][input], of which both come in groups of four (or two) that lie side by side; those of
/// one patch lie far apart, so that those of neighbouring patches are neighbours.
template <std::uint32_t kUnits, std::uint32_t kInputs>
struct GradientPatch {
  static constexpr std::uint32_t kOfUnits = kUnits < 4 ? kUnits : 4;  ///< in a group
  static constexpr std::uint32_t kUnitGroups = kUnits / kOfUnits, kInputGroups = kInputs / 4;

  std::uint32_t first_unit[kUnitGroups], first_input[kInputGroups];
  Pack<4> sum[kUnits][kInputGroups] = {};

  SHOAL_DEVICE GradientPatch(std::uint32_t number, const GradientSizes& sizes) {
    const std::uint32_t down = (sizes.n_out + kUnits - 1) / kUnits;
    const std::uint32_t across = (sizes.n_in + kInputs - 1) / kInputs;
    const PatchPlace place(number, across, down * across);
    SHOAL_UNROLL
    for (std::uint32_t g = 0; g < kUnitGroups; ++g) first_unit[g] = (place.line + g * down) * kOfUnits;
    SHOAL_UNROLL
    for (std::uint32_t g = 0; g < kInputGroups; ++g) first_input[g] = (place.along + g * across) * 4;
  }

  /// Whether no patch has an edge: nothing is compared then.
  SHOAL_DEVICE static bool is_whole(const GradientSizes& sizes) {
    return kOneTopology && sizes.n_out % kUnits == 0 && sizes.n_in % kInputs == 0;
  }

  /// work(place of four inputs of a unit in the gradient, their sums, inputs from there on) for all that lie within.
  template <class Work>
  SHOAL_DEVICE void each_four(const GradientSizes& sizes, float* gradient, Work work) {
    SHOAL_UNROLL
    for (std::uint32_t u = 0; u < kUnitGroups; ++u) {
      SHOAL_UNROLL
      for (std::uint32_t i = 0; i < kInputGroups; ++i) {
        float* const group = gradient + first_unit[u] * sizes.stride + first_input[i];
        SHOAL_UNROLL
        for (std::uint32_t m = 0; m < kOfUnits; ++m) {
          if (!is_whole(sizes) && (first_unit[u] + m >= sizes.n_out || first_input[i] >= sizes.n_in)) continue;
          // Elsewhere a pointer that lives through the loop of rows would be a register too many.
          float* const at =
              kOneTopology ? group + m * sizes.stride : gradient + (first_unit[u] + m) * sizes.stride + first_input[i];
          work(at, sum[u * kOfUnits + m][i], is_whole(sizes) ? 4 : sizes.n_in - first_input[i]);
        }
      }
    }
  }

  /// sum[unit][input] += delta[row][unit] * input[row][input] over n_rows. Of a group beyond the edge the first takes
  /// the place.
  SHOAL_DEVICE void add(Matrix delta, Matrix input, const GradientSizes& sizes, std::uint32_t n_rows) {
    const float* units[kUnitGroups];
    const float* inputs[kInputGroups];
    SHOAL_UNROLL
    for (std::uint32_t g = 0; g < kUnitGroups; ++g)
      units[g] = delta.at + (is_whole(sizes) || first_unit[g] < sizes.n_out ? first_unit[g] : first_unit[0]);
    SHOAL_UNROLL
    for (std::uint32_t g = 0; g < kInputGroups; ++g)
      inputs[g] = input.at + (is_whole(sizes) || first_input[g] < sizes.n_in ? first_input[g] : first_input[0]);
    SHOAL_UNROLL_BY(kUnits * kInputs > 32 ? 2 : kUnits * kInputs > 16 ? 4 : 8)
    for (std::uint32_t r = 0; r < n_rows; ++r) {
      Pack<kOfUnits> x[kUnitGroups];
      Pack<4> y[kInputGroups];
      SHOAL_UNROLL
      for (std::uint32_t g = 0; g < kUnitGroups; ++g) {
        x[g] = load<kOfUnits>(units[g]);
        units[g] += delta.stride;
      }
      SHOAL_UNROLL
      for (std::uint32_t g = 0; g < kInputGroups; ++g) {
        y[g] = load<4>(inputs[g]);
        inputs[g] += input.stride;
      }
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kUnits; ++m) {
        SHOAL_UNROLL
        for (std::uint32_t n = 0; n < kInputs; ++n) {
          float& of = sum[m][n / 4].x[n % 4];
          of = strict::fma(y[n / 4].x[n % 4], x[m / kOfUnits].x[m % kOfUnits], of);
        }
      }
    }
  }
};

}  // namespace shoal::cuda
