#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <tuple>

#include "kernels/cuda/small_network.cuh"
#include "kernels/cuda/thread_per_network.cuh"

/// What thread_per_network is compiled for: topologies, and for each of them variants.
namespace shoal::cuda {

template <Act kAct>
struct SameActivation {
  [[nodiscard]] SHOAL_DEVICE static Act of(std::uint32_t) { return kAct; }
};
template <class S>
struct OwnActivations {
  Act own[S::n_layers];
  [[nodiscard]] SHOAL_DEVICE Act of(std::uint32_t layer) const { return own[layer]; }
};

struct Relu {
  static constexpr Act value = Act::relu;
};
struct Tanh {
  static constexpr Act value = Act::tanh;
};
struct Sigmoid {
  static constexpr Act value = Act::sigmoid;
};
struct Sgd {
  static constexpr SolverKind value = SolverKind::sgd;
  static constexpr std::uint32_t n_moments = 1;
};
struct Adam {
  static constexpr SolverKind value = SolverKind::adam;
  static constexpr std::uint32_t n_moments = 2;
};

/// What most trials ask for: the compiler leaves out all the rest. See ThreadKernel.
template <class Activation, class Solver>
struct Plain {
  static constexpr bool is_plain = true;
  static constexpr std::uint32_t n_moments = Solver::n_moments;
  static constexpr ThreadKernel trains(std::span<const std::uint32_t> sizes, std::size_t shared_bytes) {
    return {sizes, shared_bytes, true, Activation::value, Solver::value};
  }
  [[nodiscard]] SHOAL_DEVICE static LossKind loss(const TrainTask& task) {
    const LossKind kind = task.loss;
    SHOAL_ASSUME(kind == LossKind::squared || kind == LossKind::half_squared);
    return kind;
  }
  [[nodiscard]] SHOAL_DEVICE static SolverKind solver(const TrainTask&) { return Solver::value; }
  template <class S>
  [[nodiscard]] SHOAL_DEVICE static SameActivation<Activation::value> activations(const TrainTask&) {
    return {};
  }
  [[nodiscard]] SHOAL_DEVICE static NetworkRules rules(NetworkRules rules) {
    rules.l1 = 0.0F;
    rules.clip_norm = rules.dropout = 0.0;
    rules.layer_rate = 1.0;
    rules.has_first_moment = rules.has_first_moment || Solver::value == SolverKind::adam;
    return rules;
  }
};

struct Anything {
  static constexpr bool is_plain = false;
  static constexpr std::uint32_t n_moments = 2;
  static constexpr ThreadKernel trains(std::span<const std::uint32_t> sizes, std::size_t shared_bytes) {
    return {sizes, shared_bytes};
  }
  [[nodiscard]] SHOAL_DEVICE static LossKind loss(const TrainTask& task) { return task.loss; }
  [[nodiscard]] SHOAL_DEVICE static SolverKind solver(const TrainTask& task) { return task.solver; }
  template <class S>
  [[nodiscard]] SHOAL_DEVICE static OwnActivations<S> activations(const TrainTask& task) {
    OwnActivations<S> acts;
    SHOAL_UNROLL
    for (std::uint32_t l = 0; l < S::n_layers; ++l) acts.own[l] = task.shape.layers[l].activation;
    return acts;
  }
  [[nodiscard]] SHOAL_DEVICE static const NetworkRules& rules(const NetworkRules& rules) { return rules; }
};

template <class... Ts>
struct Types {};

/// Without hidden layers all activations are one.
template <class S>
constexpr auto variants_of() {
  if constexpr (S::n_layers == 1) {
    return Types<Plain<Relu, Sgd>, Plain<Relu, Adam>, Anything>{};
  } else {
    return Types<Plain<Relu, Sgd>, Plain<Relu, Adam>, Plain<Tanh, Sgd>, Plain<Tanh, Adam>, Plain<Sigmoid, Sgd>,
                 Plain<Sigmoid, Adam>, Anything>{};
  }
}

/// Every network of a few units is trained so fast by a kernel of its own that no block can follow; from some 70
/// parameters on, registers hold no longer what a row needs.
using CompiledTopologies =
    Types<FixedShape<2, 1>, FixedShape<1, 4, 1>, FixedShape<1, 8, 1>, FixedShape<2, 4, 1>, FixedShape<2, 8, 1>,
          FixedShape<2, 4, 2>, FixedShape<4, 4, 3>, FixedShape<1, 2, 2, 1>, FixedShape<1, 4, 4, 1>,
          FixedShape<2, 4, 4, 1>, FixedShape<2, 3, 3, 2>, FixedShape<1, 3, 3, 3, 1>, FixedShape<1, 2, 2, 2, 2, 1>>;

template <template <class, class> class Of, class S, class... Vs>
constexpr auto values_of(Types<Vs...>) {
  return std::array{Of<S, Vs>::value...};
}
template <template <class, class> class Of, class... Ss>
constexpr auto values_of_all(Types<Ss...>) {
  return std::apply([](auto... values) { return std::array{values...}; },
                    std::tuple_cat(values_of<Of, Ss>(variants_of<Ss>())...));
}
/// Of<topology, variant>::value of everything that is compiled.
template <template <class, class> class Of>
constexpr auto compiled() {
  return values_of_all<Of>(CompiledTopologies{});
}

}  // namespace shoal::cuda
