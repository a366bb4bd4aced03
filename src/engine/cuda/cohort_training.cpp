#include "engine/cuda/cohort_training.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

/// Whole minibatches of one graph: launching it costs as much as two kernels, and it has as many nodes as it has work.
constexpr std::uint32_t kMinibatchesInGraph = 16;

/// Networks that have ended run on until those that still train cost at most one in so many parts of what runs.
/// Packing moves the parameters of what runs and records graphs anew, about what some minibatches cost; since what runs
/// is halved each time, all times together cost less than twice the first. Only a new network at a place that had ended
/// makes it more again, and to place one copies all parameters to the host and back, which is dearer.
constexpr std::uint64_t kWorthPacking = 2;

}  // namespace

template <class T>
CohortTraining<T>::CohortTraining(CohortPlan plan, std::vector<Slot> slots, const EngineOptions& options,
                                  DeviceTable& table, const Blas* blas, const Stream& stream)
    : slots_(std::move(slots)),
      metric_(options.metric),
      maximize_(options.maximize),
      table_(&table),
      stream_(&stream),
      cohort_(std::move(plan), table, blas, stream),
      trials_(slots_.size()),
      survivors_(cohort_.rooms(), stream),
      rules_(slots_.size()),
      states_(slots_.size()),
      device_rules_(slots_.size()),
      device_states_(slots_.size()),
      rates_(slots_.size() * cohort_.plan().most_epochs),
      orders_(std::size_t{cohort_.plan().most_epochs} * table.n_training(cohort_.plan().key.fold)),
      records_(rates_.size()),
      cursor_(1),
      outputs_(cohort_, stream) {
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
    throw Error("place " + std::to_string(slots_[member]) + " was not prepared to " + what);
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
bool CohortTraining<T>::has_epochs_to_train(std::size_t network) const {
  const NetworkState& state = states_[network];
  return state.verdict == math::EpochVerdict::go_on &&
         state.progress.epoch < std::min(state.target_epoch, rules_[network].epoch.max_iter);
}

template <class T>
typename CohortTraining<T>::Epochs CohortTraining<T>::epochs_to_train() const {
  Epochs epochs{UINT32_MAX, 0};
  for (std::size_t i = 0; i < states_.size(); ++i) {
    if (!has_epochs_to_train(i)) continue;
    epochs.begin = std::min(epochs.begin, states_[i].progress.epoch);
    epochs.end = std::max(epochs.end, std::min(states_[i].target_epoch, rules_[i].epoch.max_iter));
  }
  if (epochs.begin >= epochs.end) return {};
  return {epochs.begin, std::min(epochs.end, epochs.begin + cohort_.plan().most_epochs)};
}

template <class T>
void CohortTraining<T>::choose_running() {
  std::uint64_t surviving = 0;
  std::uint64_t running = 0;
  std::uint64_t all = 0;
  bool all_survivors_run = true;
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    const std::uint64_t cost = cohort_.network(member).n_parameters;
    const bool runs = cohort_.place(member) < cohort_.n_running();
    const bool survives = states_[cohort_.place(member)].verdict == math::EpochVerdict::go_on;
    surviving += survives ? cost : 0;
    running += runs ? cost : 0;
    all += cost;
    all_survivors_run = all_survivors_run && (runs || !survives);
  }
  // A place that had ended and was given a new network: it runs with all others, unless few of them do.
  if (!all_survivors_run) running = all;
  if (surviving * kWorthPacking <= running) {
    device_states_.upload(states_, *stream_);
    const std::vector<std::uint32_t> before = cohort_.pack(survivors_, states_);
    states_ = by_new_places(states_, before);
    rules_ = by_new_places(rules_, before);
  } else if (!all_survivors_run) {
    cohort_.run_all();
  } else {
    return;
  }
  try {
    record_graphs();
  } catch (const OutOfMemoryError&) {
    // Somebody else has the memory. Networks in training need no graph, which only spares the host launches.
  }
}

template <class T>
void CohortTraining<T>::minibatch(std::uint32_t n_rows) const {
  if (!table_->is_streamed()) cohort_.gather({}, n_rows);
  cohort_.train_minibatch(n_rows);
}

template <class T>
void CohortTraining<T>::record_graphs() {
  // Those of other networks, even where there will be no new ones.
  for (std::optional<Graph>* graph : {&many_minibatches_, &minibatch_, &last_minibatch_, &end_}) graph->reset();
  const std::uint32_t n_training = cohort_.task().n_training;
  const std::uint32_t n_whole = n_training / batch_;
  const bool streams = table_->is_streamed();
  if (!streams && n_whole >= kMinibatchesInGraph) {
    many_minibatches_.emplace(*stream_, [&] {
      for (std::uint32_t k = 0; k < kMinibatchesInGraph; ++k) minibatch(batch_);
    });
  }
  if (streams || n_whole % kMinibatchesInGraph != 0) minibatch_.emplace(*stream_, [&] { minibatch(batch_); });
  if (const std::uint32_t n_last = n_training % batch_; n_last != 0) {
    last_minibatch_.emplace(*stream_, [&] { minibatch(n_last); });
  }
  if (!streams) end_.emplace(*stream_, [&] { end_epoch(); });
}

template <class T>
void CohortTraining<T>::hand_over(const Epochs& epochs) {
  const CohortKey& key = cohort_.plan().key;
  const std::uint32_t n = cohort_.task().n_training;
  const std::uint32_t n_epochs = epochs.end - epochs.begin;
  const std::uint32_t n_running = cohort_.n_running();
  host_rates_.assign(std::size_t{n_epochs} * n_running, 0.0F);
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    const std::uint32_t place = cohort_.place(member);
    for (std::uint32_t e = 0; trials_[member] && place < n_running && e < n_epochs; ++e) {
      host_rates_[std::size_t{e} * n_running + place] = epoch_rate(*trials_[member], n, epochs.begin + e);
    }
  }
  host_cursor_ = {epochs.begin, 0, 0};
  cohort_.hand_to_device();
  launch_epoch_orders(
      {table_->fold(key.fold).training.get(), n, key.shuffle != Shuffle::none, key.shuffle_seed, epochs.begin},
      orders_.get(), n_epochs, stream_->get());
  if (table_->is_streamed()) {
    host_orders_.resize(std::size_t{n_epochs} * n);
    orders_.download(host_orders_, *stream_);
  }
  rates_.upload(host_rates_, *stream_);
  device_rules_.upload(rules_, *stream_);
  device_states_.upload(states_, *stream_);
  cursor_.upload(std::span(&host_cursor_, 1), *stream_);
  records_.clear(*stream_);
}

template <class T>
void CohortTraining<T>::launch_minibatch(const std::optional<Graph>& graph, std::uint32_t n_rows) const {
  graph ? graph->launch(*stream_) : minibatch(n_rows);
}

template <class T>
void CohortTraining<T>::launch_epoch() {
  const std::uint32_t n_training = cohort_.task().n_training;
  std::uint32_t n_whole = n_training / batch_;
  if (many_minibatches_) {
    for (; n_whole >= kMinibatchesInGraph; n_whole -= kMinibatchesInGraph) many_minibatches_->launch(*stream_);
  }
  for (; n_whole > 0; --n_whole) launch_minibatch(minibatch_, batch_);
  if (const std::uint32_t n_last = n_training % batch_; n_last != 0) launch_minibatch(last_minibatch_, n_last);
  finish_epoch();
}

template <class T>
bool CohortTraining<T>::stream_epoch(std::uint32_t epoch, const std::stop_token& stop) {
  const std::size_t n_training = cohort_.task().n_training;
  const std::span<const std::uint32_t> order = std::span(host_orders_).subspan(epoch * n_training, n_training);
  for (std::size_t first = 0; first < n_training; first += batch_) {
    if (stop.stop_requested()) return false;
    const auto n_rows = static_cast<std::uint32_t>(std::min<std::size_t>(batch_, n_training - first));
    cohort_.gather(table_->source(nullptr, order.subspan(first, n_rows)), n_rows);
    launch_minibatch(n_rows == batch_ ? minibatch_ : last_minibatch_, n_rows);
  }
  finish_epoch();
  return true;
}

template <class T>
void CohortTraining<T>::finish_epoch() {
  if (cohort_.plan().metric == WatchedMetric::by_host) measure_epoch();
  if (end_) {
    end_->launch(*stream_);
  } else {
    end_epoch();
  }
}

template <class T>
void CohortTraining<T>::end_epoch() const {
  if (cohort_.plan().metric != WatchedMetric::by_host) cohort_.validate();
  cohort_.finish_epoch();
}

template <class T>
void CohortTraining<T>::lose_running(std::vector<Slot>& lost) {
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    if (!occupied(member) || !has_epochs_to_train(cohort_.place(member))) continue;
    lost.push_back(slots_[member]);
    free(member);
  }
}

template <class T>
void CohortTraining<T>::hand_out(const Epochs& epochs, std::vector<EpochRecord>& records) const {
  const double validation_weight = cohort_.task().validation_weight;
  const std::uint32_t n_running = cohort_.n_running();
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    const std::uint32_t place = cohort_.place(member);
    for (std::uint32_t epoch = epochs.begin; place < n_running && epoch < epochs.end; ++epoch) {
      const NetworkRecord& record = host_records_[std::size_t{epoch - epochs.begin} * n_running + place];
      if (record.ran == 0) continue;
      records.push_back({slots_[member], epoch + 1, record.train_loss, record.train_weight, record.val_loss,
                         validation_weight, record.metric});
    }
  }
}

template <class T>
bool CohortTraining<T>::train(const std::stop_token& stop, std::vector<EpochRecord>& records, std::vector<Slot>& lost) {
  const Epochs epochs = epochs_to_train();
  if (epochs.begin == epochs.end) return false;
  choose_running();
  hand_over(epochs);
  if (table_->is_streamed()) stream_->wait();  // for the rows' order
  for (std::uint32_t epoch = 0; epoch < epochs.end - epochs.begin; ++epoch) {
    if (!table_->is_streamed()) {
      launch_epoch();
    } else if (!stream_epoch(epoch, stop)) {
      cohort_.clear_sums();
      stream_->wait();
      lose_running(lost);
      return false;
    }
  }
  host_records_.resize(std::size_t{epochs.end - epochs.begin} * cohort_.n_running());
  device_states_.download(states_, *stream_);
  records_.download(host_records_, *stream_);
  stream_->wait();
  hand_out(epochs, records);
  return true;
}

template class CohortTraining<float>;
template class CohortTraining<math::Bfloat16>;

}  // namespace shoal::cuda
