#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "kernels/cpu/lane_per_network.hpp"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// The table as networks on lanes read it: scaled once for each split and kind of targets, then only read.
class LaneTables {
 public:
  /// Of all that these gangs read.
  [[nodiscard]] static std::uint64_t bytes(const Dataset& dataset, std::span<const GangKey> keys);
  /// Keeps what is there already and wanted still, and drops the rest.
  void prepare(const Dataset& dataset, std::span<const GangKey> keys);
  /// Without class weights.
  [[nodiscard]] LaneRows rows(const Dataset& dataset, const GangKey& key) const;

 private:
  using Kind = std::pair<std::uint32_t, std::size_t>;  ///< split, targets of a row
  [[nodiscard]] static Kind kind(const GangKey& key);

  std::map<Kind, std::vector<float>> tables_;
};

}  // namespace shoal::cpu
