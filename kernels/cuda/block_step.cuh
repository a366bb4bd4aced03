#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/minibatch.cuh"
#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/math/sum32.hpp"

/// The optimizer step of a network that has a block alone, by all threads of the block together.
namespace shoal::cuda {

/// A network in training: what all threads of its block hold alike. AnyTile: Tile in strict order, or RoundedTile.
template <class AnyTile>
struct BlockNetwork {
  const TrainTask* task;
  const NetworkRules& rules;  ///< in shared memory, as
  NetworkState& state;
  AnyTile tile;
};

/// Norm of the finished gradient; its squares are exact in double.
template <class AnyTile>
SHOAL_DEVICE double gradient_norm(const BlockNetwork<AnyTile>& net) {
  const Shape& shape = net.task->shape;
  double* const squares = net.tile.memory->squares;
  each(math::kPartials, [&](std::uint32_t k) {
    double sum = 0.0;
    for (std::uint32_t l = 0; l < shape.n_layers; ++l) {
      const Layer layer = shape.layers[l];
      const std::uint32_t n_columns = layer.n_in + 1;
      // The first element from the layer's beginning on that is the k-th of 32.
      for (std::uint32_t p = (k - layer.first_parameter) % math::kPartials; p < layer.n_out * n_columns;
           p += math::kPartials) {
        const std::uint32_t at = layer.weights + p / n_columns * layer.weight_stride + p % n_columns;
        const auto g = static_cast<double>(net.tile.gradient[at]);
        sum += g * g;
      }
    }
    squares[k] = sum;
  });
  barrier();
  const double norm = ::sqrt(total(squares));
  barrier();
  return norm;
}

/// Every parameter's step along its gradient, finished first unless it is clipped. kSolver: the solver's, or adam for
/// adamw, whose text is the same; loops of their own, so that none looks for its solver at every parameter.
template <SolverKind kSolver, class AnyTile>
SHOAL_DEVICE void move_along(const BlockNetwork<AnyTile>& net, float rate, float inverse, float shortened) {
  const TrainTask& task = *net.task;
  const AnyTile& tile = net.tile;
  const NetworkRules rules = net.rules;  // not read again after every store
  float* const first_moments = rules.has_first_moment ? task.first_moment : nullptr;
  float* const second_moments = kSolver == SolverKind::sgd ? nullptr : task.second_moment;
  const bool clips = rules.clip_norm > 0.0;
  Rates rates{};
  std::uint32_t layer_of_rates = UINT32_MAX;
  each_quad(task.shape, [&](std::uint32_t l, const Layer& layer, std::uint32_t o, std::uint32_t first) {
    if (l != layer_of_rates) rates = layer_rates(rules, net.state, task.solver, rate, task.shape.n_layers - 1 - l);
    layer_of_rates = l;
    const std::uint32_t at = layer.weights + o * layer.weight_stride + first;
    const std::size_t p = layer.first_parameter + o * (layer.n_in + 1) + first;
    const std::uint32_t n = layer.n_in + 1 - first;  // parameters from here on
    const Pack<4> sum = load<4>(tile.gradient + at);
    Pack<4> w = load<4>(tile.weights + at);
    Pack<4> first_moment{};
    Pack<4> second_moment{};
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (first_moments != nullptr && i < n) first_moment.x[i] = first_moments[p + i];
      if (second_moments != nullptr && i < n) second_moment.x[i] = second_moments[p + i];
    }
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (i >= n) continue;
      const bool is_bias = i + 1 == n;
      const float g = clips ? sum.x[i] * shortened : finished_gradient(sum.x[i], w.x[i], is_bias, rules, inverse);
      update(rules, kSolver, rates, is_bias, g, i, {w.x, first_moment.x, second_moment.x});
    }
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < 4; ++i) {
      if (first_moments != nullptr && i < n) first_moments[p + i] = first_moment.x[i];
      if (second_moments != nullptr && i < n) second_moments[p + i] = second_moment.x[i];
    }
    store_weights(tile, layer, o, first, w);
  });
}

/// One optimizer step from the gradient sums of a minibatch, after begin_step().
template <class AnyTile>
SHOAL_DEVICE void step(BlockNetwork<AnyTile>& net, float rate, float inverse) {
  const TrainTask& task = *net.task;
  const AnyTile& tile = net.tile;
  const bool clips = net.rules.clip_norm > 0.0;
  float shortened = 1.0F;
  if (clips) {
    each_parameter(task.shape, [&](std::uint32_t, std::uint32_t at, bool is_bias) {
      tile.gradient[at] = finished_gradient(tile.gradient[at], tile.weights[at], is_bias, net.rules, inverse);
    });
    barrier();
    const double norm = gradient_norm(net);
    if (norm > net.rules.clip_norm) shortened = static_cast<float>(net.rules.clip_norm / norm);
  }
  switch (task.solver) {
    case SolverKind::sgd:
      move_along<SolverKind::sgd>(net, rate, inverse, shortened);
      break;
    case SolverKind::rmsprop:
      move_along<SolverKind::rmsprop>(net, rate, inverse, shortened);
      break;
    default:
      move_along<SolverKind::adam>(net, rate, inverse, shortened);
  }
  barrier();
}

}  // namespace shoal::cuda
