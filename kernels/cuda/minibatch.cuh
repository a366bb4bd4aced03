#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/each.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/training.cuh"
#include "kernels/math/dropout.hpp"
#include "kernels/math/permutation.hpp"
#include "kernels/math/sum32.hpp"

/// Passes of one network over rows, by all threads of a block together: tile by tile, an output or a parameter a
/// thread, so no sum is split and none depends on the number of threads. Every function is called by all threads and
/// ends with what it wrote visible to all.
namespace shoal::cuda {

/// Shared memory of a block, before the tile where that fits as well.
struct BlockMemory {
  double train_loss[math::kPartials], train_weight[math::kPartials], val_loss[math::kPartials],
      squares[math::kPartials];
  std::uint32_t row[kTileRows];  ///< of the tile, in the table
  float weight[kTileRows];
  float loss[kTileRows];
  float weight_sum;        ///< of the minibatch
  std::uint32_t n_broken;  ///< 0: all values are finite
  std::uint32_t few_rows[math::kSmallestFeistel];
};

/// A tile of rows on its way through one network.
struct Tile {
  BlockMemory* memory = nullptr;
  float* values = nullptr;  ///< laid out as the layers say
  std::uint32_t n_rows = 0;
};

SHOAL_DEVICE double total(const double* shared_partials) {
  double partials[math::kPartials];
  for (std::uint32_t k = 0; k < math::kPartials; ++k) partials[k] = shared_partials[k];
  return math::combine_partials(partials);
}

/// Where the network's tile lies: behind BlockMemory, or where the host made room.
SHOAL_DEVICE Tile block_tile(float* elsewhere) {
  auto* const memory = dynamic_shared<BlockMemory>();
  return {memory, elsewhere != nullptr ? elsewhere : reinterpret_cast<float*>(memory + 1), 0};
}

/// row_at(r): row of the table; weight_of(row). Scales the rows' inputs.
template <class RowAt, class WeightOf>
SHOAL_DEVICE void stage(const Rows& rows, const Shape& shape, Tile& tile, std::uint32_t n_rows, RowAt row_at,
                        WeightOf weight_of) {
  tile.n_rows = n_rows;
  each(n_rows, [&](std::uint32_t r) {
    const std::uint32_t row = row_at(r);
    tile.memory->row[r] = row;
    tile.memory->weight[r] = weight_of(row);
  });
  barrier();
  const std::uint32_t n_in = shape.layers[0].n_in;
  float* const to = tile.values + shape.layers[0].input;
  each(n_rows * n_in, [&](std::uint32_t element) {
    const std::uint32_t i = element % n_in;
    to[element] = scaled_input(rows, tile.memory->row[element / n_in], n_in, i);
  });
  barrier();
}

/// Keeps what the derivative of hidden layer l is taken from and drops units of its output.
/// tile_start: rows of the minibatch before the tile.
SHOAL_DEVICE void drop_units(const Shape& shape, std::uint32_t l, const Tile& tile, const math::Dropout& dropout,
                             std::uint32_t tile_start) {
  const Layer& layer = shape.layers[l];
  const std::uint32_t n = tile.n_rows * layer.n_out;
  const auto first_quad = static_cast<std::uint32_t>(std::uint64_t{tile_start} * layer.n_out / 4);
  each((n + 3) / 4, [&](std::uint32_t quad) {
    float factors[4];
    dropout.factors(l, first_quad + quad, factors);
    for (std::uint32_t i = 4 * quad; i < n && i < 4 * quad + 4; ++i) {
      float& a = tile.values[layer.output + i];
      tile.values[layer.keep + i] = factors[i % 4];
      a = factors[i % 4] > 0.0F ? a * factors[i % 4] : 0.0F;
    }
  });
  barrier();
}

/// Activations of all layers. dropout: null in evaluation and where none is asked for. z: [row][units of all layers] of
/// the tile's first row, or null.
SHOAL_DEVICE void forward(const Shape& shape, const float* weights, const Tile& tile, const math::Dropout* dropout,
                          std::uint32_t tile_start, float* z, std::uint32_t n_units) {
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer& layer = shape.layers[l];
    const std::uint32_t n_in = layer.n_in;
    each(tile.n_rows * layer.n_out, [&](std::uint32_t element) {
      const std::uint32_t o = element % layer.n_out;
      const std::uint32_t r = element / layer.n_out;
      const float* const w = weights + layer.first_parameter + o * (n_in + 1);
      const float* const below = tile.values + layer.input + r * n_in;
      float sum = w[n_in];
      for (std::uint32_t i = 0; i < n_in; ++i) sum = strict::fma(below[i], w[i], sum);
      if (z != nullptr) z[static_cast<std::size_t>(r) * n_units + o] = sum;
      const float a = activate(layer.activation, sum);
      if (l + 1 < shape.n_layers) tile.values[layer.from + element] = derive_from(layer.activation, sum, a);
      tile.values[layer.output + element] = a;
    });
    barrier();
    if (z != nullptr) z += layer.n_out;
    if (dropout != nullptr && l + 1 < shape.n_layers) drop_units(shape, l, tile, *dropout, tile_start);
  }
}

/// Outputs, row losses and weighted dloss/dz of the output layer. training: as output_row().
SHOAL_DEVICE void output(const Rows& rows, const Shape& shape, LossKind kind, const NetworkRules& rules, bool training,
                         const Tile& tile) {
  const std::uint32_t n_out = shape.layers[shape.n_layers - 1].n_out;
  const bool weighted = training && is_weighted(rows, rules);
  each(tile.n_rows, [&](std::uint32_t r) {
    float* const z = tile.values + shape.layers[shape.n_layers - 1].output + r * n_out;
    float* const delta = tile.values + shape.delta[(shape.n_layers - 1) % 2] + r * n_out;
    tile.memory->loss[r] = output_row(rows, kind, rules, training, tile.memory->row[r], n_out, z, delta);
    for (std::uint32_t o = 0; weighted && o < n_out; ++o) delta[o] *= tile.memory->weight[r];
  });
  barrier();
}

/// Adds the tile's rows to the gradient sums, [parameter].
SHOAL_DEVICE void backward(const Shape& shape, const float* weights, const Tile& tile, bool dropped, float* gradient) {
  for (std::uint32_t l = shape.n_layers; l-- > 0;) {
    const Layer& layer = shape.layers[l];
    const std::uint32_t n_in = layer.n_in;
    const std::uint32_t n_out = layer.n_out;
    const float* const delta = tile.values + shape.delta[l % 2];
    const float* const input = tile.values + layer.input;
    each(n_out * (n_in + 1), [&](std::uint32_t p) {
      const std::uint32_t o = p / (n_in + 1);
      const std::uint32_t i = p % (n_in + 1);
      float g = gradient[layer.first_parameter + p];
      for (std::uint32_t r = 0; r < tile.n_rows; ++r) {
        const float a = i < n_in ? input[r * n_in + i] : 1.0F;
        g = strict::fma(a, delta[r * n_out + o], g);
      }
      gradient[layer.first_parameter + p] = g;
    });
    if (l > 0) {
      const Layer& lower = shape.layers[l - 1];
      const float* const w = weights + layer.first_parameter;
      each(tile.n_rows * n_in, [&](std::uint32_t element) {
        const std::uint32_t r = element / n_in;
        const std::uint32_t i = element % n_in;
        float e = 0.0F;
        for (std::uint32_t o = 0; o < n_out; ++o) e = strict::fma(delta[r * n_out + o], w[o * (n_in + 1) + i], e);
        e = derive(lower.activation, tile.values[lower.from + element], e);
        if (dropped) {
          const float keep = tile.values[lower.keep + element];
          e = keep > 0.0F ? e * keep : 0.0F;
        }
        tile.values[shape.delta[(l - 1) % 2] + element] = e;
      });
    }
    barrier();
  }
}

/// work(l, parameter, whether it is a bias), spread over the block.
template <class Work>
SHOAL_DEVICE void each_parameter(const Shape& shape, Work work) {
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer& layer = shape.layers[l];
    each(layer.n_out * (layer.n_in + 1),
         [&](std::uint32_t p) { work(l, layer.first_parameter + p, p % (layer.n_in + 1) == layer.n_in); });
  }
}

}  // namespace shoal::cuda
