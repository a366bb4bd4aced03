#include <algorithm>

#include "engine/cuda/cohort_training.hpp"
#include "engine/definition.hpp"

namespace shoal::cuda {

/// Sums over rows of the members that are wanted, all of them selected.
template <class T>
void CohortTraining<T>::measure(const DeviceTable::EvaluatedRows& evaluated, std::optional<Metric> only,
                                std::span<MetricSums* const> of_members) {
  const CohortPlan& plan = cohort_.plan();
  const Split& split = table_->split(plan.key.fold);
  std::vector<MetricCollector> collectors;
  const auto& [rows, list] = evaluated;
  for (const GangKey& key : plan.members) collectors.emplace_back(table_->dataset(), split, key.loss, only);
  for (std::uint32_t first = 0; first < rows.size(); first += plan.most_rows) {
    const auto n_rows = static_cast<std::uint32_t>(std::min<std::size_t>(plan.most_rows, rows.size() - first));
    outputs_.pass(table_->source(list + first, rows.subspan(first, n_rows)), n_rows);
    for (std::uint32_t member = 0; member < of_members.size(); ++member) {
      if (of_members[member] == nullptr) continue;
      for (std::uint32_t r = 0; r < n_rows; ++r) {
        collectors[member].add(rows[first + r], outputs_.loss(member, r), outputs_.row(member, r));
      }
    }
  }
  for (std::uint32_t member = 0; member < of_members.size(); ++member) {
    if (of_members[member] != nullptr) *of_members[member] = collectors[member].sums();
  }
}

/// The validation of an epoch whose metric the host computes, of the networks that trained.
template <class T>
void CohortTraining<T>::measure_epoch() {
  std::vector<MetricSums> sums(trials_.size());
  std::vector<MetricSums*> wanted(trials_.size());
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    const std::uint32_t place = cohort_.place(member);
    const bool trained = has_epochs_to_train(place) && states_[place].progress.epoch == host_cursor_.first_epoch;
    if (trained) wanted[member] = &sums[member];
  }
  measure(table_->evaluated(RowSet::validation, cohort_.plan().key.fold), metric_, wanted);
  host_records_.assign(cohort_.n_running(), {});
  for (std::uint32_t member = 0; member < trials_.size(); ++member) {
    if (wanted[member] == nullptr) continue;
    host_records_[cohort_.place(member)].metric = metric_value(metric_, table_->dataset().task(), sums[member]);
  }
  records_.upload(host_records_, *stream_);
}

template <class T>
void CohortTraining<T>::evaluate(RowSet set, std::span<MetricSums* const> of_members) {
  cohort_.hand_to_device();
  device_rules_.upload(rules_, *stream_);
  device_states_.upload(states_, *stream_);
  const AllSelected<T> all(cohort_);
  measure(table_->evaluated(set, cohort_.plan().key.fold), std::nullopt, of_members);
  cohort_.clear_sums();
}

#define SHOAL_FOR_TYPE(T)                                                                            \
  template void CohortTraining<T>::measure(const DeviceTable::EvaluatedRows&, std::optional<Metric>, \
                                           std::span<MetricSums* const>);                            \
  template void CohortTraining<T>::measure_epoch();                                                  \
  template void CohortTraining<T>::evaluate(RowSet, std::span<MetricSums* const>);
SHOAL_FOR_TYPE(float)
SHOAL_FOR_TYPE(math::Bfloat16)
#undef SHOAL_FOR_TYPE

}  // namespace shoal::cuda
