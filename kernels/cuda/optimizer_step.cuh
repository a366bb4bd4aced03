#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/training.cuh"

/// One parameter's step on the device; docs/numerics.md, "Update".
namespace shoal::cuda {

/// What makes the gradient that a step uses of its sums over a minibatch, before it is clipped.
struct GradientRules {
  float inverse;  ///< 1 / (sum of the rows' weights)
  float penalty, l1;

  SHOAL_DEVICE GradientRules(const NetworkRules& rules, float of_weights)
      : inverse(of_weights), penalty(rules.penalty * of_weights), l1(rules.l1 * of_weights) {}
};
SHOAL_DEVICE float finished_gradient(float sum, float w, bool is_bias, const GradientRules& rules) {
  float g = sum * rules.inverse;
  if (rules.penalty != 0.0F && !is_bias) g = strict::fma(rules.penalty, w, g);
  return rules.l1 != 0.0F && !is_bias ? strict::with_l1(g, w, rules.l1) : g;
}
SHOAL_DEVICE float finished_gradient(float sum, float w, bool is_bias, const NetworkRules& rules, float inverse) {
  return finished_gradient(sum, w, is_bias, GradientRules(rules, inverse));
}

/// The rate of an epoch. given: by the host; not read where the rate is adaptive.
SHOAL_DEVICE float epoch_rate(const math::EpochRules& rules, const NetworkState& state, const float* given) {
  if (!rules.adaptive_rate) return *given;
  return static_cast<float>(math::adaptive_rate(rules.learning_rate_init, state.progress.n_rate_drops));
}

SHOAL_DEVICE void begin_step(const NetworkRules& rules, NetworkState& state) {
  ++state.step;
  state.beta_1_power *= rules.exact_beta_1;
  state.beta_2_power *= rules.exact_beta_2;
}

struct Rates {
  float eta;    ///< adam, adamw: with both bias corrections
  float decay;  ///< adamw
};

/// Of a layer under n_above others, after begin_step().
SHOAL_DEVICE Rates layer_rates(const NetworkRules& rules, const NetworkState& state, SolverKind solver, float rate,
                               std::uint32_t n_above) {
  double factor = 1.0;
  for (std::uint32_t i = 0; i < n_above; ++i) factor *= rules.layer_rate;
  const auto own = static_cast<double>(static_cast<float>(static_cast<double>(rate) * factor));
  Rates rates{static_cast<float>(own), static_cast<float>(own * rules.decay)};
  if (solver == SolverKind::adam || solver == SolverKind::adamw) {
    rates.eta = static_cast<float>(own * ::sqrt(1.0 - state.beta_2_power) / (1.0 - state.beta_1_power));
  }
  return rates;
}

/// A network's parameters and what its solver keeps of each; null where it keeps nothing.
struct Parameters {
  float* weights;
  float* first_moment;
  float* second_moment;
};

/// Parameter p's step along the finished gradient g.
SHOAL_DEVICE void update(const NetworkRules& rules, SolverKind solver, const Rates& rates, bool is_bias, float g,
                         std::size_t p, const Parameters& of) {
  float w = of.weights[p];
  if (solver == SolverKind::sgd) {
    if (!rules.has_first_moment) {
      strict::sgd_step(w, g, rates.eta);
    } else if (rules.nesterov) {
      strict::nesterov_step(w, of.first_moment[p], g, rates.eta, rules.momentum);
    } else {
      strict::momentum_step(w, of.first_moment[p], g, rates.eta, rules.momentum);
    }
  } else if (solver == SolverKind::rmsprop) {
    strict::rmsprop_step(w, of.second_moment[p], g, rates.eta, rules.beta_2, rules.c_2, rules.epsilon);
  } else {
    if (!is_bias && rates.decay != 0.0F) w = strict::decayed(w, rates.decay);
    strict::adam_step(w, of.first_moment[p], of.second_moment[p], g, rates.eta, rules.beta_1, rules.c_1, rules.beta_2,
                      rules.c_2, rules.epsilon);
  }
  of.weights[p] = w;
}

}  // namespace shoal::cuda
