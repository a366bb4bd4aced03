// The way of a block of rows back through the layers of any shape.

/// Sums of weights' gradients over n_rows rows: the first of a minibatch, or going on. errors: of its outputs,
/// element (0, outputs.first) first.
HWY_INLINE void weights_gradient(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                                 const LayerValues& errors, WeightsPart part, std::size_t n_rows, bool is_first) {
  const LaneLayer& layer = layers[l];
  const std::size_t row = (layer.n_in + 1) * kLanes;
  float* gradient = space.gradient + layer.parameters * kLanes + part.outputs.first * row + part.inputs.first * kLanes;
  LaneProduct p{.a = {errors.data, errors.unit_stride, errors.row_stride},
                .b = {space.inputs + part.inputs.first, 1, layer.n_in},
                .start = is_first ? nullptr : gradient,
                .start_row = row,
                .start_column = kLanes,
                .c = gradient,
                .c_row = row,
                .c_column = kLanes,
                .n_rows = part.outputs.n,
                .n_columns = part.inputs.n,
                .depth = n_rows,
                .n_common = n_rows,
                .present = nullptr};
  if (l == 0) return lane_product<false, true>(p);
  const LayerValues below = values_of(space.activations, layers, l - 1);
  p.b = {below.from(part.inputs.first), below.unit_stride, below.row_stride};
  lane_product<false, false>(p);
}

/// dloss/da of units of the layer below.
HWY_INLINE void layer_errors(const LaneWorkspace& space, std::span<const LaneLayer> layers, std::size_t l,
                             const float* weights, Units below, const LayerValues& to, std::size_t n_rows) {
  const LaneLayer& layer = layers[l];
  const LayerValues errors = values_of(space.errors, layers, l);
  lane_product<false, false>(
      {.a = {errors.data, errors.row_stride, errors.unit_stride},
       .b = {weights + (layer.parameters + below.first) * kLanes, kLanes, (layer.n_in + 1) * kLanes},
       .start = nullptr,
       .start_row = 0,
       .start_column = 0,
       .c = to.data,
       .c_row = to.row_stride,
       .c_column = to.unit_stride,
       .n_rows = n_rows,
       .n_columns = below.n,
       .depth = layer.n_out,
       .n_common = layer.n_common,
       .present = layer.present});
}

/// Sums of the errors of an output layer, its biases' gradients.
HWY_INLINE void output_biases(const LaneWorkspace& space, const LaneLayer& layer, const LayerValues& errors,
                              std::size_t n_rows, bool is_first) {
  const std::size_t row = (layer.n_in + 1) * kLanes;
  float* bias = space.gradient + (layer.parameters + layer.n_in) * kLanes;
  for (std::size_t o = 0; o < layer.n_out; ++o, bias += row) {
    Float sum = is_first ? constant(0.0F) : load(bias);
    for (std::size_t r = 0; r < n_rows; ++r) sum = sum + load(errors.from(o) + r * errors.row_stride);
    store(sum, bias);
  }
}

/// Some hidden units and what is above them; each pointer is to what the first of them has, and the first row.
struct WayBack {
  const float *activations, *from;  ///< from: what derivatives are taken from
  const float* factors;             ///< dropout's, or nullptr
  float* errors;                    ///< become dloss/dz; are dloss/da where outputs are many
  float* biases;                    ///< gradients, from unit to unit bias_stride floats
  std::size_t bias_stride;
  const float *above, *weights;  ///< of few outputs: their errors, and the weights to them, output_stride floats apart
  float* gradient;               ///< likewise, of these weights
  std::size_t output_stride;
  std::size_t n_rows;
  bool is_first;  ///< of its minibatch
};

/// kUnits units from `unit` on, in all rows, in one pass: sums of their biases' gradients; of kOutputs outputs above
/// them, few and not 0, also the errors that come from there and the sums of the weights' gradients.
template <std::size_t kUnits, std::size_t kOutputs, class Derivative>
HWY_INLINE void units_back(const WayBack& way, std::size_t unit, Derivative through) {
  constexpr std::make_index_sequence<kUnits> kEveryUnit;
  constexpr std::make_index_sequence<kOutputs> kEveryOutput;
  constexpr std::size_t kSome = std::max<std::size_t>(1, kOutputs);
  const Float zero = constant(0.0F);
  float* biases = way.biases + unit * way.bias_stride;
  const float* weights = way.weights + unit * kLanes;
  float* gradient = way.gradient + unit * kLanes;
  Float bias[kUnits], weight[kSome][kUnits], sum[kSome][kUnits], above[kSome];
  unrolled(kEveryUnit, [&](auto u) HWY_ATTR {
    bias[u] = way.is_first ? zero : load(biases + u * way.bias_stride);
    unrolled(kEveryOutput, [&](auto o) HWY_ATTR {
      weight[o][u] = load(weights + o * way.output_stride + u * kLanes);
      sum[o][u] = way.is_first ? zero : load(gradient + o * way.output_stride + u * kLanes);
    });
  });
  for (std::size_t r = 0; r < way.n_rows; ++r) {
    unrolled(kEveryOutput, [&](auto o) HWY_ATTR { above[o] = load(way.above + (r * kOutputs + o) * kLanes); });
    unrolled(kEveryUnit, [&](auto u) HWY_ATTR {
      const std::size_t at = ((unit + u) * kLaneColumn + r) * kLanes;
      Float error = kOutputs == 0 ? load(way.errors + at) : zero;
      unrolled(kEveryOutput, [&](auto o) HWY_ATTR {
        error = fma(above[o], weight[o][u], error);
        sum[o][u] = fma(above[o], load(way.activations + at), sum[o][u]);
      });
      error = through(error, load(way.from + at));
      if (way.factors != nullptr) error = dropped(error, load(way.factors + at));
      store(error, way.errors + at);
      bias[u] = bias[u] + error;
    });
  }
  unrolled(kEveryUnit, [&](auto u) HWY_ATTR {
    store(bias[u], biases + u * way.bias_stride);
    unrolled(kEveryOutput, [&](auto o) HWY_ATTR { store(sum[o][u], gradient + o * way.output_stride + u * kLanes); });
  });
}

template <std::size_t kOutputs>
HWY_FLATTEN HWY_ATTR HWY_NOINLINE void way_back(const WayBack& way, Act act, std::size_t n_units) {
  // What they sum is in registers: AVX-512 has 32, AVX2 16.
  constexpr std::size_t kUnits = (kLanes == 16 ? 8 : 4) / std::max<std::size_t>(2, kOutputs);
  with_derivative(act, [&](auto through) HWY_ATTR {
    std::size_t unit = 0;
    for (; unit + kUnits <= n_units; unit += kUnits) units_back<kUnits, kOutputs>(way, unit, through);
    if constexpr (kUnits > 1) {
      for (; unit < n_units; ++unit) units_back<1, kOutputs>(way, unit, through);
    }
  });
}

/// Adds the block's gradients, or begins with them where it is the first of its minibatch.
HWY_INLINE void block_backward(const LaneTraining& t, std::size_t n_rows, bool is_first) {
  const std::span<const LaneLayer> layers = t.shape.layers;
  const LaneWorkspace& space = t.workspace;
  constexpr std::array kWays{way_back<0>, way_back<1>, way_back<2>, way_back<3>, way_back<4>};
  const bool drops = t.rules->any_dropout;
  const Units outputs{0, t.shape.n_outputs()};
  const LayerValues delta = values_of(space.errors, layers, layers.size() - 1);
  output_biases(space, layers.back(), delta, n_rows, is_first);
  for (std::size_t l = layers.size() - 1; l-- > 0;) {
    const LaneLayer& layer = layers[l];
    const LaneLayer& next = layers[l + 1];
    const LayerValues above = values_of(space.errors, layers, l + 1);
    const LayerValues activations = values_of(space.activations, layers, l);
    const bool keeps = math::stores_slope(layer.activation) || drops;
    const LayerValues from = keeps ? values_of(space.slopes, layers, l) : activations;
    const std::size_t row = (layer.n_in + 1) * kLanes;
    const bool few = l + 2 == layers.size() && next.n_out <= kFewOutputs;
    each_units(layer, [&](Units units) HWY_ATTR {
      LayerValues errors = values_of(space.errors, layers, l);
      // Nobody asks for those of the first layer again: they stay where the last ones were.
      if (l > 0) errors.data = errors.from(units.first);
      if (!few) {
        weights_gradient(space, layers, l + 1, above, {{0, next.n_out}, units}, n_rows, is_first);
        layer_errors(space, layers, l + 1, t.weights, units, errors, n_rows);
      }
      const std::size_t to_next = (next.parameters + units.first) * kLanes;
      kWays[few ? next.n_out : 0](
          {.activations = activations.from(units.first),
           .from = from.from(units.first),
           .factors = drops ? values_of(space.factors, layers, l).from(units.first) : nullptr,
           .errors = errors.data,
           .biases = space.gradient + layer.parameters * kLanes + units.first * row + layer.n_in * kLanes,
           .bias_stride = row,
           .above = above.data,
           .weights = t.weights + to_next,
           .gradient = space.gradient + to_next,
           .output_stride = (next.n_in + 1) * kLanes,
           .n_rows = n_rows,
           .is_first = is_first},
          layer.activation, units.n);
      if (l == 0) weights_gradient(space, layers, 0, errors, {units, {0, layer.n_in}}, n_rows, is_first);
    });
  }
  if (layers.size() == 1) {
    weights_gradient(space, layers, 0, delta, {outputs, {0, layers[0].n_in}}, n_rows, is_first);
  }
}
