#pragma once

#include "kernels/cuda/device.hpp"
#include "kernels/math/kinds.hpp"
#include "kernels/math/scalar.hpp"

/// The activations of kernels/math by their kind.
namespace shoal::cuda {

namespace strict = math::scalar;

/// a[i] = f(z[i]) in place of z; from[i]: what the derivative is taken from.
template <std::size_t N>
SHOAL_DEVICE void activate_all(math::Act act, float* z, float* from) {
  const auto each = [&](auto f) {
    SHOAL_UNROLL
    for (std::size_t i = 0; i < N; ++i) from[i] = z[i] = f(z[i]);
  };
  const auto each_with_slope = [&](auto f, auto slope) {
    SHOAL_UNROLL
    for (std::size_t i = 0; i < N; ++i) {
      from[i] = slope(z[i]);
      z[i] = f(z[i]);
    }
  };
  switch (act) {
    case math::Act::identity:
      return each([](float x) { return x; });
    case math::Act::relu:
      return each([](float x) { return strict::relu(x); });
    case math::Act::leaky_relu:
      return each([](float x) { return strict::leaky_relu(x); });
    case math::Act::sigmoid:
      return each([](float x) { return strict::sigmoid(x); });
    case math::Act::tanh:
      return each([](float x) { return strict::tanh_of(x); });
    case math::Act::elu:
      return each([](float x) { return strict::elu(x); });
    case math::Act::softplus:
      return each_with_slope([](float x) { return strict::softplus(x); },
                             [](float x) { return strict::softplus_slope(x); });
    case math::Act::silu:
      return each_with_slope([](float x) { return strict::silu(x); }, [](float x) { return strict::silu_slope(x); });
    case math::Act::gelu:
      return each_with_slope([](float x) { return strict::gelu(x); }, [](float x) { return strict::gelu_slope(x); });
  }
}

SHOAL_DEVICE float activate(math::Act act, float z) {
  float from = 0.0F;
  activate_all<1>(act, &z, &from);
  return z;
}

/// What the derivative is taken from, given a = f(z).
SHOAL_DEVICE float derive_from(math::Act act, float z, float a) {
  if (!math::stores_slope(act)) return a;
  float from = 0.0F;
  activate_all<1>(act, &z, &from);
  return from;
}

/// e[i] *= f'(z[i]), given derive_from().
template <std::size_t N>
SHOAL_DEVICE void derive_all(math::Act act, const float (&from)[N], float (&e)[N]) {
  const auto each = [&](auto through) {
    SHOAL_UNROLL
    for (std::size_t i = 0; i < N; ++i) e[i] = through(from[i], e[i]);
  };
  switch (act) {
    case math::Act::identity:
      break;
    case math::Act::relu:
      return each([](float a, float x) { return strict::through_relu(a, x); });
    case math::Act::leaky_relu:
      return each([](float a, float x) { return strict::through_leaky_relu(a, x); });
    case math::Act::sigmoid:
      return each([](float a, float x) { return strict::through_sigmoid(a, x); });
    case math::Act::tanh:
      return each([](float a, float x) { return strict::through_tanh(a, x); });
    case math::Act::elu:
      return each([](float a, float x) { return strict::through_elu(a, x); });
    case math::Act::softplus:
    case math::Act::silu:
    case math::Act::gelu:
      return each([](float slope, float x) { return x * slope; });
  }
}

/// e * f'(z), likewise.
SHOAL_DEVICE float derive(math::Act act, float from, float e) {
  const float of_one[1] = {from};
  float one[1] = {e};
  derive_all(act, of_one, one);
  return one[0];
}

}  // namespace shoal::cuda
