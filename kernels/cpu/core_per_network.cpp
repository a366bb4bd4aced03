#include "kernels/cpu/core_per_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/scalar.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/core_per_network.cpp"
// Before <hwy/highway.h>:
#include <hwy/foreach_target.h>
//
#include <hwy/cache_control.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace shoal::cpu::HWY_NAMESPACE {

#include "kernels/cpu/highway_adapter.inl"
//
#include "kernels/cpu/wide_adapter.inl"
//
#include "kernels/cpu/unrolled.inl"
//
#include "kernels/cpu/derivative.inl"
//
#include "kernels/cpu/core_product.inl"
//
#include "kernels/cpu/core_transpose.inl"

HWY_INLINE Float scaled(Float x, Float offset, Float factor, Float fill) {
  return select(is_nan(x), fill, (x - offset) * factor);
}

HWY_ATTR void gather(const InputRows& in) {
  constexpr std::size_t kRowsAhead = 8;
  const std::size_t n = in.n_inputs;
  for (std::size_t r = 0; r < in.n_rows; ++r) {
    // Rows come in no order that a processor could foresee.
    if (r + kRowsAhead < in.n_rows) hwy::Prefetch(in.table + in.rows[r + kRowsAhead] * n);
    const float* from = in.table + in.rows[r] * n;
    float* to = in.to + r * in.stride;
    const auto vector_at = [&](std::size_t i) HWY_ATTR {
      store_anywhere(scaled(load_anywhere(from + i), load_anywhere(in.offset + i), load_anywhere(in.factor + i),
                            load_anywhere(in.fill + i)),
                     to + i);
    };
    if (n >= kLanes) {
      for (std::size_t i = 0; i + kLanes < n; i += kLanes) vector_at(i);
      vector_at(n - kLanes);  // some of them twice
    } else {
      for (std::size_t i = 0; i < n; ++i) {
        to[i] = from[i] != from[i] ? in.fill[i] : (from[i] - in.offset[i]) * in.factor[i];
      }
    }
    to[n] = 1.0F;
  }
}

HWY_ATTR void copy(const Move& move) {
  const float* from = move.from;
  float* to = move.to;
  for (std::size_t r = 0; r < move.n_rows; ++r) {
    for (std::size_t i = 0; i < move.n_columns; i += kLanes) store(load_anywhere(from + i), to + i);
    from += move.from_stride;
    to += move.to_stride;
  }
}

/// data[i] = f(data[i], other[i]) over rows of whole vectors, a few at a time.
template <class Function>
HWY_INLINE void each(float* data, const float* other, std::size_t n_rows, std::size_t n, std::size_t stride,
                     Function f) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    float* to = data + r * stride;
    const float* from = other + r * stride;
    std::size_t i = 0;
    for (; i + wide::kFloats <= padded(n); i += wide::kFloats) {
      wide::store(f(wide::load(to + i), wide::load(from + i)), to + i);
    }
    for (; i < padded(n); i += kLanes) store(f(load(to + i), load(from + i)), to + i);
  }
}

HWY_ATTR void activate(Act act, float* data, float* slope, std::size_t n_rows, std::size_t n, std::size_t stride) {
  const auto all = [&](auto f)
                       HWY_ATTR { each(data, data, n_rows, n, stride, [f](auto z, auto) HWY_ATTR { return f(z); }); };
  const auto all_with_slope = [&](auto f, auto slope_of) HWY_ATTR {
    if (slope != nullptr) {
      each(slope, data, n_rows, n, stride, [slope_of](auto, auto z) HWY_ATTR { return slope_of(z); });
    }
    all(f);
  };
  switch (act) {
    case Act::identity:
      return;
    case Act::relu:
      return all([](auto z) HWY_ATTR { return relu(z); });
    case Act::leaky_relu:
      return all([](auto z) HWY_ATTR { return leaky_relu(z); });
    case Act::sigmoid:
      return all([](auto z) HWY_ATTR { return sigmoid(z); });
    case Act::tanh:
      return all([](auto z) HWY_ATTR { return tanh_of(z); });
    case Act::elu:
      return all([](auto z) HWY_ATTR { return elu(z); });
    case Act::softplus:
      return all_with_slope([](auto z) HWY_ATTR { return softplus(z); },
                            [](auto z) HWY_ATTR { return softplus_slope(z); });
    case Act::silu:
      return all_with_slope([](auto z) HWY_ATTR { return silu(z); }, [](auto z) HWY_ATTR { return silu_slope(z); });
    case Act::gelu:
      return all_with_slope([](auto z) HWY_ATTR { return gelu(z); }, [](auto z) HWY_ATTR { return gelu_slope(z); });
  }
}

HWY_ATTR void derive(Act act, const float* from, float* delta, std::size_t n_rows, std::size_t n, std::size_t stride) {
  if (act == Act::identity) return;
  with_derivative(act, [&](auto through) HWY_ATTR { each(delta, from, n_rows, n, stride, through); });
}

HWY_ATTR void drop(const float* factor, float* data, std::size_t n_rows, std::size_t n, std::size_t stride) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    for (std::size_t i = r * stride; i < r * stride + padded(n); i += kLanes) {
      store(dropped(load(data + i), load(factor + i)), data + i);
    }
  }
}

//
#include "kernels/cpu/core_output.inl"

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
  each_parameter(s, [&](Float&, Float g, std::size_t i) HWY_ATTR { store(g, s.gradient + i); });
}

Kernels table() {
  return {target_name(), gather, product, copy, transpose, activate, derive, drop, output, step, scale_gradient};
}

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
