#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/cuda/cohort_training.hpp"

namespace shoal::cuda {

/// The networks that an engine trains layer by layer, in cohorts, by their places.
template <class T>
class Cohorts {
 public:
  /// blas: null for strict order, which only float has. All outlive it.
  Cohorts(const EngineOptions& options, DeviceTable& table, const Blas* blas, const Stream& stream)
      : options_(options), table_(&table), blas_(blas), stream_(&stream) {}

  /// Device bytes that prepare() takes for one place of a gang, and for all that places share.
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const;
  [[nodiscard]] std::uint64_t shared_bytes(std::span<const Gang> gangs) const;
  void release();
  /// Allocates, graphs included; what was there is given back first.
  void prepare(std::span<const Gang> gangs);
  /// Whether it was prepared with this place.
  [[nodiscard]] bool has(Slot slot) const { return slot < places_.size() && places_[slot].cohort < cohorts_.size(); }

  // As Engine's.
  void place(Slot slot, const Trial& trial, const TrialState& state);
  void train(std::span<const TrainTarget> targets, const std::stop_token& stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost);
  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set);
  [[nodiscard]] TrialState read(Slot slot) const;
  TrialState take(Slot slot);

 private:
  struct Place {
    std::size_t cohort = SIZE_MAX;
    std::uint32_t member = 0;
  };
  [[nodiscard]] const Place& occupied(Slot slot) const;
  [[nodiscard]] static std::map<CohortKey, std::vector<Gang>> by_cohort(std::span<const Gang> gangs);
  /// For the gangs of one cohort, of which `key` is one.
  [[nodiscard]] CohortPlan plan_of(const GangKey& key, std::span<const Gang> gangs) const;

  EngineOptions options_;
  DeviceTable* table_;
  const Blas* blas_;
  const Stream* stream_;
  std::vector<std::unique_ptr<CohortTraining<T>>> cohorts_;
  std::vector<Place> places_;
};

}  // namespace shoal::cuda
