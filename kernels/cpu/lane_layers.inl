// How a block of rows goes forwards through the layers of any shape.

/// An operand of a product: element (m, k) is a vector of lanes, or one float for all of them where broadcast.
struct Operand {
  const float* data;
  std::size_t outer, depth;  ///< floats between neighbours
};

/// C(m, n) = start(m, n) + sum over k of A(m, k) B(n, k), k ascending, each element one accumulator a lane, filled by
/// fma. Every element is a vector of lanes. From n_common on a lane adds those k only that are present in it.
struct LaneProduct {
  Operand a, b;
  const float* start;  ///< nullptr: +0
  std::size_t start_row, start_column;
  float* c;
  std::size_t c_row, c_column;
  std::size_t n_rows, n_columns, depth;
  std::size_t n_common;
  const float* present;  ///< [depth] x lanes
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
  const auto add = [&](auto kept) HWY_ATTR {
    Float right[kColumns];
    unrolled(kEveryColumn, [&](auto c) HWY_ATTR { right[c] = element<kBroadcastB>(b + c * b_outer); });
    unrolled(kEveryRow, [&](auto r) HWY_ATTR {
      const Float left = element<kBroadcastA>(a + r * a_outer);
      unrolled(kEveryColumn, [&](auto c) HWY_ATTR { sum[r][c] = kept(fma(left, right[c], sum[r][c]), sum[r][c]); });
    });
    a += p.a.depth;
    b += p.b.depth;
  };
  for (std::size_t k = 0; k < p.n_common; ++k) add([](Float next, Float) HWY_ATTR { return next; });
  for (std::size_t k = p.n_common; k < p.depth; ++k) {
    const Mask present = holds(p.present + k * kLanes);
    add([&](Float next, Float before) HWY_ATTR { return select(present, next, before); });
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
  for (; m + 2 <= p.n_rows; m += 2) lane_tile<2, kColumns, kBroadcastA, kBroadcastB>(p, m, n);
  for (; m < p.n_rows; ++m) lane_tile<1, kColumns, kBroadcastA, kBroadcastB>(p, m, n);
}

template <bool kBroadcastA, bool kBroadcastB>
HWY_FLATTEN HWY_ATTR HWY_NOINLINE void lane_product(const LaneProduct& p) {
  std::size_t n = 0;
  for (; n + 4 <= p.n_columns; n += 4) lane_columns<4, kBroadcastA, kBroadcastB>(p, n);
  for (; n + 2 <= p.n_columns; n += 2) lane_columns<2, kBroadcastA, kBroadcastB>(p, n);
  for (; n < p.n_columns; ++n) lane_columns<1, kBroadcastA, kBroadcastB>(p, n);
}

/// Of one layer in a block of rows: the vector of (row, unit) begins at data + row * row_stride + unit * unit_stride.
struct LayerValues {
  float* data;
  std::size_t row_stride, unit_stride;

  [[nodiscard]] HWY_INLINE float* from(std::size_t unit) const { return data + unit * unit_stride; }
};

/// Rows of a hidden unit lie side by side, so that some units together are one stretch of memory; units of an output
/// row do.
HWY_INLINE LayerValues values_of(float* array, std::span<const LaneLayer> layers, std::size_t l) {
  float* data = array + kLaneColumn * layers[l].units * kLanes;
  if (l + 1 == layers.size()) return {data, layers[l].n_out * kLanes, kLanes};
  return {data, kLanes, kLaneColumn * kLanes};
}

/// Output layers that are done with beside each of the units below them.
inline constexpr std::size_t kFewOutputs = 4;

/// Units of a layer that are done with at a time, in all rows of a block: what they have stays in the first-level
/// cache.
struct Units {
  std::size_t first, n;
};

template <class Each>
HWY_INLINE void each_units(const LaneLayer& layer, Each each) {
  constexpr std::size_t kTogether = 8;
  for (std::size_t first = 0; first < layer.n_out; first += kTogether) {
    each(Units{first, std::min(kTogether, layer.n_out - first)});
  }
}

/// Which part of a layer's weights: those from units `inputs` of the layer below to `outputs` of its own.
struct WeightsPart {
  Units outputs, inputs;
};

/// z of `outputs` for n_rows rows: begun with the biases where `inputs` are the layer's first, else going on.
HWY_INLINE void layer_forward(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                              const float* weights, WeightsPart part, std::size_t n_rows) {
  const LaneLayer& layer = layers[l];
  const std::size_t row = (layer.n_in + 1) * kLanes;
  const float* matrix = weights + layer.parameters * kLanes + part.outputs.first * row;
  const LayerValues values = values_of(space.activations, layers, l);
  float* z = values.from(part.outputs.first);
  const bool begins = part.inputs.first == 0;
  LaneProduct p{.a = {space.inputs, layer.n_in, 1},
                .b = {matrix + part.inputs.first * kLanes, row, kLanes},
                .start = begins ? matrix + layer.n_in * kLanes : z,
                .start_row = begins ? 0 : values.row_stride,
                .start_column = begins ? row : values.unit_stride,
                .c = z,
                .c_row = values.row_stride,
                .c_column = values.unit_stride,
                .n_rows = n_rows,
                .n_columns = part.outputs.n,
                .depth = part.inputs.n,
                .n_common = part.inputs.n,
                .present = nullptr};
  if (l == 0) return lane_product<true, false>(p);
  const LaneLayer& below = layers[l - 1];
  const LayerValues activations = values_of(space.activations, layers, l - 1);
  p.a = {activations.from(part.inputs.first), activations.row_stride, activations.unit_stride};
  p.n_common = std::clamp(below.n_common, part.inputs.first, part.inputs.first + part.inputs.n) - part.inputs.first;
  p.present = below.present + part.inputs.first * kLanes;
  lane_product<false, false>(p);
}

/// Dropout's factors of a hidden layer for the block's rows, which begin at `position` of the minibatch.
HWY_INLINE void fill_factors(const LaneRules& rules, std::size_t l, std::size_t n_out, std::size_t position,
                             std::size_t n_rows, const LayerValues& factors) {
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    const math::Dropout dropout(rules.dropout[lane], rules.seed[lane], rules.step[lane]);
    const bool drops = rules.dropout[lane] != 0;
    float four[4] = {1.0F, 1.0F, 1.0F, 1.0F};
    std::size_t at = position * n_out;
    for (std::size_t r = 0; r < n_rows; ++r) {
      for (std::size_t o = 0; o < n_out; ++o, ++at) {
        if (drops && (r + o == 0 || at % 4 == 0)) {
          dropout.factors(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(at / 4), four);
        }
        factors.from(o)[r * factors.row_stride + lane] = four[at % 4];
      }
    }
  }
}

/// Activations of the hidden layers and z of the last one. position: of the block in its minibatch.
HWY_INLINE void block_forward(const Kernels& elementwise, const LaneShape& shape, const LaneWorkspace& space,
                              const LaneRules& rules, const float* weights, std::size_t position, std::size_t n_rows,
                              bool training) {
  const bool drops = training && rules.any_dropout;
  const std::size_t last = shape.layers.size() - 1;
  const Units outputs{0, shape.n_outputs()};
  // Their sums go on while the units below them are in the first-level cache.
  const bool few_outputs = outputs.n <= kFewOutputs;
  for (std::size_t l = 0; l < last; ++l) {
    const LaneLayer& layer = shape.layers[l];
    const LayerValues activations = values_of(space.activations, shape.layers, l);
    const LayerValues slopes = values_of(space.slopes, shape.layers, l);
    const LayerValues factors = drops ? values_of(space.factors, shape.layers, l) : LayerValues{};
    if (drops) fill_factors(rules, l, layer.n_out, position, n_rows, factors);
    const std::size_t n = n_rows * kLanes;
    each_units(layer, [&](Units units) HWY_ATTR {
      layer_forward(space, shape.layers, l, weights, {units, {0, layer.n_in}}, n_rows);
      float* a = activations.from(units.first);
      float* slope = training ? slopes.from(units.first) : nullptr;
      elementwise.activate(layer.activation, a, slope, units.n, n, activations.unit_stride);
      if (drops) {
        if (!math::stores_slope(layer.activation)) std::copy_n(a, units.n * activations.unit_stride, slope);
        elementwise.drop(factors.from(units.first), a, units.n, n, activations.unit_stride);
      }
      if (l + 1 == last && few_outputs) layer_forward(space, shape.layers, last, weights, {outputs, units}, n_rows);
    });
  }
  if (last == 0 || !few_outputs) {
    layer_forward(space, shape.layers, last, weights, {outputs, {0, shape.layers[last].n_in}}, n_rows);
  }
}
