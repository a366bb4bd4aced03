#include "kernels/cpu/core_per_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/scalar.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/core_per_network.cpp"
// Before <hwy/highway.h>:
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shoal::cpu::HWY_NAMESPACE {

#include "kernels/cpu/highway_adapter.inl"

// A tile of kTileRows x kTileVectors accumulators stays in registers: 16 of AVX-512's 32, 12 of AVX2's 16.
inline constexpr std::size_t kTileRows = kLanes == 16 ? 8 : 6;
inline constexpr std::size_t kTileVectors = 2;

template <std::size_t kRows, std::size_t kVectors>
HWY_INLINE void tile(const Product& p, std::size_t m, std::size_t n) {
  Float sum[kRows][kVectors];
  for (std::size_t v = 0; v < kVectors; ++v) {
    const Float start = p.start == nullptr ? constant(0.0F) : load(p.start + n + v * kLanes);
    for (std::size_t r = 0; r < kRows; ++r) sum[r][v] = start;
  }
  const float* a = p.a + m * p.a_row;
  const float* b = p.b + n;
  for (std::size_t k = 0; k < p.depth; ++k) {
    Float right[kVectors];
    for (std::size_t v = 0; v < kVectors; ++v) right[v] = load(b + v * kLanes);
    for (std::size_t r = 0; r < kRows; ++r) {
      const Float left = constant(a[r * p.a_row]);
      for (std::size_t v = 0; v < kVectors; ++v) sum[r][v] = fma(left, right[v], sum[r][v]);
    }
    a += p.a_depth;
    b += p.b_stride;
  }
  float* c = p.c + m * p.c_stride + n;
  for (std::size_t r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kVectors; ++v) store(sum[r][v], c + r * p.c_stride + v * kLanes);
  }
}

template <std::size_t kVectors>
HWY_INLINE void column_panel(const Product& p, std::size_t n) {
  std::size_t m = 0;
  for (; m + kTileRows <= p.n_rows; m += kTileRows) tile<kTileRows, kVectors>(p, m, n);
  for (; m + 4 <= p.n_rows; m += 4) tile<4, kVectors>(p, m, n);
  for (; m < p.n_rows; ++m) tile<1, kVectors>(p, m, n);
}

HWY_ATTR void product(const Product& p) {
  std::size_t n = 0;
  for (; n + kTileVectors * kLanes <= p.columns; n += kTileVectors * kLanes) column_panel<kTileVectors>(p, n);
  for (; n < p.columns; n += kLanes) column_panel<1>(p, n);
}

/// data[i] = f(data[i], other[i]) over rows of whole vectors.
template <class Function>
HWY_INLINE void each(float* data, const float* other, std::size_t n_rows, std::size_t n, std::size_t stride,
                     Function f) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (std::size_t i = 0; i < padded(n); i += kLanes) {
      float* at = data + r * stride + i;
      store(f(load(at), load(other + r * stride + i)), at);
    }
  }
}

HWY_ATTR void activate(Act act, float* data, float* slope, std::size_t n_rows, std::size_t n, std::size_t stride) {
  const auto all = [&](auto f)
                       HWY_ATTR { each(data, data, n_rows, n, stride, [f](Float z, Float) HWY_ATTR { return f(z); }); };
  const auto all_with_slope = [&](auto f, auto slope_of) HWY_ATTR {
    if (slope != nullptr) {
      each(slope, data, n_rows, n, stride, [slope_of](Float, Float z) HWY_ATTR { return slope_of(z); });
    }
    all(f);
  };
  switch (act) {
    case Act::identity:
      return;
    case Act::relu:
      return all([](Float z) HWY_ATTR { return relu(z); });
    case Act::leaky_relu:
      return all([](Float z) HWY_ATTR { return leaky_relu(z); });
    case Act::sigmoid:
      return all([](Float z) HWY_ATTR { return sigmoid(z); });
    case Act::tanh:
      return all([](Float z) HWY_ATTR { return tanh_of(z); });
    case Act::elu:
      return all([](Float z) HWY_ATTR { return elu(z); });
    case Act::softplus:
      return all_with_slope([](Float z) HWY_ATTR { return softplus(z); },
                            [](Float z) HWY_ATTR { return softplus_slope(z); });
    case Act::silu:
      return all_with_slope([](Float z) HWY_ATTR { return silu(z); }, [](Float z) HWY_ATTR { return silu_slope(z); });
    case Act::gelu:
      return all_with_slope([](Float z) HWY_ATTR { return gelu(z); }, [](Float z) HWY_ATTR { return gelu_slope(z); });
  }
}

HWY_ATTR void derive(Act act, const float* from, float* delta, std::size_t n_rows, std::size_t n, std::size_t stride) {
  const auto all = [&](auto f) HWY_ATTR { each(delta, from, n_rows, n, stride, f); };
  switch (act) {
    case Act::identity:
      return;
    case Act::relu:
      return all([](Float e, Float a) HWY_ATTR { return through_relu(a, e); });
    case Act::leaky_relu:
      return all([](Float e, Float a) HWY_ATTR { return through_leaky_relu(a, e); });
    case Act::sigmoid:
      return all([](Float e, Float a) HWY_ATTR { return through_sigmoid(a, e); });
    case Act::tanh:
      return all([](Float e, Float a) HWY_ATTR { return through_tanh(a, e); });
    case Act::elu:
      return all([](Float e, Float a) HWY_ATTR { return through_elu(a, e); });
    case Act::softplus:
    case Act::silu:
    case Act::gelu:
      return all([](Float e, Float slope) HWY_ATTR { return e * slope; });
  }
}

HWY_ATTR void drop(const float* factor, float* data, std::size_t n_rows, std::size_t n, std::size_t stride) {
  each(data, factor, n_rows, n, stride,
       [](Float x, Float keep) HWY_ATTR { return select(less(constant(0.0F), keep), x * keep, constant(0.0F)); });
}

/// Applies f to values[0, n), n any number, values readable and writable up to padded(n).
template <class Function>
HWY_INLINE void each_of(float* values, std::size_t n, Function f) {
  for (std::size_t i = 0; i < n; i += kLanes) store(f(load(values + i)), values + i);
}

/// Sum over outputs of target * (m - z), where (m - z) of the row's class is `of_label`.
HWY_INLINE float label_loss(const OutputRows& rows, const float* z, float m, float of_label) {
  if (rows.smoothed_other == 0.0F) return of_label;
  float all = 0.0F;
  for (std::size_t o = 0; o < rows.n_outputs; ++o) all += m - z[o];
  return rows.smoothed_other * all + (rows.smoothed_label - rows.smoothed_other) * of_label;
}

HWY_INLINE void softmax(const OutputRows& rows) {
  HWY_ALIGN float sum[kPadding];
  for (std::size_t first = 0; first < rows.n_rows; first += kPadding) {
    const std::size_t count = std::min(kPadding, rows.n_rows - first);
    for (std::size_t r = 0; r < kPadding; ++r) sum[r] = 1.0F;
    for (std::size_t r = 0; r < count; ++r) {
      float* z = rows.z + (first + r) * rows.stride;
      float m = z[0];
      for (std::size_t o = 1; o < rows.n_outputs; ++o) m = m < z[o] ? z[o] : m;
      rows.row_loss[first + r] = label_loss(rows, z, m, m - z[rows.labels[first + r]]);
      const Float shift = constant(m);
      each_of(z, rows.n_outputs, [shift](Float x) HWY_ATTR { return exp_of(x - shift); });
    }
    for (std::size_t r = 0; r < count; ++r) {
      const float* t = rows.z + (first + r) * rows.stride;
      float s = 0.0F;
      for (std::size_t o = 0; o < rows.n_outputs; ++o) s += t[o];
      sum[r] = s;
    }
    for (std::size_t r = 0; r < count; ++r) {
      float* t = rows.z + (first + r) * rows.stride;
      const Float s = constant(sum[r]);
      each_of(t, rows.n_outputs, [s](Float x) HWY_ATTR { return x / s; });
      if (rows.delta == nullptr) continue;
      float* delta = rows.delta + (first + r) * rows.stride;
      std::copy_n(t, rows.stride, delta);
      const float to_label = t[rows.labels[first + r]] - rows.smoothed_label;
      if (rows.smoothed_other != 0.0F) {
        for (std::size_t o = 0; o < rows.n_outputs; ++o) delta[o] -= rows.smoothed_other;
      }
      delta[rows.labels[first + r]] = to_label;
    }
    each_of(sum, kPadding, [](Float s) HWY_ATTR { return log_of(s); });
    for (std::size_t r = 0; r < count; ++r) rows.row_loss[first + r] += sum[r];
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

/// Calls update(w, g, i) for every vector of a step, g scaled and with its penalty, and stores w.
template <class Update>
HWY_INLINE void each_parameter(const Step& s, Update update) {
  const Float inverse_rows = constant(s.inverse_rows);
  const Float penalty = constant(s.penalty);
  const bool has_penalty = s.penalty != 0.0F;
  const Float l1 = constant(s.l1);
  const bool has_l1 = s.l1 != 0.0F;
  for (std::size_t i = 0; i < s.n; i += kLanes) {
    Float w = load(s.weight + i);
    Float g = load(s.gradient + i) * inverse_rows;
    if (has_penalty) g = fma(penalty, w, g);
    if (has_l1) g = with_l1(g, w, l1);
    store(g, s.gradient + i);
    update(w, g, i);
    store(w, s.weight + i);
  }
}

HWY_ATTR void step_with_second_moment(const Step& s) {
  const Float eta = constant(s.eta);
  const Float decay = constant(s.decay);
  const Float beta_1 = constant(s.beta_1);
  const Float c_1 = constant(s.c_1);
  const Float beta_2 = constant(s.beta_2);
  const Float c_2 = constant(s.c_2);
  const Float epsilon = constant(s.epsilon);
  each_parameter(s, [&](Float& w, Float g, std::size_t i) HWY_ATTR {
    Float v = load(s.second_moment + i);
    if (s.first_moment == nullptr) {
      rmsprop_step(w, v, g, eta, beta_2, c_2, epsilon);
    } else {
      Float m = load(s.first_moment + i);
      if (s.decay != 0.0F) w = decayed(w, decay);
      adam_step(w, m, v, g, eta, beta_1, c_1, beta_2, c_2, epsilon);
      store(m, s.first_moment + i);
    }
    store(v, s.second_moment + i);
  });
}

HWY_ATTR void step(const Step& s) {
  if (s.second_moment != nullptr) return step_with_second_moment(s);
  const Float eta = constant(s.eta);
  if (s.first_moment == nullptr) {
    return each_parameter(s, [&](Float& w, Float g, std::size_t) HWY_ATTR { sgd_step(w, g, eta); });
  }
  const Float mu = constant(s.momentum);
  each_parameter(s, [&](Float& w, Float g, std::size_t i) HWY_ATTR {
    Float u = load(s.first_moment + i);
    if (s.nesterov) {
      nesterov_step(w, u, g, eta, mu);
    } else {
      momentum_step(w, u, g, eta, mu);
    }
    store(u, s.first_moment + i);
  });
}

HWY_ATTR void scale_gradient(const Step& s) {
  each_parameter(s, [](Float&, Float, std::size_t) HWY_ATTR {});
}

Kernels table() { return {target_name(), product, activate, derive, drop, output, step, scale_gradient}; }

}  // namespace shoal::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shoal::cpu {

std::span<const Kernels> all_kernels() {
  static const std::vector<Kernels> kAll = SHOAL_OF_TARGETS(table);
  return kAll;
}

const Kernels& kernels() { return all_kernels().front(); }

}  // namespace shoal::cpu
#endif
