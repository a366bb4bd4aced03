#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/lane_layout.hpp"
#include "engine/cpu/lane_table.hpp"
#include "engine/cpu/network_vectors.hpp"
#include "kernels/cpu/lane_per_network.hpp"
#include "kernels/math/epoch_decision.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// Bit l: lane l.
using LaneSet = std::uint32_t;
[[nodiscard]] constexpr LaneSet lane_bit(std::uint32_t lane) { return LaneSet{1} << lane; }
template <class Visit>
void each_lane(LaneSet lanes, Visit visit) {
  for (; lanes != 0; lanes &= lanes - 1) visit(static_cast<std::uint32_t>(std::countr_zero(lanes)));
}

/// One worker's memory for gangs: grows to the largest seen, never shrinks.
class LaneWorker {
 public:
  LaneWorker(const Kernels& of_cores, const LaneKernels& of_lanes) : elementwise(&of_cores), kernels(&of_lanes) {}
  void shape(const LaneLayout& layout, bool has_dropout);
  [[nodiscard]] static std::uint64_t bytes(const LaneLayout& layout, std::size_t n_lanes, bool has_dropout);

  const Kernels* elementwise;
  const LaneKernels* kernels;
  LaneWorkspace space{};
  LaneRules rules{};
  float *weights = nullptr, *first_moment = nullptr, *second_moment = nullptr;  ///< of the epoch that is being trained
  float *outputs = nullptr, *row_loss = nullptr;                                ///< of rows that are being measured
  alignas(kAlignment) std::array<double, math::kPartials * kMostLanes> loss{}, weight{};

 private:
  AlignedFloats memory_;
};

/// Places of networks that a vector trains at once, one a lane. An epoch is trained in a worker's memory and taken over
/// when it is done, so that lanes that have ended, are empty or are at another epoch keep what they have.
class LaneGang {
 public:
  /// Has these places, in ascending order, a lane each, as many lanes as the target has, the last ones unused where
  /// there are fewer places. gang: what they have in common; layout has the topologies.
  LaneGang(std::shared_ptr<const LaneLayout> layout, const Gang& gang, std::vector<Slot> slots,
           const LaneKernels& kernels);
  /// Of a whole gang, whatever number of vectors its places make.
  [[nodiscard]] static std::uint64_t bytes(const Gang& gang, std::size_t n_lanes);

  [[nodiscard]] bool is_occupied(Slot slot) const { return (occupied_ >> lane_of(slot) & 1U) != 0; }
  [[nodiscard]] bool keeps_best() const noexcept { return vectors_.best.size() > 0; }
  [[nodiscard]] const GangKey& key() const noexcept { return key_; }
  [[nodiscard]] Slot first_slot() const { return slots_.front(); }
  [[nodiscard]] const Trial& trial(Slot slot) const { return trials_[lane_of(slot)]; }
  /// Whether a target still has epochs to train.
  [[nodiscard]] bool has_work(const TrainTarget& target) const {
    const TrialState& state = members_[lane_of(target.slot)].state;
    return state.status == TrialStatus::running && state.epoch < target.epoch;
  }
  /// How many epochs these places are at: lanes at different ones are trained one after another.
  [[nodiscard]] std::size_t n_epochs_apart(std::span<const Slot> slots) const;
  void place(const Shared& shared, Slot slot, const Trial& trial, const TrialState& state);
  void free(Slot slot);
  [[nodiscard]] TrialState read(Slot slot) const;

  /// Work of targets in this gang, as CoreNetwork::cost of all lanes.
  [[nodiscard]] double cost(const Shared& shared, std::span<const TrainTarget> targets) const;
  /// A stop between two epochs or in the middle of one loses nothing but that epoch.
  void train(Shared& shared, const LaneTables& tables, std::span<const TrainTarget> targets, LaneWorker& worker,
             const std::stop_token& stop, std::vector<EpochRecord>& records);
  /// Every metric of `slots` in this gang, in their order.
  [[nodiscard]] std::vector<MetricSums> measure(const Shared& shared, const LaneTables& tables,
                                                std::span<const Slot> slots, LaneWorker& worker, RowSet rows) const;

 private:
  /// What decides about a lane, together in memory.
  struct Member {
    TrialState state;  ///< its scalars; the vectors live below
    math::EpochRules rules;
  };

  [[nodiscard]] std::uint32_t lane_of(Slot slot) const noexcept {
    // Most have neighbouring places, the others lie further apart.
    std::uint32_t lane = std::min(slot - slots_.front(), static_cast<std::uint32_t>(slots_.size()) - 1);
    while (slots_[lane] != slot) --lane;
    return lane;
  }
  [[nodiscard]] const Split& split(const Shared& shared) const { return shared.dataset->splits.at(key_.fold); }
  [[nodiscard]] std::size_t n_floats() const noexcept { return layout_->n_parameters() * n_lanes_; }
  void set_rules(std::uint32_t lane, const Trial& trial);
  void refresh_any();
  /// Copies lanes' parameters and states into the worker; sets rates of the epoch.
  void load(const Shared& shared, LaneSet lanes, LaneWorker& worker) const;
  /// False: stopped.
  bool train_rows(const LaneRows& rows, std::span<const std::uint32_t> order, LaneWorker& worker,
                  const std::stop_token& stop) const;
  bool train_epoch(Shared& shared, const LaneTables& tables, LaneSet lanes, LaneWorker& worker,
                   const std::stop_token& stop, std::vector<EpochRecord>& records);
  void take_over(LaneSet lanes, const LaneWorker& worker);
  /// records: of the lanes, in their order.
  void decide(LaneSet lanes, std::span<const EpochRecord> records);
  /// Visits the sums of `lanes` in their order. weights: [parameters] x lanes. `only`: as MetricCollector has it.
  template <class Visit>
  void measure_lanes(const Shared& shared, const LaneTables& tables, LaneSet lanes, const float* weights,
                     LaneWorker& worker, RowSet set, std::optional<Metric> only, Visit visit) const;

  std::shared_ptr<const LaneLayout> layout_;
  GangKey key_;
  std::vector<Slot> slots_;
  std::size_t n_lanes_;
  LaneSet occupied_ = 0, has_first_moment_ = 0;  ///< the latter: lanes whose solver keeps one
  const LaneKernels* kernels_;
  LaneRules rules_{};
  std::vector<LaneDoubles> layer_rates_;
  std::vector<Member> members_;
  std::vector<Trial> trials_;
  std::vector<float> class_weights_;  ///< of the lanes that balance classes; empty: none does
  NetworkVectors vectors_;
};

}  // namespace shoal::cpu
