#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "workload.hpp"

namespace shoal::bench {

/// Networks in places of an engine, those of one kind side by side.
class Placement {
 public:
  /// members: numbers of networks, each once.
  Placement(const Workload& workload, std::span<const std::uint32_t> members);

  /// Gives the engine these places and puts every network into its own, untrained.
  void place(Engine& engine) const;
  /// Trains all of them until `epoch`; one record an epoch and network.
  std::vector<EpochRecord> train(Engine& engine, std::uint32_t epoch) const;

  [[nodiscard]] std::span<const std::uint32_t> networks() const { return network_at_; }  ///< in order of slots

 private:
  const Workload* workload_;
  std::vector<Gang> gangs_;
  std::vector<std::uint32_t> network_at_;
};

struct MeasureOptions {
  std::string engine = "cpu";
  Precision precision = Precision::strict;
  std::uint32_t n_repetitions = 9;
  std::uint64_t memory_bytes = 0;  ///< EngineOptions'
  double seconds = 20;             ///< no repetition begins after these, but one is made
};

/// Checks an engine's first epoch against the CPU engine's, then times whole trainings. The document says `"ok": false`
/// and holds no times where the check failed, and why where the engine does not train such networks.
[[nodiscard]] nlohmann::ordered_json measure(const Workload& workload, const MeasureOptions& options);

}  // namespace shoal::bench
