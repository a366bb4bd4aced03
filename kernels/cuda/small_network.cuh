#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/training.cuh"
#include "kernels/math/dropout.hpp"

/// One thread's network whose topology the compiler knows, so that everything stays in registers: the passes of one row
/// (docs/numerics.md), layer by layer, all loops unrolled.
namespace shoal::cuda {

/// Inputs, the units of hidden layers if there are any, outputs.
template <std::uint32_t... kSizes>
struct FixedShape {
  static constexpr std::uint32_t sizes[] = {kSizes...};
  static constexpr std::uint32_t n_layers = sizeof...(kSizes) - 1;
  static constexpr std::uint32_t n_in = sizes[0], n_out = sizes[n_layers];
};

/// Layer l of a topology: its sizes, and what lies before its own.
template <class S, std::uint32_t l>
struct FixedLayer {
  using Below = FixedLayer<S, l - 1>;
  static constexpr std::uint32_t number = l;
  static constexpr std::uint32_t n_in = S::sizes[l], n_out = S::sizes[l + 1], n_columns = n_in + 1;
  static constexpr std::uint32_t first_parameter = Below::end_parameter, first_unit = Below::end_unit;
  static constexpr std::uint32_t end_parameter = first_parameter + n_out * n_columns, end_unit = first_unit + n_out;
};
template <class S>
struct FixedLayer<S, UINT32_MAX> {
  static constexpr std::uint32_t first_unit = 0, end_parameter = 0, end_unit = 0;
};

template <class S>
inline constexpr std::uint32_t kParameters = FixedLayer<S, S::n_layers - 1>::end_parameter;
/// Units of hidden layers.
template <class S>
inline constexpr std::uint32_t kHidden = FixedLayer<S, S::n_layers - 1>::first_unit;

/// work(FixedLayer) for each layer.
template <class S, std::uint32_t l = 0, class Work>
SHOAL_DEVICE void each_layer(const Work& work) {
  work(FixedLayer<S, l>{});
  if constexpr (l + 1 < S::n_layers) each_layer<S, l + 1>(work);
}

/// work(parameter, whether it is a bias) for each of a layer.
template <class L, class Work>
SHOAL_DEVICE void each_parameter(L, const Work& work) {
  SHOAL_UNROLL
  for (std::uint32_t p = L::first_parameter; p < L::end_parameter; ++p) {
    work(p, (p - L::first_parameter) % L::n_columns == L::n_in);
  }
}

/// What the passes of a row keep for the way back. A topology without hidden layers has no use for the arrays.
template <class S>
struct RowValues {
  static constexpr std::uint32_t n_kept = kHidden<S> > 0 ? kHidden<S> : 1;
  float a[n_kept];     ///< outputs of hidden units
  float from[n_kept];  ///< what their derivatives are taken from
  float out[S::n_out];
  std::uint32_t dropped = 0;  ///< a bit a unit
};

/// Units of hidden layers that are dropped from one row of a minibatch. Words come by fours, which rows share where
/// their units are no multiple of four.
struct DroppedUnits {
  bool any = false;
  std::uint32_t row = 0;  ///< of the minibatch
  math::Dropout dropout{0.0, 0, 0};
};

template <class S, std::uint32_t l>
SHOAL_DEVICE void drop_units(const DroppedUnits& drops, RowValues<S>& v) {
  using L = FixedLayer<S, l>;
  static_assert(L::end_unit <= 32);
  float factors[4] = {};
  const std::uint32_t first = drops.row * L::n_out;
  SHOAL_UNROLL
  for (std::uint32_t u = 0; u < L::n_out; ++u) {
    const std::uint32_t word = L::n_out % 4 == 0 ? u % 4 : (first + u) % 4;
    if (u == 0 || word == 0) drops.dropout.factors(l, (first + u) / 4, factors);
    // No index that the compiler does not know: that would take the factors out of the registers.
    const float factor = word == 0 ? factors[0] : word == 1 ? factors[1] : word == 2 ? factors[2] : factors[3];
    float& a = v.a[L::first_unit + u];
    a = factor > 0.0F ? a * factor : 0.0F;
    if (!(factor > 0.0F)) v.dropped |= 1U << (L::first_unit + u);
  }
}

/// Acts: Act of(layer).
template <std::uint32_t l = 0, class S, class Acts>
SHOAL_DEVICE void forward(const float* w, const float* below, const Acts& acts, const DroppedUnits& drops,
                          RowValues<S>& v) {
  using L = FixedLayer<S, l>;
  constexpr bool kIsHidden = l + 1 < S::n_layers;
  float* const z = kIsHidden ? v.a + L::first_unit : v.out;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < L::n_out; ++o) {
    const float* const row = w + L::first_parameter + o * L::n_columns;
    float sum = row[L::n_in];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < L::n_in; ++i) sum = strict::fma(below[i], row[i], sum);
    z[o] = sum;
  }
  if constexpr (kIsHidden) {
    activate_all<L::n_out>(acts.of(l), z, v.from + L::first_unit);
    if (drops.any) drop_units<S, l>(drops, v);
    forward<l + 1>(w, z, acts, drops, v);
  }
}

/// Adds one row to the gradient sums of layer l and of those below; delta: dloss/dz of layer l.
template <std::uint32_t l, class S, class Acts>
SHOAL_DEVICE void backward(const float* w, const float* x, const Acts& acts, const DroppedUnits& drops,
                           const RowValues<S>& v, const float* delta, float* g) {
  using L = FixedLayer<S, l>;
  const float* const below = l == 0 ? x : v.a + L::Below::first_unit;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < L::n_out; ++o) {
    float* const row = g + L::first_parameter + o * L::n_columns;
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < L::n_in; ++i) row[i] = strict::fma(below[i], delta[o], row[i]);
    row[L::n_in] += delta[o];
  }
  if constexpr (l > 0) {
    constexpr std::uint32_t kFirst = L::Below::first_unit;
    float e[L::n_in];
    float from[L::n_in];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < L::n_in; ++i) {
      e[i] = 0.0F;
      from[i] = v.from[kFirst + i];
      SHOAL_UNROLL
      for (std::uint32_t o = 0; o < L::n_out; ++o) {
        e[i] = strict::fma(delta[o], w[L::first_parameter + o * L::n_columns + i], e[i]);
      }
    }
    derive_all(acts.of(l - 1), from, e);
    SHOAL_UNROLL
    for (std::uint32_t i = 0; drops.any && i < L::n_in; ++i) {
      e[i] = (v.dropped >> (kFirst + i) & 1U) == 0 ? e[i] * drops.dropout.scale : 0.0F;
    }
    backward<l - 1>(w, x, acts, drops, v, e, g);
  }
}

}  // namespace shoal::cuda
