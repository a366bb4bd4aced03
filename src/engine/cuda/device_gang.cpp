#include "engine/cuda/device_gang.hpp"

#include <algorithm>
#include <string>

#include "engine/cuda/supported.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {

DeviceGang::DeviceGang(const Gang& gang)
    : gang_(gang),
      shape_(shape_of(gang.key.topology)),
      n_parameters_(gang.key.topology.n_parameters()),
      weights_(n_parameters_, gang.n_slots),
      velocity_(n_parameters_, gang.n_slots),
      best_(gang.keeps_best ? n_parameters_ : 0, gang.n_slots),
      members_(gang.n_slots),
      rules_(gang.n_slots),
      states_(gang.n_slots),
      device_rules_(gang.n_slots),
      device_states_(gang.n_slots) {
  if (shape_ == shapes().size()) throw Error("engine cuda: a gang has a shape without a kernel");
}

void DeviceGang::place(std::uint32_t index, const Trial& trial, const TrialState& state, bool maximize,
                       const Stream& stream) {
  const Hyperparameters& h = trial.hyperparameters;
  if (has_patience(h) && !best_.exists()) {
    throw Error("engine cuda: place " + std::to_string(gang_.first_slot + index) +
                " was not prepared to keep the best parameters");
  }
  weights_.write(index, state.parameters, stream);
  if (has_velocity(h)) {
    const bool moves = state.first_moment.size() == n_parameters_;
    velocity_.write(index, moves ? state.first_moment : std::vector<float>(n_parameters_, 0.0F), stream);
  }
  if (has_patience(h)) {
    best_.write(index, state.best_parameters.empty() ? state.parameters : state.best_parameters, stream);
  }
  members_[index] = {true, state.step, h};
  rules_[index] = {
      static_cast<float>(h.momentum),
      static_cast<float>(h.alpha),
      0,
      has_velocity(h),
      h.nesterovs_momentum,
      {static_cast<std::uint32_t>(h.max_iter), static_cast<std::uint32_t>(h.n_iter_no_change), h.tol, maximize}};
  states_[index] = {{state.epoch, state.n_stalled, state.best_epoch, state.best_metric, state.n_rate_drops,
                     state.n_rate_stalled, state.best_train_loss},
                    static_cast<math::EpochVerdict>(state.status)};
}

TrialState DeviceGang::read(std::uint32_t index, const Stream& stream) {
  const Member& member = members_[index];
  const NetworkState& network = states_[index];
  TrialState state;
  state.step = member.step;
  state.epoch = network.progress.epoch;
  state.n_stalled = network.progress.n_stalled;
  state.best_epoch = network.progress.best_epoch;
  state.best_metric = network.progress.best_metric;
  state.n_rate_drops = network.progress.n_rate_drops;
  state.n_rate_stalled = network.progress.n_rate_stalled;
  state.best_train_loss = network.progress.best_train_loss;
  state.status = static_cast<TrialStatus>(network.verdict);
  const auto take = [&](Columns& from, std::vector<float>& to) {
    to.resize(n_parameters_);
    from.read(index, to, stream);
  };
  take(weights_, state.parameters);
  if (has_velocity(member.hyperparameters)) take(velocity_, state.first_moment);
  if (has_patience(member.hyperparameters) && state.best_epoch > 0) take(best_, state.best_parameters);
  return state;
}

void DeviceGang::free(std::uint32_t index) {
  members_[index].occupied = false;
  states_[index] = {};
}

const float* DeviceGang::weights(std::uint32_t index, const Stream& stream) {
  weights_.flush(stream);
  return weights_.get() + index;
}

void DeviceGang::clear_targets() {
  for (NetworkRules& rules : rules_) rules.target_epoch = 0;
}

DeviceGang::Epochs DeviceGang::epochs_to_train() const {
  Epochs epochs{UINT32_MAX, 0};
  for (std::uint32_t i = 0; i < size(); ++i) {
    const std::uint32_t epoch = states_[i].progress.epoch;
    const std::uint32_t target = std::min(rules_[i].target_epoch, rules_[i].epoch.max_iter);
    if (states_[i].verdict != math::EpochVerdict::go_on || epoch >= target) continue;
    epochs.begin = std::min(epochs.begin, epoch);
    epochs.end = std::max(epochs.end, target);
  }
  return epochs.begin < epochs.end ? epochs : Epochs{};
}

void DeviceGang::upload(const Stream& stream) {
  for (Columns* columns : {&weights_, &velocity_, &best_}) {
    columns->flush(stream);
    columns->device_changes();
  }
  device_rules_.upload(rules_, stream);
  device_states_.upload(states_, stream);
}

void DeviceGang::fill(TrainTask& task) const {
  task.n_networks = size();
  task.half_loss = key().loss == Loss::half_squared_error;
  task.act_1 = static_cast<Act>(key().topology.activation(0));
  task.act_2 = static_cast<Act>(key().topology.activation(1));
  task.rules = device_rules_.get();
  task.states = device_states_.get();
  task.weights = weights_.get();
  task.velocity = velocity_.get();
  task.best = best_.get();
}

}  // namespace shoal::cuda
