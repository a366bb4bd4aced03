#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

/// Which formula a network uses: the words of include/shoal/network.hpp and trial.hpp, in their order.
namespace shoal::math {

enum class Act : std::uint8_t { identity, relu, leaky_relu, sigmoid, tanh, elu, softplus, silu, gelu };
enum class LossKind : std::uint8_t { squared, half_squared, absolute, huber, cross_entropy, binary_cross_entropy };
enum class SolverKind : std::uint8_t { sgd, adam, adamw, rmsprop };

/// Whether f'(z) is computed from z and stored, since it is no function of f(z).
[[nodiscard]] SHOAL_HD constexpr bool stores_slope(Act act) { return act >= Act::softplus; }

}  // namespace shoal::math
