#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/each.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/products.cuh"
#include "kernels/cuda/training.cuh"
#include "kernels/math/dropout.hpp"
#include "kernels/math/permutation.hpp"
#include "kernels/math/sum32.hpp"

/// Passes of one network over rows, by all threads of a block together: tile by tile, an element of a product belongs
/// to one thread, so no sum is split and none depends on the number of threads. Every function is called by all threads
/// and ends with what it wrote visible to all.
namespace shoal::cuda {

/// Shared memory of a block, before all else that fits as well.
struct alignas(16) BlockMemory {
  double train_loss[math::kPartials], train_weight[math::kPartials], val_loss[math::kPartials],
      squares[math::kPartials];
  std::uint32_t row[kTileRows];  ///< of the tile, in the table
  float weight[kTileRows];
  float loss[kTileRows];
  std::uint32_t n_right[kTileRows];                ///< what val_accuracy counts, of every 32nd row of an epoch
  float weight_sum;                                ///< of the minibatch
  std::uint32_t n_broken;                          ///< 0: all values are finite
  std::uint32_t few_rows[math::kSmallestFeistel];  ///< an epoch's order, where it is the network's own: of few rows
  math::EpochPermutation permutation;              ///< or of more
  NetworkRules rules;                              ///< of the network in training
  NetworkState state;                              ///< likewise; thread 0 changes it
  math::EpochDecision decision;                    ///< at the last epoch's end
};

/// A tile of rows on its way through one network.
struct Tile {
  BlockMemory* memory = nullptr;
  float* values = nullptr;    ///< laid out as the layers say
  float* weights = nullptr;   ///< the block's copy of the parameters, likewise
  float* gradient = nullptr;  ///< likewise
  std::uint32_t n_rows = 0;
};

SHOAL_DEVICE double total(const double* shared_partials) {
  double partials[math::kPartials];
  for (std::uint32_t k = 0; k < math::kPartials; ++k) partials[k] = shared_partials[k];
  return math::combine_partials(partials);
}

/// elsewhere: where the host made room for values and weights, unless kInShared; gradient: for that, or null. A kernel
/// of its own for each, since what the compiler knows to be shared memory it reads by cheaper instructions.
template <bool kInShared>
SHOAL_DEVICE Tile block_tile(const Shape& shape, float* elsewhere, float* gradient) {
  auto* const memory = dynamic_shared<BlockMemory>();
  float* const values = kInShared ? reinterpret_cast<float*>(memory + 1) : elsewhere;
  float* const weights = values + shape.value_floats;
  return {memory, values, weights, gradient != nullptr ? gradient : weights + shape.weight_floats, 0};
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
  const std::uint32_t stride = shape.layers[0].input_stride;
  const std::uint32_t n_quads = (n_in + 3) / 4;
  float* const to = tile.values + shape.layers[0].input;
  each(n_rows * n_quads, [&](std::uint32_t quad) {  // four, so that all are on their way before the first is used
    const std::uint32_t r = quad / n_quads;
    const std::uint32_t first = quad % n_quads * 4;
    const std::uint32_t row = tile.memory->row[r];
    Pack<4> x{};
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (first + i < n_in) x.x[i] = scaled_input(rows, row, n_in, first + i);
    }
    store(to + r * stride + first, x);
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
      const std::uint32_t at = i / layer.n_out * layer.output_stride + i % layer.n_out;
      float& a = tile.values[layer.output + at];
      tile.values[layer.keep + at] = factors[i % 4];
      a = factors[i % 4] > 0.0F ? a * factors[i % 4] : 0.0F;
    }
  });
  barrier();
}

/// z: as in forward(), from the layer's first unit on.
template <std::uint32_t kSide>
SHOAL_DEVICE void forward_layer(const Layer& layer, bool is_hidden, const Tile& tile, float* z, std::uint32_t n_units) {
  const std::uint32_t n_out = layer.n_out;
  each(Patch<kSide>::count(n_out), [&](std::uint32_t number) {
    // Columns of a patch lie far apart, so that those of neighbouring patches are neighbours in all banks.
    const std::uint32_t first = number / Patch<kSide>::kLanes;
    const std::uint32_t step = (n_out + kSide - 1) / kSide;
    const float* w[kSide];
    Patch<kSide> patch;
    SHOAL_UNROLL
    for (std::uint32_t n = 0; n < kSide; ++n) {
      const std::uint32_t o = first + n * step < n_out ? first + n * step : first;
      w[n] = tile.weights + layer.weights + o * layer.weight_stride;
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kSide; ++m) patch.sum[m][n] = w[n][layer.n_in];
    }
    patch.add_rows({tile.values + layer.input + patch.row(number, 0) * layer.input_stride, layer.input_stride}, w,
                   layer.n_in);
    float* const output = tile.values + layer.output;
    const bool is_relu = layer.activation == math::Act::relu;
    const bool at_once =
        (is_relu || layer.activation == math::Act::identity) && layer.from == layer.output && z == nullptr;
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kSide; ++m) {
      const std::uint32_t r = patch.row(number, m);
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) {
        const float sum = patch.sum[m][n];
        if (r >= tile.n_rows || first + n * step >= n_out) continue;
        output[r * layer.output_stride + first + n * step] = at_once && is_relu ? strict::relu(sum) : sum;
      }
    }
    if (at_once) return;
    SHOAL_UNROLL_BY(1)  // their code once, not for each element of a patch
    for (std::uint32_t element = 0; element < kSide * kSide; ++element) {
      const std::uint32_t r = patch.row(number, element / kSide);
      const std::uint32_t o = first + element % kSide * step;
      if (r >= tile.n_rows || o >= n_out) continue;
      const std::uint32_t at = r * layer.output_stride + o;
      const float sum = output[at];
      if (z != nullptr) z[static_cast<std::size_t>(r) * n_units + o] = sum;
      const float a = activate(layer.activation, sum);
      if (is_hidden) tile.values[layer.from + at] = derive_from(layer.activation, sum, a);
      output[at] = a;
    }
  });
  barrier();
}

/// Activations of all layers. dropout: null in evaluation and where none is asked for. z: [row][units of all layers] of
/// the tile's first row, or null.
SHOAL_DEVICE void forward(const Shape& shape, const Tile& tile, const math::Dropout* dropout, std::uint32_t tile_start,
                          float* z, std::uint32_t n_units) {
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer layer = shape.layers[l];
    const bool is_hidden = l + 1 < shape.n_layers;
    if (layer.n_out > kNarrow) {
      forward_layer<kPatch>(layer, is_hidden, tile, z, n_units);
    } else {
      forward_layer<1>(layer, is_hidden, tile, z, n_units);
    }
    if (z != nullptr) z += layer.n_out;
    if (dropout != nullptr && is_hidden) drop_units(shape, l, tile, *dropout, tile_start);
  }
}

/// Outputs, row losses and weighted dloss/dz of the output layer. training: as output_row().
SHOAL_DEVICE void output(const Rows& rows, const Shape& shape, LossKind kind, const NetworkRules& rules, bool training,
                         const Tile& tile) {
  const Layer& last = shape.layers[shape.n_layers - 1];
  const std::uint32_t n_out = last.n_out;
  const bool weighted = training && is_weighted(rows, rules);
  each(tile.n_rows, [&](std::uint32_t r) {
    float* const z = tile.values + last.output + r * last.output_stride;
    float* const delta = tile.values + last.delta + r * last.output_stride;
    tile.memory->loss[r] = output_row(rows, kind, rules, training, tile.memory->row[r], n_out, z, delta);
    for (std::uint32_t o = 0; weighted && o < n_out; ++o) delta[o] *= tile.memory->weight[r];
  });
  barrier();
}

/// Adds the tile's rows to a layer's gradient sums; is_first: which are 0 before, whatever lies there. Ends without a
/// barrier.
SHOAL_DEVICE void add_gradient(const Layer& layer, const Tile& tile, bool is_first) {
  const float* const delta = tile.values + layer.delta;
  const float* const input = tile.values + layer.input;
  float* const gradient = tile.gradient + layer.weights;
  const std::uint32_t across = (layer.n_in + kPatch - 1) / kPatch;
  const std::uint32_t n_patches = (layer.n_out + kPatch - 1) / kPatch * across;
  // Behind the patches of weights the biases, one a thread.
  each(n_patches + layer.n_out, [&](std::uint32_t number) {
    if (number >= n_patches) {
      const std::uint32_t o = number - n_patches;
      float& at = gradient[o * layer.weight_stride + layer.n_in];
      float sum = is_first ? 0.0F : at;
      for (std::uint32_t r = 0; r < tile.n_rows; ++r) sum += delta[r * layer.output_stride + o];
      at = sum;
      return;
    }
    const std::uint32_t o = number / across * kPatch;
    const std::uint32_t i = number % across * kPatch;
    float* const at = gradient + o * layer.weight_stride + i;
    Pack<kPatch> sum[kPatch] = {};
    // Column by column at the right edge: behind it lies the bias, another thread's.
    const bool is_whole = i + kPatch <= layer.n_in;
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kPatch; ++m) {
      if (is_first || o + m >= layer.n_out) continue;
      const float* const row = at + m * layer.weight_stride;
      if (is_whole) sum[m] = load<kPatch>(row);
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kPatch; ++n) {
        if (!is_whole && i + n < layer.n_in) sum[m].x[n] = row[n];
      }
    }
    add_outer(sum, {delta + o, layer.output_stride}, {input + i, layer.input_stride}, tile.n_rows);
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kPatch; ++m) {
      if (o + m >= layer.n_out) continue;
      float* const row = at + m * layer.weight_stride;
      if (is_whole) store(row, sum[m]);
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kPatch; ++n) {
        if (!is_whole && i + n < layer.n_in) row[n] = sum[m].x[n];
      }
    }
  });
}

/// The delta of the layer below, in place of its output: every element is read and written by its owner alone. Ends
/// without a barrier.
template <std::uint32_t kSide>
SHOAL_DEVICE void delta_below(const Layer& layer, const Layer& below, const Tile& tile, bool dropped) {
  const Matrix delta{tile.values + layer.delta, layer.output_stride};
  each(Patch<kSide>::count(layer.n_in), [&](std::uint32_t number) {
    const std::uint32_t i = number / Patch<kSide>::kLanes * kSide;
    Patch<kSide> patch{};
    patch.add_columns({delta.at + patch.row(number, 0) * delta.stride, delta.stride},
                      {tile.weights + layer.weights + i, layer.weight_stride}, layer.n_out);
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kSide; ++m) {
      const std::uint32_t r = patch.row(number, m);
      if (r >= tile.n_rows) break;
      const std::uint32_t at = r * below.output_stride + i;
      const Pack<kSide> from = load<kSide>(tile.values + below.from + at);
      Pack<kSide> e;
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kSide; ++n) e.x[n] = patch.sum[m][n];
      derive_all(below.activation, from.x, e.x);
      if (dropped) {
        const Pack<kSide> keep = load<kSide>(tile.values + below.keep + at);
        SHOAL_UNROLL
        for (std::uint32_t n = 0; n < kSide; ++n) e.x[n] = keep.x[n] > 0.0F ? e.x[n] * keep.x[n] : 0.0F;
      }
      store(tile.values + below.delta + at, e);
    }
  });
}

/// Adds the tile's rows to the gradient sums; is_first: which are 0 before, whatever lies there. The outputs of hidden
/// layers are lost.
SHOAL_DEVICE void backward(const Shape& shape, const Tile& tile, bool dropped, bool is_first) {
  for (std::uint32_t l = shape.n_layers; l-- > 0;) {
    const Layer layer = shape.layers[l];
    add_gradient(layer, tile, is_first);
    barrier();  // the layer's input gives way to the delta below
    if (l == 0) break;
    const Layer below = shape.layers[l - 1];
    if (layer.n_in > kNarrow) {
      delta_below<kPatch>(layer, below, tile, dropped);
    } else {
      delta_below<1>(layer, below, tile, dropped);
    }
    barrier();
  }
}

/// work(layer's number, layer, output, first of four columns of its parameters), spread over the block.
template <class Work>
SHOAL_DEVICE void each_quad(const Shape& shape, Work work) {
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer layer = shape.layers[l];
    const std::uint32_t n_quads = layer.n_in / 4 + 1;
    each(layer.n_out * n_quads, [&](std::uint32_t quad) { work(l, layer, quad / n_quads, quad % n_quads * 4); });
  }
}

/// work(layer, parameter, its place in a block's copy, whether it is a bias), spread over the block.
template <class Work>
SHOAL_DEVICE void each_parameter(const Shape& shape, Work work) {
  each_quad(shape, [&](std::uint32_t, const Layer& layer, std::uint32_t o, std::uint32_t first) {
    for (std::uint32_t i = first; i < first + 4 && i <= layer.n_in; ++i) {
      work(layer.first_parameter + o * (layer.n_in + 1) + i, layer.weights + o * layer.weight_stride + i,
           i == layer.n_in);
    }
  });
}

/// The block's own copy of parameters.
SHOAL_DEVICE void load_weights(const Shape& shape, const float* parameters, const Tile& tile) {
  each_parameter(shape, [&](std::uint32_t p, std::uint32_t at, bool) { tile.weights[at] = parameters[p]; });
  barrier();
}

}  // namespace shoal::cuda
