#pragma once

#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <vector>

#include "engine/cpu/epoch_orders.hpp"
#include "engine/cpu/minibatch.hpp"
#include "engine/cpu/network_layout.hpp"
#include "engine/cpu/network_vectors.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// What all networks of an engine share.
struct Shared {
  const Dataset* dataset;
  EngineOptions options;
  EpochOrders orders;
};

/// A place whose network is trained alone, by one core or by a team of them.
class CoreNetwork {
 public:
  CoreNetwork(std::shared_ptr<const NetworkLayout> layout, const Gang& gang);
  [[nodiscard]] static std::uint64_t bytes(const Gang& gang);

  [[nodiscard]] bool is_occupied() const noexcept { return occupied_; }
  [[nodiscard]] bool keeps_best() const noexcept { return vectors_.best.size() > 0; }
  void place(const Shared& shared, const Trial& trial, const TrialState& state);
  void free() noexcept { occupied_ = false; }
  [[nodiscard]] TrialState read() const;

  /// Work until `epoch` epochs are done, in parameters x rows.
  [[nodiscard]] double cost(const Shared& shared, std::uint32_t epoch) const;
  /// Whether a team may train it together.
  [[nodiscard]] bool is_divisible(const Shared& shared) const;
  /// False where `stop` came between two minibatches: the network is then between two epochs, and lost.
  bool train(Shared& shared, const TrainTarget& target, Minibatch& minibatch, const std::stop_token& stop,
             std::vector<EpochRecord>& records);
  /// `only`: as MetricCollector has it.
  [[nodiscard]] MetricSums measure(const Shared& shared, Minibatch& minibatch, RowSet rows,
                                   std::optional<Metric> only) const;

 private:
  bool train_epoch(Shared& shared, Slot slot, Minibatch& minibatch, const std::stop_token& stop,
                   std::vector<EpochRecord>& records);
  void add_gradients(Minibatch& minibatch, const Split& split, std::span<const std::uint32_t> rows, math::Sum32& loss,
                     math::Sum32& weight) const;
  void take_step(Minibatch& minibatch, float rate);
  void finish_epoch(const Shared& shared, Minibatch& minibatch, EpochRecord& record);
  [[nodiscard]] bool is_finite() const;

  std::shared_ptr<const NetworkLayout> layout_;
  bool occupied_ = false;
  Trial trial_;
  TrialState state_;  ///< its scalars; the vectors live below, in the layout's order
  std::vector<float> class_weights_;
  std::vector<double> layer_rates_;
  NetworkVectors vectors_;
};

}  // namespace shoal::cpu
