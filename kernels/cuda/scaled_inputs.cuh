#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/pack.cuh"
#include "kernels/cuda/training.cuh"

namespace shoal::cuda {

/// Inputs first to first + 3 of the table's row, scaled, where the first is one; zeros behind the last. All of them are
/// on their way before the first is used.
SHOAL_DEVICE Pack<4> scaled_inputs(const Rows& rows, std::size_t row, std::uint32_t n_in, std::uint32_t first) {
  Pack<4> x{};
  if (n_in % 4 != 0) {  // a row begins anywhere
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (first + i < n_in) x.x[i] = scaled_input(rows, row, n_in, first + i);
    }
    return x;
  }
  x = load<4>(rows.inputs + row * n_in + first);
  if (rows.offset == nullptr) return x;
  const Pack<4> offset = load<4>(rows.offset + first);
  const Pack<4> factor = load<4>(rows.factor + first);
  const Pack<4> fill = load<4>(rows.fill + first);
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) x.x[i] = scaled(x.x[i], offset.x[i], factor.x[i], fill.x[i]);
  return x;
}

}  // namespace shoal::cuda
