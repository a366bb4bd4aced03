#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/small_network.cuh"

/// What thread_per_network is compiled for beside a topology.
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
  static constexpr Act activation = Activation::value;
  static constexpr SolverKind its_solver = Solver::value;
  static constexpr std::uint32_t n_moments = Solver::n_moments;
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
  static constexpr Act activation = Act::identity;  // not read, as its solver
  static constexpr SolverKind its_solver = SolverKind::sgd;
  static constexpr std::uint32_t n_moments = 2;
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

}  // namespace shoal::cuda
