#pragma once

#include <cstdint>

#include "kernels/cuda/minibatch.cuh"
#include "kernels/cuda/tensor_products.cuh"

/// What a block keeps whose products are of rounded operands. Activations, deltas and weights are rounded once, when
/// they are stored. Rows beyond the tile's are zeros in all deltas and in hidden layers' activations, and finite in
/// inputs; so are columns beyond a layer's width, and zeros in weights: they add +-0 to sums.
namespace shoal::cuda {

template <class Format>
struct RoundedTile : Tile {
  std::uint32_t* operands = nullptr;  ///< the weights, rounded, and the biases
};

template <class Format>
SHOAL_DEVICE RoundedTile<Format> block_tile(const Shape& shape, float* gradient, RoundedTile<Format>*) {
  RoundedTile<Format> tile{block_tile<true>(shape, nullptr, gradient), nullptr};
  tile.operands = reinterpret_cast<std::uint32_t*>(tile.weights + shape.weight_floats);
  if (gradient == nullptr) tile.gradient += shape.operand_words;
  return tile;
}

/// Words of the tile's values, where they are operands.
template <class Format>
SHOAL_DEVICE std::uint32_t* words(const RoundedTile<Format>& tile, std::uint32_t at) {
  return reinterpret_cast<std::uint32_t*>(tile.values) + at;
}
template <class Format>
SHOAL_DEVICE Operand input_operand(const Layer& layer, const RoundedTile<Format>& tile) {
  return {words(tile, layer.input), layer.input_stride};
}
template <class Format>
SHOAL_DEVICE Operand delta_operand(const Layer& layer, const RoundedTile<Format>& tile) {
  return {words(tile, layer.rounded), layer.rounded_stride};
}
template <class Format>
SHOAL_DEVICE Operand weight_operand(const Layer& layer, const RoundedTile<Format>& tile) {
  return {tile.operands + layer.operands, layer.operand_stride};
}

/// The output layer's delta as an operand.
template <class Format>
SHOAL_DEVICE void finish_delta(const RoundedTile<Format>& tile, const Layer& last, std::uint32_t r,
                               const RowLanes& lanes) {
  const bool is_there = r < tile.n_rows;
  if (is_there) lanes.meet();
  const float* const delta = tile.values + last.delta + r * last.output_stride;
  std::uint32_t* const row = words(tile, last.rounded + r * last.rounded_stride);
  for (std::uint32_t o = 2 * lanes.first; o < n_across(last.n_out) * kAcross; o += 2 * lanes.n) {
    put_pair<Format>(row, o, is_there && o < last.n_out ? delta[o] : 0.0F,
                     is_there && o + 1 < last.n_out ? delta[o + 1] : 0.0F);
  }
}

/// Four inputs of row r.
template <class Format>
SHOAL_DEVICE void store_inputs(const RoundedTile<Format>& tile, const Layer& layer, std::uint32_t r,
                               std::uint32_t first, const Pack<4>& x) {
  std::uint32_t* const row = words(tile, layer.input + r * layer.input_stride);
  put_pair<Format>(row, first, x.x[0], x.x[1]);
  put_pair<Format>(row, first + 2, x.x[2], x.x[3]);
}

/// The rounded copies of four parameters of output o.
template <class Format>
SHOAL_DEVICE void round_weights(const RoundedTile<Format>& tile, const Layer& layer, std::uint32_t o,
                                std::uint32_t first, const Pack<4>& w) {
  Pack<4> x = w;
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) {
    if (first + i == layer.n_in) reinterpret_cast<float*>(tile.operands)[layer.biases + o] = w.x[i];
    if (first + i >= layer.n_in) x.x[i] = 0.0F;
  }
  std::uint32_t* const row = tile.operands + layer.operands + o * layer.operand_stride;
  const std::uint32_t column = weight_word<Format>(o, first);
  put_pair<Format>(row, column, x.x[0], x.x[1]);
  put_pair<Format>(row, column + 2, x.x[2], x.x[3]);
}
template <class Format>
SHOAL_DEVICE void store_weights(const RoundedTile<Format>& tile, const Layer& layer, std::uint32_t o,
                                std::uint32_t first, const Pack<4>& w) {
  store(tile.weights + layer.weights + o * layer.weight_stride + first, w);
  round_weights(tile, layer, o, first, w);
}

/// The block's own copies, zeros beyond all edges, in values as well.
template <class Format>
SHOAL_DEVICE void load_weights(const Shape& shape, const float* parameters, const RoundedTile<Format>& tile) {
  each(shape.value_floats, [&](std::uint32_t i) { tile.values[i] = 0.0F; });
  each(shape.operand_words, [&](std::uint32_t i) { tile.operands[i] = 0; });
  load_weights(shape, parameters, static_cast<const Tile&>(tile));
  each_quad(shape, [&](const Layer& layer, std::uint32_t o, std::uint32_t first) {
    round_weights(tile, layer, o, first, load<4>(tile.weights + layer.weights + o * layer.weight_stride + first));
  });
  barrier();
}

}  // namespace shoal::cuda
