// Networks of two hidden layers whose sizes the compiler knows, relu or tanh, squared errors: loops over units are
// unrolled, and what a row makes stays in registers. A few rows go through the layers side by side: each waits for its
// own results, and a processor looks but some hundred instructions ahead. Their gradients are added in their order.

template <std::size_t kIn, std::size_t kFirst, std::size_t kSecond, std::size_t kOut>
struct FixedShape {
  static constexpr std::size_t n_in = kIn, n_first = kFirst, n_second = kSecond, n_out = kOut;
  static constexpr std::size_t second = kFirst * (kIn + 1);
  static constexpr std::size_t third = second + kSecond * (kFirst + 1);
  static constexpr std::size_t n_parameters = third + kOut * (kSecond + 1);
  /// Rows side by side: measured.
  static constexpr std::size_t n_rows = n_parameters < 16 ? 4 : 2;

  static bool is(const LaneShape& shape) {
    const auto layers = shape.layers;
    return layers.size() == 3 && layers[0].n_in == kIn && layers[1].n_in == kFirst && layers[2].n_in == kSecond &&
           layers[2].n_out == kOut;
  }
};

/// What the derivative is taken from: relu's z has the sign of its activation and is known earlier.
template <Act kAct>
struct FixedUnit {
  HWY_INLINE static Float activate(Float z) {
    if constexpr (kAct == Act::relu) return relu(z);
    if constexpr (kAct == Act::tanh) return tanh_of(z);
  }
  HWY_INLINE static Float derive(Float z, Float a, Float e) {
    if constexpr (kAct == Act::relu) return through_relu(z, e);
    if constexpr (kAct == Act::tanh) return through_tanh(a, e);
  }
};

/// z of a layer from [kOut][kIn + 1] parameters.
template <std::size_t kIn, std::size_t kOut, class Input>
HWY_INLINE void fixed_layer(const Float* w, Input input, Float* z) {
#pragma GCC unroll 16
  for (std::size_t o = 0; o < kOut; ++o) {
    z[o] = w[o * (kIn + 1) + kIn];
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kIn; ++i) z[o] = fma(w[o * (kIn + 1) + i], input(i), z[o]);
  }
}

template <class S>
struct FixedRow {
  Float z_1[S::n_first], a_1[S::n_first], z_2[S::n_second], a_2[S::n_second], out[S::n_out];
};

/// x: each row's inputs.
template <std::size_t kRows, class S, Act kAct>
HWY_INLINE void fixed_forward(const Float* w, const float* const* x, FixedRow<S>* rows) {
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_layer<S::n_in, S::n_first>(
        w, [x, r](std::size_t i) HWY_ATTR { return constant(x[r][i]); }, rows[r].z_1);
#pragma GCC unroll 16
    for (std::size_t u = 0; u < S::n_first; ++u) rows[r].a_1[u] = FixedUnit<kAct>::activate(rows[r].z_1[u]);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_layer<S::n_first, S::n_second>(
        w + S::second, [rows, r](std::size_t i) HWY_ATTR { return rows[r].a_1[i]; }, rows[r].z_2);
#pragma GCC unroll 16
    for (std::size_t u = 0; u < S::n_second; ++u) rows[r].a_2[u] = FixedUnit<kAct>::activate(rows[r].z_2[u]);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_layer<S::n_second, S::n_out>(
        w + S::third, [rows, r](std::size_t i) HWY_ATTR { return rows[r].a_2[i]; }, rows[r].out);
  }
}

/// Adds a layer's gradient.
template <std::size_t kIn, std::size_t kOut, class Input>
HWY_INLINE void fixed_gradient(const Float* errors, Input input, Float* g) {
#pragma GCC unroll 16
  for (std::size_t o = 0; o < kOut; ++o) {
#pragma GCC unroll 16
    for (std::size_t i = 0; i < kIn; ++i) g[o * (kIn + 1) + i] = fma(errors[o], input(i), g[o * (kIn + 1) + i]);
    g[o * (kIn + 1) + kIn] = g[o * (kIn + 1) + kIn] + errors[o];
  }
}

/// dloss/dz of the layer below.
template <std::size_t kIn, std::size_t kOut, Act kAct>
HWY_INLINE void fixed_errors(const Float* w, const Float* above, const Float* z, const Float* a, Float* errors) {
#pragma GCC unroll 16
  for (std::size_t i = 0; i < kIn; ++i) {
    Float e = constant(0.0F);
#pragma GCC unroll 16
    for (std::size_t o = 0; o < kOut; ++o) e = fma(w[o * (kIn + 1) + i], above[o], e);
    errors[i] = FixedUnit<kAct>::derive(z[i], a[i], e);
  }
}

template <class S, bool kHalf>
HWY_INLINE Float fixed_loss(const FixedRow<S>& row, const float* targets, Float* delta) {
  Float loss = constant(0.0F);
#pragma GCC unroll 16
  for (std::size_t o = 0; o < S::n_out; ++o) {
    const Float r = row.out[o] - constant(targets[o]);
    loss = o == 0 ? r * r : fma(r, r, loss);
    delta[o] = kHalf ? r : r + r;
  }
  return kHalf ? constant(0.5F) * loss : loss;
}

/// delta: each row's dloss/dz of the output layer. Adds the gradients.
template <std::size_t kRows, class S, Act kAct>
HWY_INLINE void fixed_backward(const Float* w, const float* const* x, const FixedRow<S>* rows,
                               const Float (*delta)[S::n_out], Float* g) {
  Float e_2[kRows][S::n_second];
  Float e_1[kRows][S::n_first];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_errors<S::n_second, S::n_out, kAct>(w + S::third, delta[r], rows[r].z_2, rows[r].a_2, e_2[r]);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_gradient<S::n_second, S::n_out>(
        delta[r], [rows, r](std::size_t i) HWY_ATTR { return rows[r].a_2[i]; }, g + S::third);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_errors<S::n_first, S::n_second, kAct>(w + S::second, e_2[r], rows[r].z_1, rows[r].a_1, e_1[r]);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_gradient<S::n_first, S::n_second>(
        e_2[r], [rows, r](std::size_t i) HWY_ATTR { return rows[r].a_1[i]; }, g + S::second);
  }
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    fixed_gradient<S::n_in, S::n_first>(
        e_1[r], [x, r](std::size_t i) HWY_ATTR { return constant(x[r][i]); }, g);
  }
}

/// The step of plain sgd without penalties, its parameters in registers.
template <class S>
HWY_INLINE void fixed_step(const LaneTraining& t, const LayerRates* rates, Float inverse, const Float* g, Float* w) {
#pragma GCC unroll 64
  for (std::size_t p = 0; p < S::n_parameters; ++p) {
    const std::size_t layer = p < S::second ? 0 : p < S::third ? 1 : 2;
    sgd_step(w[p], g[p] * inverse, load(rates[layer].eta));
    store(w[p], t.weights + p * kLanes);
  }
}

/// Adds the gradients of kRows rows, and stores their losses.
template <std::size_t kRows, class S, Act kAct, bool kHalf>
HWY_INLINE void fixed_rows(const LaneTraining& t, std::size_t first, const Float* w, float* losses, Float* g) {
  const float* x[kRows];
  FixedRow<S> rows[kRows];
  Float delta[kRows][S::n_out];
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) x[r] = t.rows.rows + t.order[first + r] * t.rows.stride;
  fixed_forward<kRows, S, kAct>(w, x, rows);
#pragma GCC unroll 4
  for (std::size_t r = 0; r < kRows; ++r) {
    store(fixed_loss<S, kHalf>(rows[r], x[r] + S::n_in, delta[r]), losses + r * kLanes);
  }
  fixed_backward<kRows, S, kAct>(w, x, rows, delta, g);
}

template <class S, Act kAct, bool kHalf>
HWY_ATTR void train_fixed(const LaneTraining& t) {
  const LaneRules& rules = *t.rules;
  const bool is_plain =
      t.solver == SolverKind::sgd && !rules.any_momentum && !rules.any_l2 && !rules.any_l1 && !rules.any_clip;
  LayerRates rates[3];
  for (std::size_t l = 0; l < 3; ++l) layer_rates(t, l, rates[l]);
  HWY_ALIGN float losses[kLaneBlock * kMostLanes];
  for (std::size_t first = t.first; first < t.last; first += t.batch) {
    const std::size_t last = std::min(first + t.batch, t.last);
    Float w[S::n_parameters];
    Float g[S::n_parameters];
#pragma GCC unroll 64
    for (std::size_t p = 0; p < S::n_parameters; ++p) {
      w[p] = lanes_of(t.weights, p);
      g[p] = constant(0.0F);
    }
    for (std::size_t block = first; block < last; block += kLaneBlock) {
      const std::size_t n_rows = std::min(kLaneBlock, last - block);
      std::size_t r = 0;
      for (; r + S::n_rows <= n_rows; r += S::n_rows) {
        fixed_rows<S::n_rows, S, kAct, kHalf>(t, block + r, w, losses + r * kLanes, g);
      }
      for (; r < n_rows; ++r) fixed_rows<1, S, kAct, kHalf>(t, block + r, w, losses + r * kLanes, g);
      add_rows(losses, nullptr, n_rows, block, t.loss);
    }
    const Float inverse = constant(1.0F / static_cast<float>(last - first));
    if (is_plain) {
      fixed_step<S>(t, rates, inverse, g, w);
      count_step(*t.rules, t.solver);
    } else {
#pragma GCC unroll 64
      for (std::size_t p = 0; p < S::n_parameters; ++p) store(g[p], t.workspace.gradient + p * kLanes);
      step(t, inverse);
    }
  }
}

template <class S, Act kAct, bool kHalf>
HWY_ATTR void evaluate_fixed(const LaneEvaluation& t) {
  Float w[S::n_parameters];
#pragma GCC unroll 64
  for (std::size_t p = 0; p < S::n_parameters; ++p) w[p] = lanes_of(t.weights, p);
  for (std::size_t r = 0; r < t.n; ++r) {
    const float* x = t.rows.rows + t.order[r] * t.rows.stride;
    FixedRow<S> row;
    Float delta[S::n_out];
    fixed_forward<1, S, kAct>(w, &x, &row);
    store(fixed_loss<S, kHalf>(row, x + S::n_in, delta), t.row_loss + r * kLanes);
#pragma GCC unroll 16
    for (std::size_t o = 0; o < S::n_out; ++o) store(row.out[o], t.outputs + (r * S::n_out + o) * kLanes);
  }
}

/// Kernels of a shape whose size is known; nullptr: there is none.
struct FixedKernels {
  void (*train)(const LaneTraining&) = nullptr;
  void (*evaluate)(const LaneEvaluation&) = nullptr;
};

template <class S>
FixedKernels fixed_kernels_of(Act act, LossKind loss) {
  const bool half = loss == LossKind::half_squared;
  if (act == Act::relu) {
    return half ? FixedKernels{train_fixed<S, Act::relu, true>, evaluate_fixed<S, Act::relu, true>}
                : FixedKernels{train_fixed<S, Act::relu, false>, evaluate_fixed<S, Act::relu, false>};
  }
  return half ? FixedKernels{train_fixed<S, Act::tanh, true>, evaluate_fixed<S, Act::tanh, true>}
              : FixedKernels{train_fixed<S, Act::tanh, false>, evaluate_fixed<S, Act::tanh, false>};
}

FixedKernels fixed_kernels(const LaneShape& shape, LossKind loss) {
  if (shape.is_mixed || shape.layers.size() != 3 || (loss != LossKind::squared && loss != LossKind::half_squared))
    return {};
  const Act act = shape.layers[0].activation;
  if (act != shape.layers[1].activation || (act != Act::relu && act != Act::tanh)) return {};
  if (FixedShape<1, 2, 2, 1>::is(shape)) return fixed_kernels_of<FixedShape<1, 2, 2, 1>>(act, loss);
  if (FixedShape<1, 4, 4, 1>::is(shape)) return fixed_kernels_of<FixedShape<1, 4, 4, 1>>(act, loss);
  if (FixedShape<2, 4, 4, 1>::is(shape)) return fixed_kernels_of<FixedShape<2, 4, 4, 1>>(act, loss);
  if (FixedShape<2, 3, 3, 2>::is(shape)) return fixed_kernels_of<FixedShape<2, 3, 3, 2>>(act, loss);
  return {};
}
