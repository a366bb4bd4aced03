#pragma once

#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "engine/cuda/device_table.hpp"
#include "engine/cuda/training_cost.hpp"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Who trains a network: a thread, a block, or the whole device layer by layer.
enum class Way : std::uint8_t { threads, blocks, layers };

/// What building a kernel takes, once for all networks that have it: 6 seconds on a quick host, 12 to 15 were measured
/// at 2.5 GHz.
inline constexpr double kSecondsOfBuild = 12;

/// A gang that is trained layer by layer, with what the host does.
[[nodiscard]] Prediction layers_predicted(const EngineOptions& options, const Gang& gang, const EpochRows& rows);

/// Rows that such a network takes at a time at most: kernels count the values of a layer in 32 bits.
[[nodiscard]] std::uint32_t most_rows_by_layers(const Topology& topology);
/// Why a network cannot be trained so; empty if it can.
[[nodiscard]] std::string why_not_by_layers(const Topology& topology, const EpochRows& rows);

/// Says how engine cuda trains a gang: the soonest way by what costs predict, of those that give the same bits. In
/// strict precision all do; in fp32 threads and blocks; with tensor cores the first that is possible is taken
/// (docs/decisions/cost-model.md).
class KernelChoice {
 public:
  /// The table outlives it.
  KernelChoice(const EngineOptions& options, const DeviceTable& table) : options_(options), table_(&table) {}

  /// As Engine's.
  [[nodiscard]] std::string why_not(const Trial& trial) const;
  [[nodiscard]] Way of(const Gang& gang) const { return choice(gang).way; }
  [[nodiscard]] const std::vector<Prediction>& predictions(const Gang& gang) const { return choice(gang).predictions; }
  /// On the device, of n_networks with a thread each; of a network with a block.
  [[nodiscard]] EpochSeconds of_threads(const GangKey& key, std::uint32_t n_networks) const;
  [[nodiscard]] EpochSeconds of_block(const GangKey& key, const NetworkShape& shape) const;

 private:
  struct Choice {
    Way way;
    std::vector<Prediction> predictions;
  };

  [[nodiscard]] const Choice& choice(const Gang& gang) const;
  [[nodiscard]] std::vector<Way> possible(const Gang& gang, const NetworkShape& shape) const;
  [[nodiscard]] EpochRows rows(const GangKey& key) const { return epoch_rows(key, table_->dataset()); }
  [[nodiscard]] Prediction predicted(const Gang& gang, const NetworkShape& shape, Way way) const;

  EngineOptions options_;
  const DeviceTable* table_;
  /// Of gangs that are planned together, by all that a choice depends on: most are alike, and a plan asks often.
  mutable std::map<std::tuple<GangKey, std::uint32_t, bool, std::uint32_t>, Choice> choices_;
  mutable std::uint64_t n_company_ = 0;
};

}  // namespace shoal::cuda
