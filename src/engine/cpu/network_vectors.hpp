#pragma once

#include <cstddef>
#include <utility>
#include <vector>

#include "engine/cpu/network_layout.hpp"
#include "engine/definition.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// What a place, or a vector of places, holds of its gang's networks, each in the order of a layout.
struct NetworkVectors {
  NetworkVectors(const Gang& gang, std::size_t n_floats) : weights(n_floats), first_moment(n_floats) {
    if (has_second_moment(gang.key.solver)) second_moment = AlignedFloats(n_floats);
    if (gang.keeps_best) best = AlignedFloats(n_floats);
  }
  [[nodiscard]] static std::size_t bytes(const Gang& gang, std::size_t n_floats) {
    const std::size_t n_vectors = 2 + (has_second_moment(gang.key.solver) ? 1U : 0U) + (gang.keeps_best ? 1U : 0U);
    return n_vectors * n_floats * sizeof(float);
  }

  /// Moves a network's vectors out of `state`, each by pack(canonical, where). Without any best parameters, those that
  /// it has are.
  template <class Pack>
  void take(const Hyperparameters& h, TrialState& state, Pack pack) {
    if (state.best_parameters.empty() && has_patience(h)) state.best_parameters = state.parameters;
    const auto move_out = [&](std::vector<float>& from, AlignedFloats& to) {
      const std::vector<float> canonical = std::exchange(from, {});
      if (!canonical.empty()) pack(canonical, to.data());
    };
    move_out(state.parameters, weights);
    move_out(state.best_parameters, best);
    move_out(state.first_moment, first_moment);
    move_out(state.second_moment, second_moment);
  }

  /// Gives `state` the vectors that a trial has, each as unpack(where) has it.
  template <class Unpack>
  void give(const Hyperparameters& h, TrialState& state, Unpack unpack) const {
    state.parameters = unpack(weights.data());
    if (has_patience(h) && state.best_epoch > 0) state.best_parameters = unpack(best.data());
    if (has_first_moment(h)) state.first_moment = unpack(first_moment.data());
    if (has_second_moment(h.solver)) state.second_moment = unpack(second_moment.data());
  }

  AlignedFloats weights;
  AlignedFloats first_moment;  ///< used by sgd where a trial has momentum
  AlignedFloats second_moment, best;
};

}  // namespace shoal::cpu
