#include "engine/cuda/cohort_training.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/cuda/cohort_outputs.hpp"
#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

/// Whole minibatches of one graph: launching it costs as much as two kernels, and it has as many nodes as it has work.
constexpr std::uint32_t kMinibatchesInGraph = 16;

bool has_patience(const Hyperparameters& h) { return h.n_iter_no_change > 0; }

}  // namespace

template <class T>
CohortTraining<T>::CohortTraining(CohortPlan plan, std::vector<Slot> slots, const EngineOptions& options,
                                  DeviceTable& table, const Blas& blas, const Stream& stream)
    : slots_(std::move(slots)),
      maximize_(options.maximize),
      table_(&table),
      stream_(&stream),
      cohort_(std::move(plan), table, blas, stream),
      trials_(slots_.size()),
      rules_(slots_.size()),
      states_(slots_.size()),
      device_rules_(slots_.size()),
      device_states_(slots_.size()),
      rates_(slots_.size() * cohort_.plan().most_epochs),
      orders_(std::size_t{cohort_.plan().most_epochs} * table.n_training(cohort_.plan().key.fold)),
      records_(rates_.size()),
      cursor_(1),
      evaluated_(table.most_evaluated(cohort_.plan().key.fold)),
      row_loss_(slots_.size() * cohort_.plan().most_rows) {
  Trial trial;  // what rows_in_minibatch reads of one
  trial.hyperparameters.batch_size = cohort_.plan().key.batch_size;
  batch_ = rows_in_minibatch(trial, table.n_training(cohort_.plan().key.fold));
  cohort_.set_training(
      {device_rules_.get(), device_states_.get(), cursor_.get(), orders_.get(), rates_.get(), records_.get()});
  record_graphs();
}

template <class T>
void CohortTraining<T>::place(std::uint32_t member, const Trial& trial, const TrialState& state) {
  const Hyperparameters& h = trial.hyperparameters;
  const auto refuse = [&](const char* what) {
    throw Error("engine cublas: place " + std::to_string(slots_[member]) + " was not prepared to " + what);
  };
  if (gang_key(trial) != cohort_.plan().members[member]) refuse("hold a network of another gang's key");
  if (has_patience(h) && !cohort_.plan().keeps_best) refuse("keep the best parameters");
  if (h.dropout > 0 && !cohort_.plan().has_dropout) refuse("drop units");
  using Vector = typename Cohort<T>::Vector;
  const std::vector<float> zeros(state.parameters.size(), 0.0F);
  const auto or_zeros = [&](const std::vector<float>& moment) -> std::span<const float> {
    return moment.empty() ? zeros : moment;
  };
  cohort_.write(Vector::weights, member, state.parameters);
  if (has_first_moment(h)) cohort_.write(Vector::first_moment, member, or_zeros(state.first_moment));
  if (has_second_moment(h.solver)) cohort_.write(Vector::second_moment, member, or_zeros(state.second_moment));
  if (has_patience(h)) {
    cohort_.write(Vector::best, member, state.best_parameters.empty() ? state.parameters : state.best_parameters);
  }
  trials_[member] = trial;
  rules_[cohort_.place(member)] = rules_of(trial, maximize_);
  states_[cohort_.place(member)] = network_state(state);
}

template <class T>
TrialState CohortTraining<T>::read(std::uint32_t member) {
  const Hyperparameters& h = trials_[member]->hyperparameters;
  using Vector = typename Cohort<T>::Vector;
  TrialState state = trial_state(states_[cohort_.place(member)], h.solver);
  state.parameters = cohort_.read(Vector::weights, member);
  if (has_first_moment(h)) state.first_moment = cohort_.read(Vector::first_moment, member);
  if (has_second_moment(h.solver)) state.second_moment = cohort_.read(Vector::second_moment, member);
  if (has_patience(h) && state.best_epoch > 0) state.best_parameters = cohort_.read(Vector::best, member);
  return state;
}

template <class T>
void CohortTraining<T>::free(std::uint32_t member) {
  trials_[member].reset();
  states_[cohort_.place(member)] = {};
}

template <class T>
void CohortTraining<T>::clear_targets() {
  for (NetworkState& state : states_) state.target_epoch = 0;
}

template <class T>
void CohortTraining<T>::set_target(std::uint32_t member, std::uint32_t epoch) {
  states_[cohort_.place(member)].target_epoch = epoch;
}

template <class T>
typename CohortTraining<T>::Epochs CohortTraining<T>::epochs_to_train() const {
  Epochs epochs{UINT32_MAX, 0};
  for (std::size_t i = 0; i < states_.size(); ++i) {
    const NetworkState& state = states_[i];
    const std::uint32_t target = std::min(state.target_epoch, rules_[i].epoch.max_iter);
    if (state.verdict != math::EpochVerdict::go_on || state.progress.epoch >= target) continue;
    epochs.begin = std::min(epochs.begin, state.progress.epoch);
    epochs.end = std::max(epochs.end, target);
  }
  if (epochs.begin >= epochs.end) return {};
  return {epochs.begin, std::min(epochs.end, epochs.begin + cohort_.plan().most_epochs)};
}

template <class T>
void CohortTraining<T>::record_graphs() {
  const std::uint32_t n_training = cohort_.task().n_training;
  const std::uint32_t n_whole = n_training / batch_;
  if (n_whole >= kMinibatchesInGraph) {
    many_minibatches_.emplace(*stream_, [&] {
      for (std::uint32_t k = 0; k < kMinibatchesInGraph; ++k) cohort_.train_minibatch(batch_);
    });
  }
  if (n_whole % kMinibatchesInGraph != 0) minibatch_.emplace(*stream_, [&] { cohort_.train_minibatch(batch_); });
  if (const std::uint32_t n_last = n_training % batch_; n_last != 0) {
    last_minibatch_.emplace(*stream_, [&] { cohort_.train_minibatch(n_last); });
  }
  end_.emplace(*stream_, [&] { cohort_.finish_epoch(); });
}

template <class T>
void CohortTraining<T>::hand_over(const Epochs& epochs) {
  const CohortKey& key = cohort_.plan().key;
  const std::uint32_t n = cohort_.task().n_training;
  const std::uint32_t n_epochs = epochs.end - epochs.begin;
  host_rates_.assign(n_epochs * states_.size(), 0.0F);
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    for (std::uint32_t e = 0; trials_[member] && e < n_epochs; ++e) {
      host_rates_[e * states_.size() + cohort_.place(member)] = epoch_rate(*trials_[member], n, epochs.begin + e);
    }
  }
  host_cursor_ = {epochs.begin, 0, 0};
  cohort_.hand_to_device();
  launch_epoch_orders(
      {table_->fold(key.fold).training.get(), n, key.shuffle != Shuffle::none, key.shuffle_seed, epochs.begin},
      orders_.get(), n_epochs, stream_->get());
  rates_.upload(host_rates_, *stream_);
  device_rules_.upload(rules_, *stream_);
  device_states_.upload(states_, *stream_);
  cursor_.upload(std::span(&host_cursor_, 1), *stream_);
  records_.clear(*stream_);
}

template <class T>
void CohortTraining<T>::launch_epoch() const {
  std::uint32_t n_whole = cohort_.task().n_training / batch_;
  for (; n_whole >= kMinibatchesInGraph; n_whole -= kMinibatchesInGraph) many_minibatches_->launch(*stream_);
  for (; n_whole > 0; --n_whole) minibatch_->launch(*stream_);
  if (last_minibatch_) last_minibatch_->launch(*stream_);
  end_->launch(*stream_);
}

template <class T>
void CohortTraining<T>::hand_out(const Epochs& epochs, std::vector<EpochRecord>& records) const {
  const double validation_weight = cohort_.task().validation_weight;
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    for (std::uint32_t epoch = epochs.begin; epoch < epochs.end; ++epoch) {
      const NetworkRecord& record = host_records_[(epoch - epochs.begin) * states_.size() + cohort_.place(member)];
      if (record.ran == 0) continue;
      records.push_back({slots_[member], epoch + 1, record.train_loss, record.train_weight, record.val_loss,
                         validation_weight, record.metric});
    }
  }
}

template <class T>
bool CohortTraining<T>::train(std::vector<EpochRecord>& records) {
  const Epochs epochs = epochs_to_train();
  if (epochs.begin == epochs.end) return false;
  hand_over(epochs);
  for (std::uint32_t epoch = epochs.begin; epoch < epochs.end; ++epoch) launch_epoch();
  host_records_.resize((epochs.end - epochs.begin) * states_.size());
  device_states_.download(states_, *stream_);
  records_.download(host_records_, *stream_);
  stream_->wait();
  hand_out(epochs, records);
  return true;
}

template <class T>
void CohortTraining<T>::evaluate(RowSet set, std::span<MetricSums* const> of_members) {
  const CohortPlan& plan = cohort_.plan();
  const Dataset& dataset = table_->dataset();
  const Split& split = table_->split(plan.key.fold);
  const std::vector<std::uint32_t>& rows = set == RowSet::test ? dataset.test : split.validation;
  std::vector<MetricCollector> collectors;
  for (const GangKey& key : plan.members) collectors.emplace_back(dataset, split, key.loss, std::nullopt);
  cohort_.hand_to_device();
  device_rules_.upload(rules_, *stream_);
  device_states_.upload(states_, *stream_);
  evaluated_.upload(rows, *stream_);
  CohortOutputs<T> outputs(cohort_, row_loss_, *stream_);
  for (std::uint32_t first = 0; first < rows.size(); first += plan.most_rows) {
    const auto n_rows = static_cast<std::uint32_t>(std::min<std::size_t>(plan.most_rows, rows.size() - first));
    outputs.pass({evaluated_.get() + first}, n_rows);
    for (std::uint32_t member = 0; member < of_members.size(); ++member) {
      if (of_members[member] == nullptr) continue;
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        collectors[member].add(rows[first + r], outputs.loss(member, r), outputs.row(member, r));
      }
    }
  }
  for (std::uint32_t member = 0; member < of_members.size(); ++member) {
    if (of_members[member] != nullptr) *of_members[member] = collectors[member].sums();
  }
}

template class CohortTraining<float>;
template class CohortTraining<math::Bfloat16>;

}  // namespace shoal::cuda
