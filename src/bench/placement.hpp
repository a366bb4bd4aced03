#pragma once

#include <cstdint>
#include <span>
#include <stop_token>
#include <vector>

#include "bench/workload.hpp"
#include "shoal/engine.hpp"

namespace shoal::bench {

/// Whom a network shares a gang with.
enum class Company : std::uint8_t { its_kind, nobody };

/// Networks in places of an engine, those of one kind side by side.
class Placement {
 public:
  /// members: numbers of networks, each once.
  Placement(const Workload& workload, std::span<const std::uint32_t> members, Company company);

  /// Gives the engine these places and puts every network into its own, untrained; not all of them once `stop` is
  /// requested.
  void place(Engine& engine, const std::stop_token& stop) const;
  /// Trains all of them until `epoch`; `records` becomes one record an epoch and network, in memory that it may have.
  void train(Engine& engine, std::uint32_t epoch, const std::stop_token& stop, std::vector<EpochRecord>& records) const;

  [[nodiscard]] std::span<const std::uint32_t> networks() const { return network_at_; }  ///< in order of slots

 private:
  const Workload* workload_;
  std::vector<Gang> gangs_;
  std::vector<std::uint32_t> network_at_;
};

}  // namespace shoal::bench
