#pragma once

#include <cstdint>

#include "kernels/cuda/tensor_tile.cuh"

/// The passes of minibatch.cuh with products of rounded operands; whatever is no product is computed in fp32 as there.
namespace shoal::cuda {

/// Keeps the factors and rounds what they leave of the activations, which lie in their place.
template <class Format>
SHOAL_DEVICE void drop_units(const Shape& shape, std::uint32_t l, const RoundedTile<Format>& tile,
                             const math::Dropout& dropout, std::uint32_t tile_start) {
  const Layer& layer = shape.layers[l];
  const std::uint32_t n = tile.n_rows * layer.n_out;
  const auto first_quad = static_cast<std::uint32_t>(std::uint64_t{tile_start} * layer.n_out / 4);
  each((n + 3) / 4, [&](std::uint32_t quad) {
    float factors[4];
    dropout.factors(l, first_quad + quad, factors);
    for (std::uint32_t i = 4 * quad; i < n && i < 4 * quad + 4; ++i) {
      float& keep = tile.values[layer.keep + i / layer.n_out * layer.from_stride + i % layer.n_out];
      const float a = factors[i % 4] > 0.0F ? keep * factors[i % 4] : 0.0F;
      keep = factors[i % 4];
      put_one<Format>(words(tile, layer.output + i / layer.n_out * layer.output_stride), i % layer.n_out, a);
    }
  });
  barrier();
}

/// The activations of which the derivative needs the sign alone, without a branch.
struct PiecewiseLinear {
  bool is_linear, is_relu;
  SHOAL_DEVICE explicit PiecewiseLinear(Act act) : is_linear(act == Act::identity), is_relu(act == Act::relu) {}
  SHOAL_DEVICE float operator()(float z) const {
    const float leaky = strict::leaky_relu(z);
    return is_linear ? z : is_relu && !(z > 0.0F) ? 0.0F : leaky;
  }
};

/// What a lane stored of z to `from` becomes activations and what derivatives are taken from.
template <std::uint32_t kLeft, class Format>
SHOAL_DEVICE void activate_pairs(const Layer& layer, bool drops, const RoundedTile<Format>& tile, std::uint32_t r,
                                 std::uint32_t o) {
  SHOAL_UNROLL_BY(1)  // their code once, not for each pair
  for (std::uint32_t pair = 0; pair < kLeft * 4; ++pair) {
    const Element e = sum_element(lane(), pair % 2 * 2);
    const std::uint32_t row = r + pair / 4 * kAcross + e.row;
    const std::uint32_t column = o + pair / 2 % 2 * 8 + e.column;
    const std::uint32_t at = row * layer.from_stride + column;
    Pack<2> from = load<2>(tile.values + layer.from + at);
    Pack<2> a;
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 2; ++i) {
      a.x[i] = activate(layer.activation, from.x[i]);
      from.x[i] = derive_from(layer.activation, from.x[i], a.x[i]);
      if (row >= tile.n_rows) a.x[i] = 0.0F;
    }
    store(tile.values + layer.from + at, from);
    if (drops) store(tile.values + layer.keep + at, a);
    put_pair<Format>(words(tile, layer.output + row * layer.output_stride), column, drops ? 0.0F : a.x[0],
                     drops ? 0.0F : a.x[1]);
  }
}

template <class Format, std::uint32_t kLeft>
SHOAL_DEVICE void store_outputs(const Layer& layer, const RoundedTile<Format>& tile, std::uint32_t r, std::uint32_t o,
                                WarpTile<kLeft, 1>& product) {
  product.each_pair([&](std::uint32_t row, std::uint32_t column, float x, float y) {
    float* const z = tile.values + layer.output + (r + row) * layer.output_stride + o + column;
    if (r + row >= tile.n_rows) return;
    if (o + column < layer.n_out) z[0] = x;
    if (o + column + 1 < layer.n_out) z[1] = y;
  });
}
/// drops: drop_units() follows and rounds.
template <class Format, std::uint32_t kLeft>
SHOAL_DEVICE void forward_layer(const Layer& layer, bool is_hidden, bool drops, const RoundedTile<Format>& tile) {
  constexpr std::uint32_t kDown = kTileRows / (kAcross * kLeft);
  each_warp_tile(kDown * n_across(layer.n_out), [&](std::uint32_t number) {
    const std::uint32_t r = number % kDown * kAcross * kLeft;
    const std::uint32_t o = number / kDown * kAcross;
    WarpTile<kLeft, 1> product;
    const float* const bias = reinterpret_cast<const float*>(tile.operands) + layer.biases + o;
    product.each_pair([&](std::uint32_t, std::uint32_t column, float& x, float& y) {
      x = bias[column];
      y = bias[column + 1];
    });
    LeftRows<Format> left[kLeft];
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kLeft; ++m) left[m] = {input_operand(layer, tile), r + m * kAcross};
    RightWeightRows<Format> right[1] = {{weight_operand(layer, tile), o}};
    product.add(left, right, n_steps<Format>(layer.n_in), [](const auto&) {});
    if (!is_hidden) return store_outputs(layer, tile, r, o, product);
    if (layer.from == layer.output) {
      const PiecewiseLinear f(layer.activation);
      product.each_pair([&](std::uint32_t row, std::uint32_t column, float x, float y) {
        const bool is_there = r + row < tile.n_rows;
        put_pair<Format>(words(tile, layer.output + (r + row) * layer.output_stride), o + column,
                         is_there ? f(x) : 0.0F, is_there ? f(y) : 0.0F);
      });
      return;
    }
    product.each_pair([&](std::uint32_t row, std::uint32_t column, float x, float y) {
      store(tile.values + layer.from + (r + row) * layer.from_stride + o + column, Pack<2>{{x, y}});
    });
    activate_pairs<kLeft>(layer, drops, tile, r, o);
  });
  barrier();
}

template <class Format>
SHOAL_DEVICE void forward(const Shape& shape, const RoundedTile<Format>& tile, const math::Dropout* dropout,
                          std::uint32_t tile_start) {
  SHOAL_UNROLL_LAYERS
  for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
    const Layer layer = shape.layers[l];
    const bool is_hidden = l + 1 < shape.n_layers;
    const bool drops = dropout != nullptr && is_hidden;
    if (has_for_every_warp(n_across(layer.n_out))) {
      forward_layer<Format, 2>(layer, is_hidden, drops, tile);
    } else {
      forward_layer<Format, 1>(layer, is_hidden, drops, tile);
    }
    if (drops) drop_units(shape, l, tile, *dropout, tile_start);
  }
}

/// work(place in the gradient, x, y, whether y is there) of the sums that the lane has of it, from output o and input i
/// on.
template <std::uint32_t kLeft, std::uint32_t kRight, class Work>
SHOAL_DEVICE void each_gradient_pair(const Layer& layer, float* gradient, std::uint32_t o, std::uint32_t i,
                                     WarpTile<kLeft, kRight>& product, Work work) {
  if (o + kLeft * kAcross <= layer.n_out && i + kRight * kAcross <= layer.n_in) {  // no edge: no branches
    product.each_pair([&](std::uint32_t row, std::uint32_t column, float& x, float& y) {
      work(gradient + (o + row) * layer.weight_stride + i + column, x, y, true);
    });
    return;
  }
  product.each_pair([&](std::uint32_t row, std::uint32_t column, float& x, float& y) {
    if (o + row >= layer.n_out || i + column >= layer.n_in) return;
    work(gradient + (o + row) * layer.weight_stride + i + column, x, y, i + column + 1 < layer.n_in);
  });
}

/// Ends without a barrier. The biases are one more product, with ones.
template <class Format, std::uint32_t kLeft, std::uint32_t kRight>
SHOAL_DEVICE void add_gradient(const Layer& layer, const RoundedTile<Format>& tile, bool is_first) {
  float* const gradient = tile.gradient + layer.weights;
  const std::uint32_t across = (n_across(layer.n_in) + kRight - 1) / kRight;
  const std::uint32_t down = (n_across(layer.n_out) + kLeft - 1) / kLeft;
  const float ones[2] = {1.0F, 1.0F};
  const RightFragment<Format> of_biases{{Format::word(ones), Format::word(ones)}};
  each_warp_tile(down * across, [&](std::uint32_t number) {
    const std::uint32_t o = number / across * kAcross * kLeft;
    const std::uint32_t i = number % across * kAcross * kRight;
    WarpTile<kLeft, kRight> product{};
    SumFragment biases[kLeft] = {};
    if (!is_first) {
      each_gradient_pair(layer, gradient, o, i, product, [](const float* at, float& x, float& y, bool is_pair) {
        if (!is_pair) {
          x = *at;
          return;
        }
        const Pack<2> both = load<2>(at);
        x = both.x[0];
        y = both.x[1];
      });
    }
    // What lies beyond the last sixteen is made of the tile's first and not stored.
    LeftColumns<Format> left[kLeft];
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kLeft; ++m) {
      left[m] = {delta_operand(layer, tile), o + m * kAcross < layer.n_out ? o + m * kAcross : o};
    }
    RightColumns<Format, false> right[kRight];
    SHOAL_UNROLL
    for (std::uint32_t k = 0; k < kRight; ++k) {
      right[k] = {input_operand(layer, tile), i + k * kAcross < layer.n_in ? i + k * kAcross : i};
    }
    product.add(left, right, n_steps<Format>(tile.n_rows), [&](const LeftFragment<Format>(&delta)[kLeft]) {
      if (i > 0) return;
      SHOAL_UNROLL
      for (std::uint32_t m = 0; m < kLeft; ++m) multiply_add(biases[m], delta[m], of_biases);
    });
    each_gradient_pair(layer, gradient, o, i, product, [](float* at, float x, float y, bool is_pair) {
      if (is_pair) {
        store(at, Pack<2>{{x, y}});
      } else {
        *at = x;
      }
    });
    if (i > 0 || lane() % 4 > 0) return;  // their columns are all alike
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kLeft; ++m) {
      SHOAL_UNROLL
      for (std::uint32_t half = 0; half < 2; ++half) {
        const std::uint32_t row = o + m * kAcross + half * 8 + lane() / 4;
        if (row >= layer.n_out) continue;
        float& at = gradient[row * layer.weight_stride + layer.n_in];
        at = biases[m].values[half * 2] + (is_first ? 0.0F : at);
      }
    }
  });
}

/// The sums become a tile of the delta below, from row r and column i on, in the place of what its sign is taken from:
/// a lane reads and writes its own pairs.
template <class Format, std::uint32_t kLeft>
SHOAL_DEVICE void derive_tile(const Layer& below, std::uint32_t n, bool dropped, const RoundedTile<Format>& tile,
                              std::uint32_t r, std::uint32_t i, WarpTile<kLeft, 1>& product) {
  constexpr std::uint32_t kNumbers = kLeft * 8;
  std::uint32_t* const to = words(tile, below.rounded + r * below.rounded_stride);
  float from[kNumbers];
  float e[kNumbers];
  const auto each_own = [&](auto work) {  // work(row, column, first of two numbers)
    std::uint32_t number = 0;
    product.each_pair([&](std::uint32_t row, std::uint32_t column, float, float) {
      work(row, i + column, number);
      number += 2;
    });
  };
  std::uint32_t number = 0;
  product.each_pair([&](std::uint32_t, std::uint32_t, float x, float y) {
    e[number++] = x;
    e[number++] = y;
  });
  if (below.from == below.output) {
    each_own([&](std::uint32_t row, std::uint32_t column, std::uint32_t k) {
      take_pair<Format>(to + row * below.rounded_stride, column, from[k], from[k + 1]);
    });
  } else {
    each_own([&](std::uint32_t row, std::uint32_t column, std::uint32_t k) {
      const Pack<2> both = load<2>(tile.values + below.from + (r + row) * below.from_stride + column);
      from[k] = both.x[0];
      from[k + 1] = both.x[1];
    });
  }
  derive_all(below.activation, from, e);
  if (dropped) {
    each_own([&](std::uint32_t row, std::uint32_t column, std::uint32_t k) {
      const Pack<2> keep = load<2>(tile.values + below.keep + (r + row) * below.from_stride + column);
      SHOAL_UNROLL
      for (std::uint32_t h = 0; h < 2; ++h) e[k + h] = keep.x[h] > 0.0F ? e[k + h] * keep.x[h] : 0.0F;
    });
  }
  each_own([&](std::uint32_t row, std::uint32_t column, std::uint32_t k) {
    const bool is_there = r + row < tile.n_rows;
    put_pair<Format>(to + row * below.rounded_stride, column, is_there && column < n ? e[k] : 0.0F,
                     is_there && column + 1 < n ? e[k + 1] : 0.0F);
  });
}

/// Ends without a barrier.
template <class Format, std::uint32_t kLeft>
SHOAL_DEVICE void delta_below(const Layer& layer, const Layer& below, const RoundedTile<Format>& tile, bool dropped) {
  constexpr std::uint32_t kDown = kTileRows / (kAcross * kLeft);
  each_warp_tile(kDown * n_across(layer.n_in), [&](std::uint32_t number) {
    const std::uint32_t r = number % kDown * kAcross * kLeft;
    const std::uint32_t i = number / kDown * kAcross;
    WarpTile<kLeft, 1> product{};
    LeftRows<Format> left[kLeft];
    SHOAL_UNROLL
    for (std::uint32_t m = 0; m < kLeft; ++m) left[m] = {delta_operand(layer, tile), r + m * kAcross};
    RightColumns<Format, true> right[1] = {{weight_operand(layer, tile), i}};
    product.add(left, right, n_steps<Format>(layer.n_out), [](const auto&) {});
    derive_tile(below, layer.n_in, dropped, tile, r, i, product);
  });
}

template <class Format>
SHOAL_DEVICE void backward(const Shape& shape, const RoundedTile<Format>& tile, bool dropped, bool is_first) {
  SHOAL_UNROLL_LAYERS
  for (std::uint32_t l = shape.n_layers; l-- > 0;) {
    const Layer layer = shape.layers[l];
    if (has_for_every_warp(n_across(layer.n_out) / 2 * (n_across(layer.n_in) / 2))) {
      add_gradient<Format, 2, 2>(layer, tile, is_first);
    } else {
      add_gradient<Format, 1, 1>(layer, tile, is_first);
    }
    barrier();  // the layer's input gives way to the delta below
    if (l == 0) break;
    const Layer below = shape.layers[l - 1];
    if (has_for_every_warp(n_across(layer.n_in))) {
      delta_below<Format, 2>(layer, below, tile, dropped);
    } else {
      delta_below<Format, 1>(layer, below, tile, dropped);
    }
    barrier();
  }
}

}  // namespace shoal::cuda
