#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/cuda/row_tile.cuh"
#include "kernels/cuda/small_network.cuh"
#include "kernels/cuda/thread_memory.cuh"
#include "kernels/math/sum32.hpp"

/// What a thread keeps of the network that it trains, and what a step makes of it.
namespace shoal::cuda {

template <class S, class V>
inline constexpr ThreadSizes kThreadSizes{S::n_in, S::n_out, kParameters<S>, V::n_moments, V::is_plain};
template <class S, class V>
inline constexpr bool kMomentsInShared = has_moments_in_shared(kThreadSizes<S, V>);
template <class S, class V>
inline constexpr std::uint32_t kLeastBlocks = least_thread_blocks(kThreadSizes<S, V>);

/// The parts of a block's shared memory; neighbouring threads' words are neighbours.
template <class S, class V>
struct ThreadMemory {
  static constexpr std::size_t n_tile_floats = tile_floats(kThreadSizes<S, V>);

  SHOAL_DEVICE static double* sums() { return dynamic_shared<double>() + thread(); }
  SHOAL_DEVICE static float* tile() { return dynamic_shared<float>() + kThreadSumBytes / sizeof(float); }
  SHOAL_DEVICE static float* moments() { return tile() + n_tile_floats + thread(); }
};

/// A strict sum over an epoch's rows.
class ThreadSum {
 public:
  /// at: partials in steps of kNetworksInBlock; they begin at 0.
  SHOAL_DEVICE explicit ThreadSum(double* at) : at_(at) {
    for (std::uint32_t k = 0; k < math::kPartials; ++k) at_[k * kNetworksInBlock] = 0.0;
  }
  SHOAL_DEVICE void add(std::uint32_t number, double value) {
    at_[number % math::kPartials * kNetworksInBlock] += value;
  }
  SHOAL_DEVICE double total() { return math::combine_partials(at_, kNetworksInBlock); }

 private:
  double* at_;
};

template <class S, class V>
struct ThreadNetwork {
  static constexpr std::uint32_t n_words = kParameters<S>;
  float w[n_words], g[n_words];
  float own_moments[kMomentsInShared<S, V> ? 1 : V::n_moments * n_words];
  float weight_sum = 0.0F;  ///< of a minibatch
  NetworkRules rules;       ///< what rows and steps read of them
  NetworkState counts;      ///< what steps count

  SHOAL_DEVICE float& moment(std::uint32_t which, std::uint32_t p) {
    const std::uint32_t word = which * n_words + p;
    if constexpr (kMomentsInShared<S, V>) {
      return ThreadMemory<S, V>::moments()[word * kNetworksInBlock];
    } else {
      return own_moments[word];
    }
  }
  SHOAL_DEVICE float& first_moment(std::uint32_t p) { return moment(0, p); }
  SHOAL_DEVICE float& second_moment(std::uint32_t p) { return moment(V::n_moments - 1, p); }
};

/// Of the solver, whether it has a second moment; of the network, whether it has a first one.
SHOAL_DEVICE bool has_second_moment(SolverKind solver) { return solver != SolverKind::sgd; }
SHOAL_DEVICE bool corrects_bias(SolverKind solver) { return solver == SolverKind::adam || solver == SolverKind::adamw; }

/// Squares of g[k], g[k + stride], ... in the order of a strict sum. Parts that hold no element are +0, which changes
/// no sum of squares, so they are left out.
template <std::uint32_t kFirst, std::uint32_t kStride, std::uint32_t n>
SHOAL_DEVICE double sum_of_squares(const float (&g)[n]) {
  if constexpr (kStride == math::kPartials) {
    double sum = 0.0;
    SHOAL_UNROLL
    for (std::uint32_t p = kFirst; p < n; p += kStride) sum += static_cast<double>(g[p]) * static_cast<double>(g[p]);
    return sum;
  } else if constexpr (kFirst + kStride < n) {
    return sum_of_squares<kFirst, 2 * kStride>(g) + sum_of_squares<kFirst + kStride, 2 * kStride>(g);
  } else {
    return sum_of_squares<kFirst, 2 * kStride>(g);
  }
}

/// Finishes the gradient where it is to be clipped; gives what it is then multiplied by.
template <class S, class V>
SHOAL_DEVICE float finish_clipped(ThreadNetwork<S, V>& net, float inverse) {
  each_layer<S>([&](auto layer) {
    each_parameter(layer, [&](std::uint32_t p, bool is_bias) {
      net.g[p] = finished_gradient(net.g[p], net.w[p], is_bias, net.rules, inverse);
    });
  });
  const double norm = ::sqrt(sum_of_squares<0, 1>(net.g));
  return norm > net.rules.clip_norm ? static_cast<float>(net.rules.clip_norm / norm) : 1.0F;
}

/// One optimizer step from the gradient sums of a minibatch, which are 0 then.
template <class S, class V>
SHOAL_DEVICE void step(ThreadNetwork<S, V>& net, SolverKind solver, float rate, float inverse) {
  if (corrects_bias(solver)) {
    begin_step(net.rules, net.counts);
  } else {
    ++net.counts.step;
  }
  const bool clips = net.rules.clip_norm > 0.0;
  const float shortened = clips ? finish_clipped(net, inverse) : 1.0F;
  Rates rates{};
  each_layer<S>([&](auto layer) {
    if (layer.number == 0 || !V::is_plain) {
      rates = layer_rates(net.rules, net.counts, solver, rate, S::n_layers - 1 - layer.number);
    }
    if (V::is_plain) rates.decay = 0.0F;
    each_parameter(layer, [&](std::uint32_t p, bool is_bias) {
      const float g = clips ? net.g[p] * shortened : finished_gradient(net.g[p], net.w[p], is_bias, net.rules, inverse);
      const bool has_first = net.rules.has_first_moment;
      float first = has_first ? net.first_moment(p) : 0.0F;
      float second = has_second_moment(solver) ? net.second_moment(p) : 0.0F;
      update(net.rules, solver, rates, is_bias, g, 0, {&net.w[p], &first, &second});
      if (has_first) net.first_moment(p) = first;
      if (has_second_moment(solver)) net.second_moment(p) = second;
      net.g[p] = 0.0F;
    });
  });
}

/// A network's place in what the host handed over: [parameter][network].
struct Place {
  const TrainTask* task;
  std::uint32_t network;

  [[nodiscard]] SHOAL_DEVICE std::size_t at(std::uint32_t p) const {
    return static_cast<std::size_t>(p) * task->n_networks + network;
  }
};

template <class S, class V>
SHOAL_DEVICE void load_network(const Place& place, SolverKind solver, ThreadNetwork<S, V>& net) {
  const TrainTask& task = *place.task;
  net.rules = V::rules(task.rules[place.network]);
  net.counts = task.states[place.network];
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < kParameters<S>; ++p) {
    net.w[p] = task.weights[place.at(p)];
    net.g[p] = 0.0F;
    if (net.rules.has_first_moment) net.first_moment(p) = task.first_moment[place.at(p)];
    if (has_second_moment(solver)) net.second_moment(p) = task.second_moment[place.at(p)];
  }
}

template <class S, class V>
SHOAL_DEVICE void store_network(const Place& place, SolverKind solver, ThreadNetwork<S, V>& net) {
  const TrainTask& task = *place.task;
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < kParameters<S>; ++p) {
    task.weights[place.at(p)] = net.w[p];
    if (net.rules.has_first_moment) task.first_moment[place.at(p)] = net.first_moment(p);
    if (has_second_moment(solver)) task.second_moment[place.at(p)] = net.second_moment(p);
  }
}

SHOAL_DEVICE bool is_finite(float x) { return x - x == 0.0F; }
SHOAL_DEVICE bool is_finite(double x) { return x - x == 0.0; }

template <class S, class V>
SHOAL_DEVICE bool all_finite(ThreadNetwork<S, V>& net, SolverKind solver) {
  bool finite = true;
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < kParameters<S>; ++p) {
    finite = finite && is_finite(net.w[p]);
    if (net.rules.has_first_moment) finite = finite && is_finite(net.first_moment(p));
    if (has_second_moment(solver)) finite = finite && is_finite(net.second_moment(p));
  }
  return finite;
}

}  // namespace shoal::cuda
