#include "engine/cuda/network_state.hpp"

#include "engine/definition.hpp"

namespace shoal::cuda {

NetworkRules rules_of(const Trial& trial, bool maximize) {
  const Hyperparameters& h = trial.hyperparameters;
  NetworkRules r;
  r.momentum = static_cast<float>(h.momentum);
  r.penalty = static_cast<float>(l2_penalty(h));
  r.l1 = static_cast<float>(h.l1);
  r.beta_1 = static_cast<float>(h.beta_1);
  r.c_1 = static_cast<float>(1.0 - h.beta_1);
  r.beta_2 = static_cast<float>(h.beta_2);
  r.c_2 = static_cast<float>(1.0 - h.beta_2);
  r.epsilon = static_cast<float>(h.epsilon);
  r.huber_delta = static_cast<float>(h.huber_delta);
  const double other = h.label_smoothing / static_cast<double>(trial.topology.n_outputs);
  r.smoothed_other = static_cast<float>(other);
  r.smoothed_label = static_cast<float>(1.0 - h.label_smoothing + other);
  r.has_first_moment = has_first_moment(h);
  r.nesterov = h.nesterovs_momentum;
  r.balances_classes = h.class_weight == ClassWeight::balanced;
  r.decay = h.solver == Solver::adamw ? h.alpha : 0.0;
  r.exact_beta_1 = h.beta_1;
  r.exact_beta_2 = h.beta_2;
  r.clip_norm = h.clip_norm;
  r.dropout = h.dropout;
  r.layer_rate = h.layer_rate;
  r.seed = trial.seed;
  r.epoch = {static_cast<std::uint32_t>(h.max_iter),
             static_cast<std::uint32_t>(h.n_iter_no_change),
             h.tol,
             maximize,
             h.learning_rate == Schedule::adaptive,
             h.learning_rate_init};
  return r;
}

NetworkState network_state(const TrialState& state) {
  return {{state.epoch, state.n_stalled, state.best_epoch, state.best_metric, state.n_rate_drops, state.n_rate_stalled,
           state.best_train_loss},
          static_cast<math::EpochVerdict>(state.status),
          0,
          state.step,
          state.beta_1_power,
          state.beta_2_power};
}

TrialState trial_state(const NetworkState& network, Solver solver) {
  TrialState state;
  state.step = network.step;
  if (corrects_bias(solver)) {
    state.beta_1_power = network.beta_1_power;
    state.beta_2_power = network.beta_2_power;
  }
  state.epoch = network.progress.epoch;
  state.n_stalled = network.progress.n_stalled;
  state.best_epoch = network.progress.best_epoch;
  state.best_metric = network.progress.best_metric;
  state.n_rate_drops = network.progress.n_rate_drops;
  state.n_rate_stalled = network.progress.n_rate_stalled;
  state.best_train_loss = network.progress.best_train_loss;
  state.status = static_cast<TrialStatus>(network.verdict);
  return state;
}

}  // namespace shoal::cuda
