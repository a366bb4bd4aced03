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

/// e * f'(z), given derive_from().
SHOAL_DEVICE float derive(math::Act act, float from, float e) {
  switch (act) {
    case math::Act::identity:
      return e;
    case math::Act::relu:
      return strict::through_relu(from, e);
    case math::Act::leaky_relu:
      return strict::through_leaky_relu(from, e);
    case math::Act::sigmoid:
      return strict::through_sigmoid(from, e);
    case math::Act::tanh:
      return strict::through_tanh(from, e);
    case math::Act::elu:
      return strict::through_elu(from, e);
    case math::Act::softplus:
    case math::Act::silu:
    case math::Act::gelu:
      return e * from;
  }
  return e;
}

}  // namespace shoal::cuda
