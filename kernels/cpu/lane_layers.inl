// The passes of a block of rows through the layers of any shape.

/// An operand of a product: element (m, k) is a vector of lanes, or one float for all of them where broadcast.
struct Operand {
  const float* data;
  std::size_t outer, depth;  ///< floats between neighbours
};

/// C(m, n) = start(m, n) + sum over k of A(m, k) B(n, k), k ascending, each element one accumulator a lane, filled by
/// fma. Every element is a vector of lanes.
struct LaneProduct {
  Operand a, b;
  const float* start;  ///< nullptr: +0
  std::size_t start_row, start_column;
  float* c;
  std::size_t c_row, c_column;
  std::size_t n_rows, n_columns, depth;
};

template <bool kBroadcast>
HWY_INLINE Float element(const float* at) {
  if constexpr (kBroadcast) {
    return constant(*at);
  } else {
    return load(at);
  }
}

template <std::size_t kRows, std::size_t kColumns, bool kBroadcastA, bool kBroadcastB>
HWY_INLINE void lane_tile(const LaneProduct& p, std::size_t m, std::size_t n) {
  constexpr std::make_index_sequence<kRows> kEveryRow;
  constexpr std::make_index_sequence<kColumns> kEveryColumn;
  Float sum[kRows][kColumns];
  const float* start = p.start + m * p.start_row + n * p.start_column;
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    unrolled(kEveryColumn, [&](auto c) HWY_ATTR {
      sum[r][c] = p.start == nullptr ? constant(0.0F) : load(start + r * p.start_row + c * p.start_column);
    });
  });
  const std::size_t a_outer = p.a.outer;
  const std::size_t b_outer = p.b.outer;
  const float* a = p.a.data + m * a_outer;
  const float* b = p.b.data + n * b_outer;
  for (std::size_t k = 0; k < p.depth; ++k, a += p.a.depth, b += p.b.depth) {
    Float right[kColumns];
    unrolled(kEveryColumn, [&](auto c) HWY_ATTR { right[c] = element<kBroadcastB>(b + c * b_outer); });
    unrolled(kEveryRow, [&](auto r) HWY_ATTR {
      const Float left = element<kBroadcastA>(a + r * a_outer);
      unrolled(kEveryColumn, [&](auto c) HWY_ATTR { sum[r][c] = fma(left, right[c], sum[r][c]); });
    });
  }
  float* to = p.c + m * p.c_row + n * p.c_column;
  const std::size_t c_row = p.c_row;
  const std::size_t c_column = p.c_column;
  unrolled(kEveryRow, [&](auto r) HWY_ATTR {
    unrolled(kEveryColumn, [&](auto c) HWY_ATTR { store(sum[r][c], to + r * c_row + c * c_column); });
  });
}

/// Tiles of 16 accumulators leave room for their operands in AVX-512's 32 registers, tiles of 8 in AVX2's 16.
template <std::size_t kColumns, bool kBroadcastA, bool kBroadcastB>
HWY_INLINE void lane_columns(const LaneProduct& p, std::size_t n) {
  constexpr std::size_t kRows = (kLanes == 16 ? 16 : 8) / (kColumns == 1 ? 2 : kColumns);
  std::size_t m = 0;
  for (; m + kRows <= p.n_rows; m += kRows) lane_tile<kRows, kColumns, kBroadcastA, kBroadcastB>(p, m, n);
  if constexpr (kRows > 4) {
    for (; m + 4 <= p.n_rows; m += 4) lane_tile<4, kColumns, kBroadcastA, kBroadcastB>(p, m, n);
  }
  for (; m < p.n_rows; ++m) lane_tile<1, kColumns, kBroadcastA, kBroadcastB>(p, m, n);
}

template <bool kBroadcastA, bool kBroadcastB>
HWY_FLATTEN HWY_ATTR HWY_NOINLINE void lane_product(const LaneProduct& p) {
  std::size_t n = 0;
  for (; n + 4 <= p.n_columns; n += 4) lane_columns<4, kBroadcastA, kBroadcastB>(p, n);
  for (; n + 2 <= p.n_columns; n += 2) lane_columns<2, kBroadcastA, kBroadcastB>(p, n);
  for (; n < p.n_columns; ++n) lane_columns<1, kBroadcastA, kBroadcastB>(p, n);
}

/// Rows that pass through the layers together: what the widest hidden layer makes of them is read once for every four
/// units above and below, so it has to stay in half of a first-level cache of 48 KiB.
HWY_INLINE std::size_t rows_together(const LaneShape& shape) {
  constexpr std::size_t kFloats = 24 * 1024 / sizeof(float);
  std::size_t widest = 1;
  for (const LaneLayer& layer : shape.layers.first(shape.layers.size() - 1)) widest = std::max(widest, layer.n_out);
  std::size_t n_rows = kLaneBlock;
  while (n_rows > 4 && n_rows * widest * kLanes > kFloats) n_rows /= 2;
  return n_rows;
}

/// Of layer l's part of a workspace's array.
HWY_INLINE float* of_layer(float* array, const LaneLayer& layer) { return array + kLaneBlock * layer.units * kLanes; }

/// z of a layer for n_rows rows.
HWY_INLINE void layer_forward(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                              const float* weights, std::size_t n_rows) {
  const LaneLayer& layer = layers[l];
  const float* matrix = weights + layer.parameters * kLanes;
  LaneProduct p{.a = {space.inputs, layer.n_in, 1},
                .b = {matrix, (layer.n_in + 1) * kLanes, kLanes},
                .start = matrix + layer.n_in * kLanes,
                .start_row = 0,
                .start_column = (layer.n_in + 1) * kLanes,
                .c = of_layer(space.activations, layer),
                .c_row = layer.n_out * kLanes,
                .c_column = kLanes,
                .n_rows = n_rows,
                .n_columns = layer.n_out,
                .depth = layer.n_in};
  if (l == 0) return lane_product<true, false>(p);
  p.a = {of_layer(space.activations, layers[l - 1]), layer.n_in * kLanes, kLanes};
  lane_product<false, false>(p);
}

/// Sums of a layer's gradient go on over n_rows rows.
HWY_INLINE void layer_gradient(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                               std::size_t n_rows) {
  const LaneLayer& layer = layers[l];
  float* gradient = space.gradient + layer.parameters * kLanes;
  const float* errors = of_layer(space.errors, layer);
  const std::size_t row = (layer.n_in + 1) * kLanes;
  LaneProduct p{.a = {errors, kLanes, layer.n_out * kLanes},
                .b = {space.inputs, 1, layer.n_in},
                .start = gradient,
                .start_row = row,
                .start_column = kLanes,
                .c = gradient,
                .c_row = row,
                .c_column = kLanes,
                .n_rows = layer.n_out,
                .n_columns = layer.n_in,
                .depth = n_rows};
  if (l == 0) {
    lane_product<false, true>(p);
  } else {
    p.b = {of_layer(space.activations, layers[l - 1]), kLanes, layer.n_in * kLanes};
    lane_product<false, false>(p);
  }
  for (std::size_t o = 0; o < layer.n_out; ++o) {
    float* bias = gradient + o * row + layer.n_in * kLanes;
    Float g = load(bias);
    for (std::size_t r = 0; r < n_rows; ++r) g = g + lanes_of(errors, r * layer.n_out + o);
    store(g, bias);
  }
}

/// dloss/da of the layer below.
HWY_INLINE void layer_errors(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                             const float* weights, std::size_t n_rows) {
  const LaneLayer& layer = layers[l];
  lane_product<false, false>({.a = {of_layer(space.errors, layer), layer.n_out * kLanes, kLanes},
                              .b = {weights + layer.parameters * kLanes, kLanes, (layer.n_in + 1) * kLanes},
                              .start = nullptr,
                              .start_row = 0,
                              .start_column = 0,
                              .c = of_layer(space.errors, layers[l - 1]),
                              .c_row = layer.n_in * kLanes,
                              .c_column = kLanes,
                              .n_rows = n_rows,
                              .n_columns = layer.n_in,
                              .depth = layer.n_out});
}

/// Dropout's factors of a hidden layer for the block's rows, which begin at `position` of the minibatch.
HWY_INLINE void fill_factors(const LaneRules& rules, std::size_t l, const LaneLayer& layer, std::size_t position,
                             std::size_t n_rows, float* factors) {
  const std::size_t first = position * layer.n_out;
  const std::size_t n = n_rows * layer.n_out;
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    if (rules.dropout[lane] == 0) {
      for (std::size_t i = 0; i < n; ++i) factors[i * kLanes + lane] = 1.0F;
      continue;
    }
    const math::Dropout dropout(rules.dropout[lane], rules.seed[lane], rules.step[lane]);
    float four[4] = {};
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t at = first + i;
      if (i == 0 || at % 4 == 0) {
        dropout.factors(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(at / 4), four);
      }
      factors[i * kLanes + lane] = four[at % 4];
    }
  }
}

/// Activations of the hidden layers and z of the last one. position: of the block in its minibatch.
HWY_INLINE void block_forward(const Kernels& elementwise, const LaneShape& shape, const LaneWorkspace& space,
                              const LaneRules& rules, const float* weights, std::size_t position, std::size_t n_rows,
                              bool training) {
  for (std::size_t l = 0; l < shape.layers.size(); ++l) {
    const LaneLayer& layer = shape.layers[l];
    layer_forward(space, shape.layers, l, weights, n_rows);
    if (l + 1 == shape.layers.size()) break;
    const std::size_t n = n_rows * layer.n_out * kLanes;
    float* a = of_layer(space.activations, layer);
    float* slopes = training ? of_layer(space.slopes, layer) : nullptr;
    elementwise.activate(layer.activation, a, slopes, 1, n, n);
    if (!training || !rules.any_dropout) continue;
    if (!math::stores_slope(layer.activation)) std::copy_n(a, n, slopes);
    float* factors = of_layer(space.factors, layer);
    fill_factors(rules, l, layer, position, n_rows, factors);
    elementwise.drop(factors, a, 1, n, n);
  }
}

/// Adds the block's gradients.
HWY_INLINE void block_backward(const LaneTraining& t, std::size_t n_rows) {
  const std::span<const LaneLayer> layers = t.shape.layers;
  const LaneWorkspace& space = t.workspace;
  for (std::size_t l = layers.size(); l-- > 0;) {
    layer_gradient(space, layers, l, n_rows);
    if (l == 0) break;
    layer_errors(space, layers, l, t.weights, n_rows);
    const LaneLayer& below = layers[l - 1];
    const std::size_t n = n_rows * below.n_out * kLanes;
    const bool keeps = math::stores_slope(below.activation) || t.rules->any_dropout;
    float* errors = of_layer(space.errors, below);
    t.elementwise->derive(below.activation, of_layer(keeps ? space.slopes : space.activations, below), errors, 1, n, n);
    if (t.rules->any_dropout) t.elementwise->drop(of_layer(space.factors, below), errors, 1, n, n);
  }
}
