#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/cuda/cohort.hpp"
#include "engine/cuda/cohort_outputs.hpp"
#include "engine/cuda/survivors.hpp"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Trains the networks of a cohort: what each epoch needs from the host, and graphs of what the device does.
template <class T>
class CohortTraining {
 public:
  /// slots: the place of each member. Allocates everything, graphs included. blas: null in strict order. All
  /// but `plan` outlive it.
  CohortTraining(CohortPlan plan, std::vector<Slot> slots, const EngineOptions& options, DeviceTable& table,
                 const Blas* blas, const Stream& stream);

  void place(std::uint32_t member, const Trial& trial, const TrialState& state);
  [[nodiscard]] TrialState read(std::uint32_t member);
  void free(std::uint32_t member);
  [[nodiscard]] bool occupied(std::uint32_t member) const { return trials_[member].has_value(); }
  [[nodiscard]] const Trial& trial(std::uint32_t member) const { return *trials_[member]; }

  /// Epochs that each member is to have done; members without a target train no more.
  void clear_targets();
  void set_target(std::uint32_t member, std::uint32_t epoch);
  /// The next epochs of the members that have some to train, as many as are handed over at a time. Appends their
  /// records. False if there were none. Where the table is streamed an epoch may take long: a stop in the middle of it
  /// frees the members that it trains and appends them to `lost`.
  bool train(const std::stop_token& stop, std::vector<EpochRecord>& records, std::vector<Slot>& lost);

  /// Sums of the first members; null: not wanted.
  void evaluate(RowSet set, std::span<MetricSums* const> of_members);

 private:
  struct Epochs {
    std::uint32_t begin = 0, end = 0;
  };
  [[nodiscard]] bool has_epochs_to_train(std::size_t network) const;
  [[nodiscard]] Epochs epochs_to_train() const;
  /// Networks that have ended run no more, where that pays.
  void choose_running();
  void record_graphs();
  /// On the stream, or into a graph.
  void minibatch(std::uint32_t n_rows) const;
  void launch_minibatch(const std::optional<Graph>& graph, std::uint32_t n_rows) const;
  void hand_over(const Epochs& epochs);
  void launch_epoch();
  /// Epoch `epoch` of those that were handed over. False where it was stopped.
  [[nodiscard]] bool stream_epoch(std::uint32_t epoch, const std::stop_token& stop);
  void lose_running(std::vector<Slot>& lost);
  void finish_epoch();
  /// What of it the host has no part in.
  void end_epoch() const;
  void measure(const DeviceTable::EvaluatedRows& evaluated, std::optional<Metric> only,
               std::span<MetricSums* const> of_members);
  void measure_epoch();
  void hand_out(const Epochs& epochs, std::vector<EpochRecord>& records) const;

  std::vector<Slot> slots_;
  Metric metric_;
  bool maximize_;
  DeviceTable* table_;
  const Stream* stream_;
  Cohort<T> cohort_;
  std::vector<std::optional<Trial>> trials_;  ///< of each member
  std::uint32_t batch_ = 0;

  Survivors survivors_;

  // By the networks' order in the arrays.
  std::vector<NetworkRules> rules_;
  std::vector<NetworkState> states_;
  std::vector<float> host_rates_;
  std::vector<std::uint32_t> host_orders_;  ///< [epoch][n_training], of a table that is streamed
  std::vector<NetworkRecord> host_records_;
  Cursor host_cursor_;
  DeviceBuffer<NetworkRules> device_rules_;
  DeviceBuffer<NetworkState> device_states_;
  DeviceBuffer<float> rates_;
  DeviceBuffer<std::uint32_t> orders_;
  DeviceBuffer<NetworkRecord> records_;
  DeviceBuffer<Cursor> cursor_;
  CohortOutputs<T> outputs_;

  /// Of several whole minibatches, of one, of the shorter last one, and of an epoch's end. Where the table is streamed,
  /// of one and the last, without their gathers. What is in none is launched kernel by kernel.
  std::optional<Graph> many_minibatches_, minibatch_, last_minibatch_, end_;
};

}  // namespace shoal::cuda
