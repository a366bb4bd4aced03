// The output layer of one row in every lane: losses and their derivatives, as core_per_network.cpp has them with an
// output a lane. z: [n_outputs] x lanes, overwritten by the outputs; delta likewise, or nullptr.

HWY_INLINE Float lanes_of(const float* values, std::size_t i) { return load(values + i * kLanes); }
HWY_INLINE Mask holds(const float* truths) { return less(constant(0.0F), load(truths)); }

/// What an output layer knows of its row. targets: [n_outputs], one number for all lanes.
struct LaneRow {
  const float* targets;
  std::int32_t label;
};

/// Calls each(o, z - target) for every output.
template <class Each>
HWY_INLINE void each_residual(std::size_t n_outputs, const float* z, const LaneRow& row, Each each) {
  for (std::size_t o = 0; o < n_outputs; ++o) each(o, lanes_of(z, o) - constant(row.targets[o]));
}

HWY_INLINE Float squared_row(std::size_t n_outputs, const float* z, float* delta, const LaneRow& row, bool half) {
  Float loss = constant(0.0F);
  each_residual(n_outputs, z, row, [&](std::size_t o, Float r) HWY_ATTR {
    loss = fma(r, r, loss);
    if (delta != nullptr) store(half ? r : r + r, delta + o * kLanes);
  });
  return half ? constant(0.5F) * loss : loss;
}

HWY_INLINE Float absolute_row(std::size_t n_outputs, const float* z, float* delta, const LaneRow& row) {
  const Float zero = constant(0.0F);
  Float loss = zero;
  each_residual(n_outputs, z, row, [&](std::size_t o, Float r) HWY_ATTR {
    loss = loss + absolute(r);
    if (delta == nullptr) return;
    store(select(less(zero, r), constant(1.0F), select(less(r, zero), constant(-1.0F), zero)), delta + o * kLanes);
  });
  return loss;
}

HWY_INLINE Float huber_row(std::size_t n_outputs, const float* z, float* delta, const LaneRow& row, Float d) {
  Float loss = constant(0.0F);
  each_residual(n_outputs, z, row, [&](std::size_t o, Float r) HWY_ATTR {
    const Float distance = absolute(r);
    const Float q = select(less(d, distance), d, distance);
    loss = fma(q, distance - constant(0.5F) * q, loss);
    if (delta != nullptr) store(clamped(r, constant(0.0F) - d, d), delta + o * kLanes);
  });
  return loss;
}

/// Sum over outputs of target * (m - z), where (m - z) of the row's class is `of_label`.
HWY_INLINE Float label_loss(std::size_t n_outputs, const float* z, Float m, Float of_label, Float on, Float off) {
  Float all = constant(0.0F);
  for (std::size_t o = 0; o < n_outputs; ++o) all = all + (m - lanes_of(z, o));
  return select(less(constant(0.0F), off), off * all + (on - off) * of_label, of_label);
}

HWY_INLINE Float softmax_row(std::size_t n_outputs, float* z, float* delta, const LaneRow& row, Float on, Float off) {
  const auto label = static_cast<std::size_t>(row.label);
  Float m = lanes_of(z, 0);
  for (std::size_t o = 1; o < n_outputs; ++o) m = select(less(m, lanes_of(z, o)), lanes_of(z, o), m);
  const Float of_label = label_loss(n_outputs, z, m, m - lanes_of(z, label), on, off);
  Float sum = constant(0.0F);
  for (std::size_t o = 0; o < n_outputs; ++o) {
    const Float t = exp_of(lanes_of(z, o) - m);
    store(t, z + o * kLanes);
    sum = sum + t;
  }
  for (std::size_t o = 0; o < n_outputs; ++o) {
    const Float p = lanes_of(z, o) / sum;
    store(p, z + o * kLanes);
    if (delta != nullptr) store(p - (o == label ? on : off), delta + o * kLanes);
  }
  return of_label + log_of(sum);
}

HWY_INLINE Float binary_row(std::size_t n_outputs, float* z, float* delta, const LaneRow& row) {
  const Float zero = constant(0.0F);
  Float loss = zero;
  for (std::size_t o = 0; o < n_outputs; ++o) {
    const Float x = lanes_of(z, o);
    const Float target = constant(row.targets[o]);
    const Float above = select(less(zero, x), x, zero);
    loss = loss + ((above - x * target) + log1p_exp_minus(x));
    const Float p = sigmoid(x);
    store(p, z + o * kLanes);
    if (delta != nullptr) store(p - target, delta + o * kLanes);
  }
  return loss;
}

/// delta == nullptr: not training, so no label is smoothed.
HWY_INLINE Float output_row(LossKind kind, const LaneRules& rules, std::size_t n, float* z, float* delta,
                            const LaneRow& row) {
  const bool training = delta != nullptr;
  switch (kind) {
    case LossKind::squared:
    case LossKind::half_squared:
      return squared_row(n, z, delta, row, kind == LossKind::half_squared);
    case LossKind::absolute:
      return absolute_row(n, z, delta, row);
    case LossKind::huber:
      return huber_row(n, z, delta, row, load(rules.huber_delta));
    case LossKind::cross_entropy:
      return softmax_row(n, z, delta, row, training ? load(rules.smoothed_label) : constant(1.0F),
                         training ? load(rules.smoothed_other) : constant(0.0F));
    case LossKind::binary_cross_entropy:
      return binary_row(n, z, delta, row);
  }
  return constant(0.0F);
}
