#include "engine/cuda/cohorts.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/cuda/kernel_choice.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

/// Validation rows at a time where minibatches are smaller.
constexpr std::uint32_t kEvaluationRows = 256;
/// Rows times epochs, and those times parameters of a network, that the device is given at a time: a stop is heard
/// between. One epoch is the least.
constexpr std::uint64_t kRowsHandedOver = 1U << 19;
constexpr std::uint64_t kProductsHandedOver = std::uint64_t{1} << 32;
constexpr std::uint64_t kMostEpochs = 64;

/// Of parameter vectors that the gang's networks have only because others of their cohort need them.
std::uint64_t bytes_for_company(const Gang& gang, const CohortPlan& plan) {
  CohortPlan alone;
  alone.add(gang);
  const std::uint64_t n_vectors = plan.n_vectors() - alone.n_vectors();
  if (n_vectors == 0) return 0;
  return gang.n_slots * n_vectors * CohortShape(gang.key.topology, 0).n_parameters * sizeof(float);
}

}  // namespace

template <class T>
std::map<CohortKey, std::vector<Gang>> Cohorts<T>::by_cohort(std::span<const Gang> gangs) {
  std::map<CohortKey, std::vector<Gang>> all;
  for (const Gang& gang : gangs) all[cohort_key(gang.key)].push_back(gang);
  return all;
}

template <class T>
CohortPlan Cohorts<T>::plan_of(const GangKey& key, std::span<const Gang> gangs) const {
  const std::uint32_t n_training = table_->n_training(key.fold);
  const auto n_validation = static_cast<std::uint32_t>(table_->split(key.fold).validation.size());
  Trial trial;  // what rows_in_minibatch reads of one
  trial.hyperparameters.batch_size = key.batch_size;
  CohortPlan plan;
  plan.key = cohort_key(key);
  plan.metric = watched_metric(options_.metric);
  plan.is_strict = blas_ == nullptr;
  std::uint32_t evaluation_rows = std::min(n_validation, kEvaluationRows);
  // A metric of the host comes before the next epoch.
  const std::uint64_t most_epochs = plan.metric == WatchedMetric::by_host ? 1 : kMostEpochs;
  std::uint64_t products = 1;
  for (const Gang& gang : gangs) {
    plan.add(gang);
    evaluation_rows = std::min(evaluation_rows, most_rows_by_layers(gang.key.topology));
    products += gang.n_slots * gang.key.topology.n_parameters();
  }
  plan.most_rows = std::max(rows_in_minibatch(trial, n_training), evaluation_rows);
  // In fp32 cublasLt's ReLU is a kernel of its own, slower than activation_kernel.
  plan.fuses_relu =
      !plan.is_strict && options_.precision != Precision::fp32 && plan.members.size() == 1 && !plan.has_dropout;
  const std::uint64_t rows = std::max(1U, n_training);
  plan.most_epochs = static_cast<std::uint32_t>(std::clamp<std::uint64_t>(
      std::min(kRowsHandedOver / rows, kProductsHandedOver / products / rows), 1, most_epochs));
  return plan;
}

template <class T>
std::uint64_t Cohorts<T>::bytes_per_slot(const Gang& gang) const {
  const CohortPlan plan = plan_of(gang.key, {&gang, 1});
  return network_bytes<T>(CohortShape(gang.key.topology, plan.most_rows), plan);
}

template <class T>
std::uint64_t Cohorts<T>::shared_bytes(std::span<const Gang> gangs) const {
  std::uint64_t bytes = 0;
  std::uint32_t most_rows = 0;
  for (const auto& [key, of_key] : by_cohort(gangs)) {
    const CohortPlan plan = plan_of(of_key.front().key, of_key);
    bytes += cuda::shared_bytes<T>(plan, static_cast<std::uint32_t>(of_key.front().key.topology.n_inputs),
                                   table_->n_training(key.fold));
    for (const Gang& gang : of_key) bytes += bytes_for_company(gang, plan);
    most_rows = std::max(most_rows, plan.most_rows);
  }
  if (!table_->is_streamed()) return bytes;
  return bytes + RowStream::bytes(most_rows, static_cast<std::size_t>(table_->dataset().n_inputs()));
}

template <class T>
void Cohorts<T>::release() {
  cohorts_.clear();
  places_.clear();
}

template <class T>
void Cohorts<T>::prepare(std::span<const Gang> gangs) {
  release();
  for (const auto& [key, of_key] : by_cohort(gangs)) {
    std::vector<Slot> slots;
    for (const Gang& gang : of_key) {
      for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
        if (places_.size() <= slot) places_.resize(slot + 1);
        places_[slot] = {cohorts_.size(), static_cast<std::uint32_t>(slots.size())};
        slots.push_back(slot);
      }
    }
    cohorts_.push_back(std::make_unique<CohortTraining<T>>(plan_of(of_key.front().key, of_key), std::move(slots),
                                                           options_, *table_, blas_, *stream_));
  }
}

template <class T>
const typename Cohorts<T>::Place& Cohorts<T>::occupied(Slot slot) const {
  const Place& place = places_.at(slot);
  if (!has(slot) || !cohorts_[place.cohort]->occupied(place.member)) {
    throw Error("there is no network at place " + std::to_string(slot));
  }
  return place;
}

template <class T>
void Cohorts<T>::place(Slot slot, const Trial& trial, const TrialState& state) {
  const Place& place = places_.at(slot);
  cohorts_.at(place.cohort)->place(place.member, trial, state);
}

template <class T>
void Cohorts<T>::train(std::span<const TrainTarget> targets, const std::stop_token& stop,
                       std::vector<EpochRecord>& records, std::vector<Slot>& lost) {
  for (const auto& cohort : cohorts_) cohort->clear_targets();
  for (const TrainTarget& target : targets) {
    const Place& place = occupied(target.slot);
    cohorts_[place.cohort]->set_target(place.member, target.epoch);
  }
  // What is handed over ends between epochs, so that a stop loses no network but where a table is streamed.
  for (const auto& cohort : cohorts_) {
    while (!stop.stop_requested() && cohort->train(stop, records, lost)) {
    }
  }
}

template <class T>
std::vector<MetricSums> Cohorts<T>::evaluate(std::span<const Slot> slots, RowSet set) {
  std::vector<MetricSums> sums(slots.size());
  std::map<std::size_t, std::vector<MetricSums*>> wanted;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const Place& place = occupied(slots[i]);
    std::vector<MetricSums*>& of_members = wanted[place.cohort];
    if (of_members.size() <= place.member) of_members.resize(place.member + 1);
    of_members[place.member] = &sums[i];
  }
  for (const auto& [cohort, of_members] : wanted) cohorts_[cohort]->evaluate(set, of_members);
  return sums;
}

template <class T>
TrialState Cohorts<T>::read(Slot slot) const {
  const Place& place = occupied(slot);
  return cohorts_[place.cohort]->read(place.member);
}

template <class T>
TrialState Cohorts<T>::take(Slot slot) {
  TrialState state = read(slot);
  const Place& place = places_[slot];
  cohorts_[place.cohort]->free(place.member);
  return state;
}

template class Cohorts<float>;
template class Cohorts<math::Bfloat16>;

}  // namespace shoal::cuda
