#include "engine/cpu/lane_gang.hpp"

#include <algorithm>
#include <set>
#include <utility>

#include "engine/cpu/epoch_end.hpp"
#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

/// Parameters x rows that a gang trains before it looks whether it shall stop: some milliseconds.
constexpr std::size_t kWorkBetweenLooks = 4'000'000;

}  // namespace

LaneGang::LaneGang(std::shared_ptr<const LaneLayout> layout, const Gang& gang, std::vector<Slot> slots,
                   const LaneKernels& kernels)
    : layout_(std::move(layout)),
      key_(gang.key),
      slots_(std::move(slots)),
      n_lanes_(kernels.n_lanes),
      kernels_(&kernels),
      layer_rates_(layout_->n_layers()),
      members_(slots_.size()),
      trials_(slots_.size()),
      vectors_(gang, n_floats()) {}

std::uint64_t LaneGang::bytes(const Gang& gang, std::size_t n_lanes) {
  const LaneLayout layout(gang.key.topology);
  const std::uint64_t of_places = gang.n_slots * (sizeof(Member) + sizeof(Trial) + sizeof(Slot));
  const std::uint64_t n_vectors = (gang.n_slots + n_lanes - 1) / n_lanes;
  const std::uint64_t of_networks = NetworkVectors::bytes(gang, layout.n_parameters() * n_lanes);
  return of_places + n_vectors * (sizeof(LaneGang) + layout.n_layers() * sizeof(LaneDoubles) + of_networks);
}

void LaneGang::place(const Shared& shared, Slot slot, const Trial& trial, const TrialState& state) {
  const std::uint32_t lane = lane_of(slot);
  trials_[lane] = trial;
  members_[lane] = {state, epoch_rules(trial.hyperparameters, shared.options)};
  vectors_.take(trial.hyperparameters, members_[lane].state, [&](std::span<const float> from, float* to) {
    layout_->each_parameter(lane, [&](std::size_t p, std::size_t element) { to[element * n_lanes_ + lane] = from[p]; });
  });
  if (trial.hyperparameters.class_weight == ClassWeight::balanced) {
    class_weights_ = class_weights(*shared.dataset, split(shared), ClassWeight::balanced);
  }
  occupied_ |= lane_bit(lane);
  has_first_moment_ = has_first_moment(trial.hyperparameters) ? has_first_moment_ | lane_bit(lane)
                                                              : has_first_moment_ & ~lane_bit(lane);
  set_rules(lane, trial);
  refresh_any();
}

void LaneGang::set_rules(std::uint32_t lane, const Trial& trial) {
  const Hyperparameters& h = trial.hyperparameters;
  LaneRules& r = rules_;
  r.momentum[lane] = static_cast<float>(h.momentum);
  r.uses_momentum[lane] = h.solver == Solver::sgd && has_first_moment(h) ? 1.0F : 0.0F;
  r.nesterov[lane] = h.nesterovs_momentum ? 1.0F : 0.0F;
  r.beta_1[lane] = static_cast<float>(h.beta_1);
  r.c_1[lane] = static_cast<float>(1.0 - h.beta_1);
  r.beta_2[lane] = static_cast<float>(h.beta_2);
  r.c_2[lane] = static_cast<float>(1.0 - h.beta_2);
  r.epsilon[lane] = static_cast<float>(h.epsilon);
  r.l2[lane] = static_cast<float>(l2_penalty(h));
  r.l1[lane] = static_cast<float>(h.l1);
  r.huber_delta[lane] = static_cast<float>(h.huber_delta);
  r.balanced[lane] = h.class_weight == ClassWeight::balanced ? 1.0F : 0.0F;
  const double other = h.label_smoothing / static_cast<double>(trial.topology.n_outputs);
  r.smoothed_other[lane] = static_cast<float>(other);
  r.smoothed_label[lane] = static_cast<float>(1.0 - h.label_smoothing + other);
  r.decay[lane] = h.alpha;
  r.exact_beta_1[lane] = h.beta_1;
  r.exact_beta_2[lane] = h.beta_2;
  r.clip_norm[lane] = h.clip_norm;
  r.dropout[lane] = h.dropout;
  r.seed[lane] = trial.seed;
  const std::vector<double> factors = layer_rates(trial);
  for (std::size_t l = 0; l < factors.size(); ++l) layer_rates_[l].lane[lane] = factors[l];
}

void LaneGang::refresh_any() {
  const auto any = [&](const auto& values) {
    bool found = false;
    each_lane(occupied_, [&](std::uint32_t lane) { found |= values[lane] > 0; });
    return found;
  };
  rules_.any_momentum = any(rules_.uses_momentum);
  rules_.any_l2 = any(rules_.l2);
  rules_.any_l1 = any(rules_.l1);
  rules_.any_clip = any(rules_.clip_norm);
  rules_.any_dropout = any(rules_.dropout);
  if (!any(rules_.balanced)) class_weights_.clear();
}

void LaneGang::free(Slot slot) {
  occupied_ &= ~lane_bit(lane_of(slot));
  rules_.dropout[lane_of(slot)] = 0;  // draws no more words
  has_first_moment_ &= occupied_;
  refresh_any();
}

TrialState LaneGang::read(Slot slot) const {
  const std::uint32_t lane = lane_of(slot);
  TrialState state = members_[lane].state;
  vectors_.give(trials_[lane].hyperparameters, state, [&](const float* from) {
    std::vector<float> canonical(layout_->n_parameters(lane));
    layout_->each_parameter(
        lane, [&](std::size_t p, std::size_t element) { canonical[p] = from[element * n_lanes_ + lane]; });
    return canonical;
  });
  return state;
}

std::size_t LaneGang::n_epochs_apart(std::span<const Slot> slots) const {
  std::set<std::uint32_t> epochs;
  for (const Slot slot : slots) epochs.insert(members_[lane_of(slot)].state.epoch);
  return epochs.size();
}

double LaneGang::cost(const Shared& shared, std::span<const TrainTarget> targets) const {
  std::uint32_t most = 0;
  for (const TrainTarget& target : targets) {
    if (!has_work(target)) continue;
    most = std::max(most, target.epoch - members_[lane_of(target.slot)].state.epoch);
  }
  return static_cast<double>(n_floats()) * most * static_cast<double>(split(shared).training.size());
}

void LaneGang::train(Shared& shared, const LaneTables& tables, std::span<const TrainTarget> targets, LaneWorker& worker,
                     const std::stop_token& stop, std::vector<EpochRecord>& records) {
  worker.shape(*layout_, rules_.any_dropout);
  while (!stop.stop_requested()) {
    // Lanes that are at one epoch see the same rows. Those behind go first.
    LaneSet lanes = 0;
    std::uint32_t epoch = 0;
    for (const TrainTarget& target : targets) {
      const std::uint32_t lane = lane_of(target.slot);
      const TrialState& state = members_[lane].state;
      if (!has_work(target)) continue;
      if (lanes == 0 || state.epoch < epoch) {
        lanes = 0;
        epoch = state.epoch;
      }
      if (state.epoch == epoch) lanes |= lane_bit(lane);
    }
    if (lanes == 0 || !train_epoch(shared, tables, lanes, worker, stop, records)) return;
  }
}

void LaneGang::load(const Shared& shared, LaneSet lanes, LaneWorker& worker) const {
  worker.rules = rules_;
  const auto n_rows = static_cast<std::uint32_t>(split(shared).training.size());
  each_lane(lanes, [&](std::uint32_t lane) {
    const TrialState& state = members_[lane].state;
    worker.rules.rate[lane] = static_cast<double>(epoch_rate(trials_[lane], n_rows, state.epoch, state.n_rate_drops));
    worker.rules.power_1[lane] = state.beta_1_power;
    worker.rules.power_2[lane] = state.beta_2_power;
    worker.rules.step[lane] = state.step;
  });
  std::copy_n(vectors_.weights.data(), n_floats(), worker.weights);
  if (has_first_moment_ != 0) std::copy_n(vectors_.first_moment.data(), n_floats(), worker.first_moment);
  if (vectors_.second_moment.size() > 0) std::copy_n(vectors_.second_moment.data(), n_floats(), worker.second_moment);
}

bool LaneGang::train_rows(const LaneRows& rows, std::span<const std::uint32_t> order, LaneWorker& worker,
                          const std::stop_token& stop) const {
  const std::size_t n_rows = order.size();
  const std::size_t batch = key_.batch_size == 0 ? n_rows : static_cast<std::size_t>(key_.batch_size);
  const std::size_t n_minibatches =
      std::max<std::size_t>(1, kWorkBetweenLooks / n_floats() / std::max<std::size_t>(1, std::min(batch, n_rows)));
  LaneTraining training{.elementwise = worker.elementwise,
                        .shape = layout_->shape(),
                        .loss_kind = static_cast<LossKind>(key_.loss),
                        .solver = static_cast<SolverKind>(key_.solver),
                        .rows = rows,
                        .rules = &worker.rules,
                        .layer_rates = layer_rates_.data(),
                        .weights = worker.weights,
                        .first_moment = worker.first_moment,
                        .second_moment = worker.second_moment,
                        .workspace = worker.space,
                        .order = order.data(),
                        .first = 0,
                        .last = 0,
                        .batch = batch,
                        .loss = worker.loss.data(),
                        .weight = worker.weight.data()};
  worker.loss.fill(0);
  worker.weight.fill(0);
  while (training.last < n_rows) {
    if (stop.stop_requested()) return false;
    training.first = training.last;
    training.last = std::min(n_rows, training.first + n_minibatches * batch);
    kernels_->train(training);
  }
  return true;
}

}  // namespace shoal::cpu
