#pragma once

#include <array>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/training.cuh"

/// One thread's network of two hidden layers whose sizes the compiler knows, so that everything stays in registers:
/// forward, loss and backward of one row (docs/numerics.md). Derivatives are taken from f(z), which must hold them.
namespace shoal::cuda {

template <std::uint32_t kIn, std::uint32_t kHidden1, std::uint32_t kHidden2, std::uint32_t kOut>
struct FixedShape {
  static constexpr std::uint32_t n_in = kIn, n_1 = kHidden1, n_2 = kHidden2, n_out = kOut;
  static constexpr std::uint32_t first_2 = n_1 * (n_in + 1);  ///< where layer 2's parameters begin
  static constexpr std::uint32_t first_3 = first_2 + n_2 * (n_1 + 1);
  static constexpr std::uint32_t n_parameters = first_3 + n_out * (n_2 + 1);
  static constexpr std::uint32_t n_units = n_1 + n_2 + n_out;
  static constexpr std::uint32_t n_staged = n_in + n_out + 1;  ///< floats of a staged row: inputs, targets, weight
};

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_forward(const float* w, const float* below, float* z) {
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < kOut; ++o) {
    float sum = w[o * (kIn + 1) + kIn];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < kIn; ++i) sum = strict::fma(below[i], w[o * (kIn + 1) + i], sum);
    z[o] = sum;
  }
}

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_gradient(const float* delta, const float* below, float* g) {
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < kOut; ++o) {
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < kIn; ++i) {
      g[o * (kIn + 1) + i] = strict::fma(below[i], delta[o], g[o * (kIn + 1) + i]);
    }
    g[o * (kIn + 1) + kIn] += delta[o];
  }
}

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_back(Act act, const float* w, const float* delta, const float* below, float* delta_below) {
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < kIn; ++i) {
    float e = 0.0F;
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < kOut; ++o) e = strict::fma(delta[o], w[o * (kIn + 1) + i], e);
    delta_below[i] = derive(act, below[i], e);
  }
}

template <class S>
struct Activations {
  float a_1[S::n_1], a_2[S::n_2], out[S::n_out];
};

template <class S>
SHOAL_DEVICE void forward(const float* w, const float* x, Act act_1, Act act_2, Activations<S>& v) {
  layer_forward<S::n_in, S::n_1>(w, x, v.a_1);
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_1; ++i) v.a_1[i] = activate(act_1, v.a_1[i]);
  layer_forward<S::n_1, S::n_2>(w + S::first_2, v.a_1, v.a_2);
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_2; ++i) v.a_2[i] = activate(act_2, v.a_2[i]);
  layer_forward<S::n_2, S::n_out>(w + S::first_3, v.a_2, v.out);
}

/// The row's loss, unweighted; delta: dloss/dz of the output layer.
template <class S>
SHOAL_DEVICE float output_loss(const float* out, const float* target, bool half, float* delta) {
  float sum = 0.0F;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < S::n_out; ++o) {
    const float residual = out[o] - target[o];
    sum = strict::fma(residual, residual, sum);
    delta[o] = half ? residual : residual + residual;
  }
  return half ? 0.5F * sum : sum;
}

/// Adds one row to the gradient sums; delta as output_loss gave it.
template <class S>
SHOAL_DEVICE void backward(const float* w, const float* x, Act act_1, Act act_2, const Activations<S>& v,
                           const float* delta, float* g) {
  layer_gradient<S::n_2, S::n_out>(delta, v.a_2, g + S::first_3);
  float delta_2[S::n_2];
  layer_back<S::n_2, S::n_out>(act_2, w + S::first_3, delta, v.a_2, delta_2);
  layer_gradient<S::n_1, S::n_2>(delta_2, v.a_1, g + S::first_2);
  float delta_1[S::n_1];
  layer_back<S::n_1, S::n_2>(act_1, w + S::first_2, delta_2, v.a_1, delta_1);
  layer_gradient<S::n_in, S::n_1>(delta_1, x, g);
}

template <class S>
SHOAL_DEVICE constexpr bool is_bias(std::uint32_t p) {
  if (p >= S::first_3) return (p - S::first_3) % (S::n_2 + 1) == S::n_2;
  if (p >= S::first_2) return (p - S::first_2) % (S::n_1 + 1) == S::n_1;
  return p % (S::n_in + 1) == S::n_in;
}

/// Gradient sum -> the gradient that a step uses.
template <class S>
SHOAL_DEVICE float finished_gradient(std::uint32_t p, float sum, float w, float penalty, float inverse) {
  const float g = sum * inverse;
  const float factor = is_bias<S>(p) ? 0.0F : penalty * inverse;
  return factor != 0.0F ? strict::fma(factor, w, g) : g;
}

/// The topologies that are compiled: compiled_shapes<Kernel>() makes an array of what Kernel<FixedShape>::value is.
template <template <class> class Kernel>
constexpr auto compiled_shapes() {
  return std::array{Kernel<FixedShape<1, 2, 2, 1>>::value, Kernel<FixedShape<1, 4, 4, 1>>::value,
                    Kernel<FixedShape<2, 4, 4, 1>>::value, Kernel<FixedShape<2, 3, 3, 2>>::value};
}

}  // namespace shoal::cuda
