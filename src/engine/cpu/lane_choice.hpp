#pragma once

#include <cstddef>
#include <span>

#include "engine/definition.hpp"
#include "shoal/costs.hpp"

namespace shoal::cpu {

/// Says which networks share a vector and which have a core each, by what costs predict (docs/decisions/cost-model.md).
class LaneChoice {
 public:
  LaneChoice(const EngineOptions& options, std::size_t n_lanes, std::size_t n_threads)
      : costs_(options.costs.cpu),
        n_lanes_(n_lanes),
        n_threads_(n_threads),
        collects_(options.metric != Metric::val_loss && options.metric != Metric::train_loss) {}

  /// Of a gang: a lane a network, and a core a network.
  struct Ways {
    Prediction lanes, cores;
  };
  [[nodiscard]] Ways ways(const Gang& gang, const EpochRows& rows) const;
  /// The same where a gang's networks are some of a vector's, and their part of its time. topologies: of all networks
  /// of the vector, whose key is `widest`.
  [[nodiscard]] Ways ways(const Gang& gang, const EpochRows& rows, const GangKey& widest,
                          std::span<const Topology> topologies) const;
  /// Whether lanes are sooner.
  [[nodiscard]] bool has_lanes(const Gang& gang, const EpochRows& rows) const;
  /// Whether a vector of networks with these topologies, key's being the widest, is sooner, n_times over, than a core
  /// that trains them one after another.
  [[nodiscard]] bool is_vector_sooner(const GangKey& key, const EpochRows& rows,
                                      std::span<const Topology* const> topologies, std::size_t n_times) const;
  /// Lanes in use from which on a vector is sooner than a core that trains their networks one after another; where it
  /// never is, more than there are.
  [[nodiscard]] std::size_t fewest_lanes(const GangKey& key, const EpochRows& rows) const;
  [[nodiscard]] std::size_t n_lanes() const noexcept { return n_lanes_; }
  [[nodiscard]] std::size_t n_threads() const noexcept { return n_threads_; }
  /// Of an epoch on one core: of a vector with so many networks, of one network by itself.
  [[nodiscard]] double vector_seconds(const GangKey& key, const EpochRows& rows, std::size_t n_networks) const;
  [[nodiscard]] double core_seconds(const GangKey& key, const EpochRows& rows) const;

 private:
  CpuCosts costs_;
  std::size_t n_lanes_, n_threads_;
  bool collects_;
};

}  // namespace shoal::cpu
