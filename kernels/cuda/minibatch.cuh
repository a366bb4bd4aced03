#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
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

/// work(i) for i in [0, n), spread over the block.
template <class Work>
SHOAL_DEVICE void each(std::uint32_t n, Work work) {
  for (std::uint32_t i = thread(); i < n; i += n_threads()) work(i);
}

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

SHOAL_DEVICE bool is_weighted(const Rows& rows, const NetworkRules& rules) {
  return rows.weights != nullptr || rules.balances_classes;
}
SHOAL_DEVICE float table_weight(const Rows& rows, std::uint32_t row) {
  return rows.weights == nullptr ? 1.0F : rows.weights[row];
}
SHOAL_DEVICE float training_weight(const Rows& rows, const NetworkRules& rules, std::uint32_t row) {
  const float of_row = table_weight(rows, row);
  return rules.balances_classes ? of_row * rows.class_weights[rows.labels[row]] : of_row;
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
    const float x = rows.inputs[static_cast<std::size_t>(tile.memory->row[element / n_in]) * n_in + i];
    to[element] = rows.offset == nullptr ? x : strict::is_nan(x) ? rows.fill[i] : (x - rows.offset[i]) * rows.factor[i];
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

SHOAL_DEVICE float residual_loss(LossKind kind, float residual, float huber_delta, float sum, float& delta) {
  const float distance = strict::absolute(residual);
  switch (kind) {
    case LossKind::absolute:
      delta = residual > 0.0F ? 1.0F : residual < 0.0F ? -1.0F : 0.0F;
      return sum + distance;
    case LossKind::huber: {
      const float q = huber_delta < distance ? huber_delta : distance;
      delta = residual < -huber_delta ? -huber_delta : huber_delta < residual ? huber_delta : residual;
      return strict::fma(q, distance - 0.5F * q, sum);
    }
    default:
      delta = kind == LossKind::half_squared ? residual : residual + residual;
      return strict::fma(residual, residual, sum);
  }
}

/// A row's loss where outputs stay what they are. delta: dloss/dz, [n_out].
SHOAL_DEVICE float regression_row(LossKind kind, std::uint32_t n_out, float huber_delta, const float* y,
                                  const float* target, float* delta) {
  float sum = 0.0F;
  for (std::uint32_t o = 0; o < n_out; ++o) {
    sum = residual_loss(kind, y[o] - (target == nullptr ? 0.0F : target[o]), huber_delta, sum, delta[o]);
  }
  return kind == LossKind::half_squared ? 0.5F * sum : sum;
}

/// Softmax in place and its cross-entropy. The targets: `smoothed_label` of the row's class, `smoothed_other` of
/// others.
SHOAL_DEVICE float softmax_row(std::uint32_t n_out, std::uint32_t label, float smoothed_label, float smoothed_other,
                               float* z, float* delta) {
  float m = z[0];
  for (std::uint32_t o = 1; o < n_out; ++o) m = m < z[o] ? z[o] : m;
  float loss = m - z[label];
  if (smoothed_other != 0.0F) {
    float all = 0.0F;
    for (std::uint32_t o = 0; o < n_out; ++o) all += m - z[o];
    loss = smoothed_other * all + (smoothed_label - smoothed_other) * loss;
  }
  float sum = 0.0F;
  for (std::uint32_t o = 0; o < n_out; ++o) {
    z[o] = strict::exp_of(z[o] - m);
    sum += z[o];
  }
  for (std::uint32_t o = 0; o < n_out; ++o) {
    z[o] = z[o] / sum;
    delta[o] = o == label ? z[o] - smoothed_label : smoothed_other != 0.0F ? z[o] - smoothed_other : z[o];
  }
  return loss + strict::log_of(sum);
}

/// Sigmoid in place and its cross-entropy, summed over outputs. target: null: `label` is that of the only output.
SHOAL_DEVICE float sigmoid_row(std::uint32_t n_out, const float* target, float label, float* z, float* delta) {
  float loss = 0.0F;
  for (std::uint32_t o = 0; o < n_out; ++o) {
    const float value = z[o];
    const float t = target == nullptr ? label : target[o];
    const float above = value > 0.0F ? value : 0.0F;
    loss += (above - value * t) + strict::log1p_exp_minus(value);
    z[o] = strict::sigmoid(value);
    delta[o] = z[o] - t;
  }
  return loss;
}

/// Outputs, row losses and weighted dloss/dz of the output layer. training: the targets are smoothed.
SHOAL_DEVICE void output(const Rows& rows, const Shape& shape, LossKind kind, const NetworkRules& rules, bool training,
                         const Tile& tile) {
  const std::uint32_t n_out = shape.layers[shape.n_layers - 1].n_out;
  const bool weighted = training && is_weighted(rows, rules);
  each(tile.n_rows, [&](std::uint32_t r) {
    float* const z = tile.values + shape.layers[shape.n_layers - 1].output + r * n_out;
    float* const delta = tile.values + shape.delta[(shape.n_layers - 1) % 2] + r * n_out;
    const std::size_t row = tile.memory->row[r];
    const float* const target = rows.targets == nullptr ? nullptr : rows.targets + row * n_out;
    const std::int32_t label = rows.labels == nullptr ? 0 : rows.labels[row];
    if (kind == LossKind::cross_entropy) {
      tile.memory->loss[r] =
          softmax_row(n_out, static_cast<std::uint32_t>(label), training ? rules.smoothed_label : 1.0F,
                      training ? rules.smoothed_other : 0.0F, z, delta);
    } else if (kind == LossKind::binary_cross_entropy) {
      tile.memory->loss[r] = sigmoid_row(n_out, target, static_cast<float>(label), z, delta);
    } else {
      tile.memory->loss[r] = regression_row(kind, n_out, rules.huber_delta, z, target, delta);
    }
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

/// Gradient sum -> the gradient that a step uses, before it is clipped.
SHOAL_DEVICE float finished_gradient(float sum, float w, bool is_bias, const NetworkRules& rules, float inverse) {
  float g = sum * inverse;
  if (is_bias) return g;
  const float penalty = rules.penalty * inverse;
  const float l1 = rules.l1 * inverse;
  if (penalty != 0.0F) g = strict::fma(penalty, w, g);
  return l1 != 0.0F ? strict::with_l1(g, w, l1) : g;
}

}  // namespace shoal::cuda
