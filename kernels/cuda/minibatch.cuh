#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/each.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/products.cuh"
#include "kernels/cuda/scaled_inputs.cuh"
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
  math::Dropout dropout;                           ///< of the minibatch, where units are dropped
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

/// The last step of a strict sum, as math::combine_partials() defines it, by every warp of the block for itself.
SHOAL_DEVICE double total(const double* shared_partials) {
  double sum = shared_partials[lane()];
  SHOAL_UNROLL
  for (std::uint32_t half = kWarpLanes / 2; half > 0; half /= 2) sum += shuffle_down(kFullWarp, sum, half);
  return shuffle(kFullWarp, sum, 0);
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

/// Four inputs of row r.
SHOAL_DEVICE void store_inputs(const Tile& tile, const Layer& layer, std::uint32_t r, std::uint32_t first,
                               const Pack<4>& x) {
  store(tile.values + layer.input + r * layer.input_stride + first, x);
}

/// row_at(r): row of the table; weight_of(row). Scales the rows' inputs.
template <class AnyTile, class RowAt, class WeightOf>
SHOAL_DEVICE void stage(const Rows& rows, const Shape& shape, AnyTile& tile, std::uint32_t n_rows, RowAt row_at,
                        WeightOf weight_of) {
  tile.n_rows = n_rows;
  each(n_rows, [&](std::uint32_t r) {
    const std::uint32_t row = row_at(r);
    tile.memory->row[r] = row;
    tile.memory->weight[r] = weight_of(row);
  });
  barrier();
  const std::uint32_t n_in = shape.layers[0].n_in;
  const std::uint32_t n_quads = (n_in + 3) / 4;
  each(n_rows * n_quads, [&](std::uint32_t quad) {
    const std::uint32_t r = quad / n_quads;
    const std::uint32_t first = quad % n_quads * 4;
    store_inputs(tile, shape.layers[0], r, first, scaled_inputs(rows, tile.memory->row[r], n_in, first));
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

/// Columns of a patch of forward products lie far apart, so that those of neighbouring patches are neighbours in all
/// banks: column n of line `line` is line + n * column_step().
SHOAL_DEVICE std::uint32_t column_step(std::uint32_t n_out, PatchSize patch) {
  return (n_out + patch.columns - 1U) / patch.columns;
}

/// A layer's sums into its outputs, with what is as cheap as a sum: is_relu.
template <PatchSize kSize>
SHOAL_DEVICE void multiply_forward(const Layer& layer, const Tile& tile, bool is_relu) {
  constexpr std::uint32_t kRows = kSize.rows;
  constexpr std::uint32_t kColumns = kSize.columns;
  const std::uint32_t n_out = layer.n_out;
  each(tile_patches(n_out, kSize), [&](std::uint32_t number) {
    Patch<kRows, kColumns> patch(number, n_out);
    const std::uint32_t step = column_step(n_out, kSize);
    const bool is_whole = kOneTopology && step * kColumns == n_out;  // no patch has an edge
    const float* w[kColumns];
    SHOAL_UNROLL
    for (std::uint32_t n = 0; n < kColumns; ++n) {
      const std::uint32_t distance = is_whole || patch.line + n * step < n_out ? n * step : 0;
      w[n] = tile.weights + layer.weights + (patch.line + distance) * layer.weight_stride;
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kRows; ++m) patch.sum[m][n] = w[n][layer.n_in];
    }
    patch.add_rows({tile.values + layer.input, layer.input_stride}, w, layer.n_in);
    // Rows that a shorter tile has not are stored as well: nobody reads them.
    float* const output = tile.values + layer.output + patch.line;
    SHOAL_UNROLL
    for (std::uint32_t n = 0; n < kColumns; ++n) {
      if (!is_whole && patch.line + n * step >= n_out) continue;
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kRows; ++m) {
        const float sum = patch.sum[m][n];
        output[patch.row(m) * layer.output_stride + n * step] = is_relu ? strict::relu(sum) : sum;
      }
    }
  });
}

/// What multiply_forward() stored becomes activations, each by its owner: the same numbers as there. One text for all
/// sizes of patches and all of their elements, without a quotient.
SHOAL_DEVICE void activate_sums(const Layer& layer, bool is_hidden, const Tile& tile, float* z, std::uint32_t n_units) {
  const PatchSize size = layer.forward_patch;
  const std::uint32_t n_patches = tile_patches(layer.n_out, size);
  const std::uint32_t n_lanes = kTileRows / size.rows;
  const std::uint32_t step = column_step(layer.n_out, size);
  float* const output = tile.values + layer.output;
  each(n_patches, [&](std::uint32_t number) {
    const PatchPlace place(number, n_lanes, n_patches);
    SHOAL_UNROLL_BY(1)
    for (std::uint32_t o = place.line; o < layer.n_out; o += step) {
      SHOAL_UNROLL_BY(1)
      for (std::uint32_t r = place.along; r < tile.n_rows; r += n_lanes) {
        const std::uint32_t at = r * layer.output_stride + o;
        const float sum = output[at];
        if (z != nullptr) z[static_cast<std::size_t>(r) * n_units + o] = sum;
        const float a = activate(layer.activation, sum);
        if (is_hidden) tile.values[layer.from + at] = derive_from(layer.activation, sum, a);
        output[at] = a;
      }
    }
  });
}

/// z: as in forward(), from the layer's first unit on.
SHOAL_DEVICE void forward_layer(const Layer& layer, bool is_hidden, const Tile& tile, float* z, std::uint32_t n_units) {
  const bool is_relu = layer.activation == math::Act::relu;
  const bool at_once =
      (is_relu || layer.activation == math::Act::identity) && layer.from == layer.output && z == nullptr;
  with_patch(ForwardPatches{}, layer.forward_patch,
             [&]<PatchSize kSize>() { multiply_forward<kSize>(layer, tile, at_once && is_relu); });
  if (!at_once) activate_sums(layer, is_hidden, tile, z, n_units);
  barrier();
}

/// Activations of all layers. dropout: null in evaluation and where none is asked for. z: [row][units of all layers] of
/// the tile's first row, or null.
SHOAL_DEVICE void forward(const Shape& shape, const Tile& tile, const math::Dropout* dropout, std::uint32_t tile_start,
                          float* z = nullptr, std::uint32_t n_units = 0) {
  SHOAL_UNROLL_LAYERS
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer layer = shape.layers[l];
    const bool is_hidden = l + 1 < shape.n_layers;
    forward_layer(layer, is_hidden, tile, z, n_units);
    if (z != nullptr) z += layer.n_out;
    if (dropout != nullptr && is_hidden) drop_units(shape, l, tile, *dropout, tile_start);
  }
}

/// What else is to be made of the output layer's delta of row r, which `lanes` wrote if the tile has it.
SHOAL_DEVICE void finish_delta(const Tile& /*tile*/, const Layer& /*last*/, std::uint32_t /*r*/,
                               const RowLanes& /*lanes*/) {}

/// Outputs, row losses and weighted dloss/dz of the output layer, by as many lanes a row as the block has threads for.
/// training: as output_row().
template <class AnyTile>
SHOAL_DEVICE void output(const Rows& rows, const Shape& shape, LossKind kind, const NetworkRules& rules, bool training,
                         const AnyTile& tile) {
  const Layer& last = shape.layers[shape.n_layers - 1];
  const std::uint32_t n_out = last.n_out;
  // Shifts, since n_threads() is a power of two: quotients would be kept in registers through all of training.
  const std::uint32_t log_lanes =
      (n_threads() > 32 ? 1U : 0U) + (n_threads() > 64 ? 1U : 0U) + (n_threads() > 128 ? 1U : 0U);
  const std::uint32_t n_lanes = 1U << log_lanes;
  const std::uint32_t r = thread() >> log_lanes;
  const std::uint32_t n_in_use = (tile.n_rows << log_lanes) - (thread() - lane());
  const RowLanes lanes{thread() & (n_lanes - 1), n_lanes, n_in_use < kWarpLanes ? (1U << n_in_use) - 1 : kFullWarp};
  if (r < tile.n_rows) {
    float* const z = tile.values + last.output + r * last.output_stride;
    float* const delta = tile.values + last.delta + r * last.output_stride;
    const float loss = output_row(rows, kind, rules, training, tile.memory->row[r], n_out, z, delta, lanes);
    if (lanes.first == 0) tile.memory->loss[r] = loss;
    if (training && is_weighted(rows, rules)) {
      lanes.meet();
      for (std::uint32_t o = lanes.first; o < n_out; o += n_lanes) delta[o] *= tile.memory->weight[r];
    }
  }
  if (training) finish_delta(tile, last, r, lanes);
  barrier();
}

/// Adds the tile's rows to a layer's gradient sums; is_first: which are 0 before, whatever lies there. Ends without a
/// barrier.
template <PatchSize kSize>
SHOAL_DEVICE void add_gradient(const Layer& layer, const Tile& tile, bool is_first) {
  const float* const delta = tile.values + layer.delta;
  float* const gradient = tile.gradient + layer.weights;
  const std::uint32_t n_patches = gradient_patches(layer, kSize);
  const std::uint32_t of_biases = first_bias(n_patches);
  const GradientSizes sizes{layer.n_out, layer.n_in, layer.weight_stride};
  // Behind the patches of weights the biases, one a thread.
  each(of_biases + layer.n_out, [&](std::uint32_t number) {
    if (number >= of_biases) {
      const std::uint32_t o = number - of_biases;
      float& at = gradient[o * layer.weight_stride + layer.n_in];
      float sum = is_first ? 0.0F : at;
      for (std::uint32_t r = 0; r < tile.n_rows; ++r) sum += delta[r * layer.output_stride + o];
      at = sum;
      return;
    }
    if (number >= n_patches) return;
    GradientPatch<kSize.rows, kSize.columns> patch(number, sizes);
    if (!is_first) {
      // Column by column at the right edge: behind it lies the bias, another thread's.
      patch.each_four(sizes, gradient, [](const float* at, Pack<4>& sum, std::uint32_t n) {
        if (n >= 4) sum = load<4>(at);
        SHOAL_UNROLL
        for (std::uint32_t k = 0; k < 3; ++k) {
          if (n < 4 && k < n) sum.x[k] = at[k];
        }
      });
    }
    patch.add({delta, layer.output_stride}, {tile.values + layer.input, layer.input_stride}, sizes, tile.n_rows);
    patch.each_four(sizes, gradient, [](float* at, const Pack<4>& sum, std::uint32_t n) {
      if (n >= 4) store(at, sum);
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < 3; ++k) {
        if (n < 4 && k < n) at[k] = sum.x[k];
      }
    });
  });
}

/// The delta of the layer below, in place of its output: every element is read and written by its owner alone. Ends
/// without a barrier.
template <PatchSize kSize>
SHOAL_DEVICE void delta_below(const Layer& layer, const Layer& below, const Tile& tile, bool dropped) {
  constexpr std::uint32_t kRows = kSize.rows;
  constexpr std::uint32_t kColumns = kSize.columns;
  each(tile_patches(layer.n_in, kSize), [&](std::uint32_t number) {
    Patch<kRows, kColumns> patch(number, layer.n_in);
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kRows; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kColumns; ++n) patch.sum[m][n] = 0.0F;
    }
    const std::uint32_t i = patch.line * kColumns;
    patch.add_columns({tile.values + layer.delta, layer.output_stride},
                      {tile.weights + layer.weights + i, layer.weight_stride}, layer.n_out);
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kRows; ++m) {
      const std::uint32_t at = patch.row(m) * below.output_stride + i;
      const Pack<kColumns> from = load<kColumns>(tile.values + below.from + at);
      Pack<kColumns> e;
      SHOAL_UNROLL
      for (std::uint32_t n = 0; n < kColumns; ++n) e.x[n] = patch.sum[m][n];
      derive_all(below.activation, from.x, e.x);
      if (dropped) {
        const Pack<kColumns> keep = load<kColumns>(tile.values + below.keep + at);
        SHOAL_UNROLL
        for (std::uint32_t n = 0; n < kColumns; ++n) e.x[n] = keep.x[n] > 0.0F ? e.x[n] * keep.x[n] : 0.0F;
      }
      store(tile.values + below.delta + at, e);
    }
  });
}

/// Adds the tile's rows to the gradient sums; is_first: which are 0 before, whatever lies there. The outputs of hidden
/// layers are lost.
SHOAL_DEVICE void backward(const Shape& shape, const Tile& tile, bool dropped, bool is_first) {
  SHOAL_UNROLL_LAYERS
  for (std::uint32_t l = shape.n_layers; l-- > 0;) {
    const Layer layer = shape.layers[l];
    with_patch(GradientPatches{}, layer.gradient_patch,
               [&]<PatchSize kSize>() { add_gradient<kSize>(layer, tile, is_first); });
    barrier();  // the layer's input gives way to the delta below
    if (l == 0) break;
    const Layer below = shape.layers[l - 1];
    with_patch(DeltaPatches{}, layer.delta_patch,
               [&]<PatchSize kSize>() { delta_below<kSize>(layer, below, tile, dropped); });
    barrier();
  }
}

/// work(layer, output, first of four columns of its parameters), spread over the block. Probes have networks of any
/// size, for which Divisor would not be exact.
template <class Work>
SHOAL_DEVICE void each_quad(const Shape& shape, Work work) {
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer layer = shape.layers[l];
    each(layer.n_out * layer.quads.n, [&](std::uint32_t quad) {
      const std::uint32_t o = quad / layer.quads.n;
      work(layer, o, (quad - o * layer.quads.n) * 4);
    });
  }
}

/// work(layer, parameter, its place in a block's copy, whether it is a bias), spread over the block.
template <class Work>
SHOAL_DEVICE void each_parameter(const Shape& shape, Work work) {
  each_quad(shape, [&](const Layer& layer, std::uint32_t o, std::uint32_t first) {
    for (std::uint32_t i = first; i < first + 4 && i <= layer.n_in; ++i) {
      work(layer.first_parameter + o * (layer.n_in + 1) + i, layer.weights + o * layer.weight_stride + i,
           i == layer.n_in);
    }
  });
}

/// Four parameters of output o.
SHOAL_DEVICE void store_weights(const Tile& tile, const Layer& layer, std::uint32_t o, std::uint32_t first,
                                const Pack<4>& w) {
  store(tile.weights + layer.weights + o * layer.weight_stride + first, w);
}

/// The block's own copy of parameters.
SHOAL_DEVICE void load_weights(const Shape& shape, const float* parameters, const Tile& tile) {
  each_parameter(shape, [&](std::uint32_t p, std::uint32_t at, bool) { tile.weights[at] = parameters[p]; });
  barrier();
}

}  // namespace shoal::cuda
