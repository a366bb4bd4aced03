// The output layer: losses of rows and their derivatives.

/// Sum over outputs of target * (m - z), where (m - z) of the row's class is `of_label`.
HWY_INLINE float label_loss(const OutputRows& rows, const float* z, float m, float of_label) {
  if (rows.smoothed_other == 0.0F) return of_label;
  float all = 0.0F;
  for (std::size_t o = 0; o < rows.n_outputs; ++o) all += m - z[o];
  return rows.smoothed_other * all + (rows.smoothed_label - rows.smoothed_other) * of_label;
}

/// kLanes rows at a time, a lane each, so that no lane waits for the sum of its neighbours.
HWY_INLINE void softmax(const OutputRows& rows) {
  HWY_ALIGN float largest[kLanes];
  HWY_ALIGN float loss[kLanes] = {};
  float* t = rows.space;
  const Float other = constant(rows.smoothed_other);
  for (std::size_t first = 0; first < rows.n_rows; first += kLanes) {
    const std::size_t count = std::min(kLanes, rows.n_rows - first);
    float* z = rows.z + first * rows.stride;
    transpose({z, rows.stride, t, kLanes, count, rows.n_outputs});
    Float m = load(t);
    for (std::size_t o = 1; o < rows.n_outputs; ++o) {
      const Float x = load(t + o * kLanes);
      m = select(less(m, x), x, m);
    }
    store(m, largest);
    for (std::size_t r = 0; r < count; ++r) {
      const float* of_row = z + r * rows.stride;
      loss[r] = label_loss(rows, of_row, largest[r], largest[r] - of_row[rows.labels[first + r]]);
    }
    Float sum = constant(0.0F);
    for (std::size_t o = 0; o < rows.n_outputs; ++o) {
      const Float e = exp_of(load(t + o * kLanes) - m);
      store(e, t + o * kLanes);
      sum = sum + e;
    }
    for (std::size_t o = 0; o < rows.n_outputs; ++o) store(load(t + o * kLanes) / sum, t + o * kLanes);
    store(load(loss) + log_of(sum), loss);
    std::copy_n(loss, count, rows.row_loss + first);
    transpose({t, kLanes, z, rows.stride, rows.n_outputs, count});
    if (rows.delta == nullptr) continue;
    float* delta = rows.delta + first * rows.stride;
    for (std::size_t r = 0; r < count; ++r) {
      for (std::size_t o = 0; o < rows.n_outputs; o += kLanes) {
        store(load(z + r * rows.stride + o) - other, delta + r * rows.stride + o);
      }
      const auto label = static_cast<std::size_t>(rows.labels[first + r]);
      delta[r * rows.stride + label] = z[r * rows.stride + label] - rows.smoothed_label;
    }
  }
}

/// r = yhat - y; loss = sum of r^2, or half of it; delta = 2 r, or r.
HWY_INLINE void squared(const OutputRows& rows, bool half) {
  HWY_ALIGN float loss[kPadding];
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    Float sum = constant(0.0F);
    for (std::size_t o = 0; o < rows.n_outputs; ++o) {
      const float residual = rows.z[r * rows.stride + o] - rows.targets[r * rows.n_outputs + o];
      sum = fma(constant(residual), constant(residual), sum);
      if (rows.delta != nullptr) rows.delta[r * rows.stride + o] = half ? residual : residual + residual;
    }
    store(sum, loss);
    rows.row_loss[r] = half ? 0.5F * loss[0] : loss[0];
  }
}

/// r = yhat - y; loss = sum of |r|; delta = its sign.
HWY_INLINE void absolute_error(const OutputRows& rows) {
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    float sum = 0.0F;
    for (std::size_t o = 0; o < rows.n_outputs; ++o) {
      const float residual = rows.z[r * rows.stride + o] - rows.targets[r * rows.n_outputs + o];
      sum += std::abs(residual);
      if (rows.delta != nullptr)
        rows.delta[r * rows.stride + o] = residual > 0.0F ? 1.0F : residual < 0.0F ? -1.0F : 0.0F;
    }
    rows.row_loss[r] = sum;
  }
}

/// r = yhat - y, q = min(|r|, d); loss = sum of q (|r| - q / 2); delta = r within [-d, d].
HWY_INLINE void huber(const OutputRows& rows) {
  HWY_ALIGN float loss[kPadding];
  const float d = rows.huber_delta;
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    Float sum = constant(0.0F);
    for (std::size_t o = 0; o < rows.n_outputs; ++o) {
      const float residual = rows.z[r * rows.stride + o] - rows.targets[r * rows.n_outputs + o];
      const float distance = std::abs(residual);
      const float q = d < distance ? d : distance;
      sum = fma(constant(q), constant(distance - 0.5F * q), sum);
      if (rows.delta != nullptr) rows.delta[r * rows.stride + o] = residual < -d ? -d : d < residual ? d : residual;
    }
    store(sum, loss);
    rows.row_loss[r] = loss[0];
  }
}

/// loss = sum over outputs of (max(z, 0) - z t) + ln(1 + e^-|z|); output and delta from p = sigmoid(z).
HWY_INLINE void binary(const OutputRows& rows) {
  HWY_ALIGN float term[kPadding];
  for (std::size_t r = 0; r < rows.n_rows; ++r) {
    float* z = rows.z + r * rows.stride;
    float loss = 0.0F;
    for (std::size_t first = 0; first < rows.n_outputs; first += kLanes) {
      const Float x = load(z + first);
      store(log1p_exp_minus(x), term);
      const std::size_t count = std::min(kLanes, rows.n_outputs - first);
      for (std::size_t o = 0; o < count; ++o) {
        const float value = z[first + o];
        const float above = value > 0.0F ? value : 0.0F;
        loss += (above - value * rows.targets[r * rows.n_outputs + first + o]) + term[o];
      }
      store(sigmoid(x), z + first);
    }
    rows.row_loss[r] = loss;
    if (rows.delta == nullptr) continue;
    for (std::size_t o = 0; o < rows.n_outputs; ++o) {
      rows.delta[r * rows.stride + o] = z[o] - rows.targets[r * rows.n_outputs + o];
    }
  }
}

HWY_ATTR void output(LossKind kind, const OutputRows& rows) {
  switch (kind) {
    case LossKind::squared:
      return squared(rows, false);
    case LossKind::half_squared:
      return squared(rows, true);
    case LossKind::absolute:
      return absolute_error(rows);
    case LossKind::huber:
      return huber(rows);
    case LossKind::cross_entropy:
      return softmax(rows);
    case LossKind::binary_cross_entropy:
      return binary(rows);
  }
}
