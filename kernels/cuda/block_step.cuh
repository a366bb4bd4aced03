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
  const Shape& shape;         ///< the task's
  const NetworkRules& rules;  ///< in shared memory, as
  NetworkState& state;
  AnyTile tile;
};

/// Norm of the finished gradient; its squares are exact in double.
template <class AnyTile>
SHOAL_DEVICE double gradient_norm(const BlockNetwork<AnyTile>& net) {
  const Shape& shape = net.shape;
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

/// Fours of gradient sums that are on their way, from the L2 cache mostly, before the first is used.
inline constexpr std::uint32_t kSumsAhead = 4;

/// Four parameters of a row of [W | b], the last ones perhaps behind its end.
struct Quad {
  std::uint32_t o, first;  ///< output, and first column
  std::uint32_t left;      ///< parameters of the row from there on
  std::uint32_t at;        ///< in a block's copy

  SHOAL_DEVICE Quad(const Layer& layer, std::uint32_t number) {
    o = layer.quads.quotient(number);
    first = (number - o * layer.quads.n) * 4;
    left = layer.n_in + 1 - first;
    at = layer.weights + o * layer.weight_stride + first;
  }
};

/// The step of a quad's parameters along their finished gradients g. What lies behind the row's end is padding before
/// and after.
template <SolverKind kSolver, bool kHasFirst>
SHOAL_DEVICE void move_quad(const TrainTask& task, const NetworkRules& rules, const Rates& rates, const Quad& quad,
                            std::size_t p, const Pack<4>& g, Pack<4>& w) {
  constexpr bool kHasSecond = kSolver != SolverKind::sgd;
  Pack<4> first_moment{};
  Pack<4> second_moment{};
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) {
    if (kHasFirst && i < quad.left) first_moment.x[i] = task.first_moment[p + i];
    if (kHasSecond && i < quad.left) second_moment.x[i] = task.second_moment[p + i];
  }
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) {
    update(rules, kSolver, rates, i + 1 == quad.left, g.x[i], i, {w.x, first_moment.x, second_moment.x});
  }
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < 4; ++i) {
    if (kHasFirst && i < quad.left) task.first_moment[p + i] = first_moment.x[i];
    if (kHasSecond && i < quad.left) task.second_moment[p + i] = second_moment.x[i];
  }
}

/// Every parameter's step along its gradient, finished first unless it is clipped. kSolver: the solver's, or adam for
/// adamw, whose text is the same, and kHasFirst whether it has a first moment; loops of their own, so that none looks
/// for its solver at every parameter.
template <SolverKind kSolver, bool kHasFirst, class AnyTile>
SHOAL_DEVICE void move_along(const BlockNetwork<AnyTile>& net, float rate, float inverse, float shortened) {
  const TrainTask& task = *net.task;
  const AnyTile& tile = net.tile;
  NetworkRules rules = net.rules;  // not read again after every store
  rules.has_first_moment = kHasFirst;
  const GradientRules of_gradient(rules, inverse);
  Rates rates{};
  SHOAL_UNROLL_LAYERS
  for (std::uint32_t l = 0; l < net.shape.n_layers; ++l) {
    const Layer layer = net.shape.layers[l];
    if (l == 0 || rules.layer_rate != 1.0) {
      rates = layer_rates(rules, net.state, task.solver, rate, net.shape.n_layers - 1 - l);
    }
    const std::uint32_t n = layer.n_out * layer.quads.n;
    for (std::uint32_t begin = thread(); begin < n; begin += kSumsAhead * n_threads()) {
      Pack<4> sum[kSumsAhead];
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < kSumsAhead; ++k) {
        const std::uint32_t number = begin + k * n_threads();
        sum[k] = load<4>(tile.gradient + Quad(layer, number < n ? number : begin).at);
      }
      SHOAL_UNROLL
      for (std::uint32_t k = 0; k < kSumsAhead; ++k) {
        if (begin + k * n_threads() >= n) break;
        const Quad quad(layer, begin + k * n_threads());
        Pack<4> w = load<4>(tile.weights + quad.at);
        Pack<4> g;
        SHOAL_UNROLL
        for (std::uint32_t i = 0; i < 4; ++i) {
          g.x[i] = rules.clip_norm > 0.0 ? sum[k].x[i] * shortened
                                         : finished_gradient(sum[k].x[i], w.x[i], i + 1 == quad.left, of_gradient);
        }
        move_quad<kSolver, kHasFirst>(task, rules, rates, quad,
                                      layer.first_parameter + quad.o * (layer.n_in + 1) + quad.first, g, w);
        store_weights(tile, layer, quad.o, quad.first, w);
      }
    }
  }
}

/// One optimizer step from the gradient sums of a minibatch, after begin_step().
template <class AnyTile>
SHOAL_DEVICE void step(BlockNetwork<AnyTile>& net, float rate, float inverse) {
  const TrainTask& task = *net.task;
  const AnyTile& tile = net.tile;
  const bool clips = net.rules.clip_norm > 0.0;
  float shortened = 1.0F;
  if (clips) {
    each_parameter(net.shape, [&](std::uint32_t, std::uint32_t at, bool is_bias) {
      tile.gradient[at] = finished_gradient(tile.gradient[at], tile.weights[at], is_bias, net.rules, inverse);
    });
    barrier();
    const double norm = gradient_norm(net);
    if (norm > net.rules.clip_norm) shortened = static_cast<float>(net.rules.clip_norm / norm);
  }
  switch (task.solver) {
    case SolverKind::sgd:
      if (net.rules.has_first_moment) {
        move_along<SolverKind::sgd, true>(net, rate, inverse, shortened);
      } else {
        move_along<SolverKind::sgd, false>(net, rate, inverse, shortened);
      }
      break;
    case SolverKind::rmsprop:
      move_along<SolverKind::rmsprop, false>(net, rate, inverse, shortened);
      break;
    default:
      move_along<SolverKind::adam, true>(net, rate, inverse, shortened);
  }
  barrier();
}

}  // namespace shoal::cuda
