#pragma once

#include "kernels/cuda/device.hpp"
#include "kernels/math/kinds.hpp"
#include "kernels/math/scalar.hpp"

/// The activations of kernels/math by their kind.
namespace shoal::cuda {

namespace strict = math::scalar;

SHOAL_DEVICE float activate(math::Act act, float z) {
  switch (act) {
    case math::Act::identity:
      return z;
    case math::Act::relu:
      return strict::relu(z);
    case math::Act::leaky_relu:
      return strict::leaky_relu(z);
    case math::Act::sigmoid:
      return strict::sigmoid(z);
    case math::Act::tanh:
      return strict::tanh_of(z);
    case math::Act::elu:
      return strict::elu(z);
    case math::Act::softplus:
      return strict::softplus(z);
    case math::Act::silu:
      return strict::silu(z);
    case math::Act::gelu:
      return strict::gelu(z);
  }
  return z;
}

/// What the derivative is taken from, given a = f(z).
SHOAL_DEVICE float derive_from(math::Act act, float z, float a) {
  switch (act) {
    case math::Act::softplus:
      return strict::softplus_slope(z);
    case math::Act::silu:
      return strict::silu_slope(z);
    case math::Act::gelu:
      return strict::gelu_slope(z);
    default:
      return a;
  }
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
