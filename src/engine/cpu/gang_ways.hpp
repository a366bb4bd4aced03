#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cpu/lane_choice.hpp"
#include "engine/cpu/mixed_vectors.hpp"
#include "kernels/cpu/lane_per_network.hpp"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// How an engine trains its gangs, said before any network is there: in vectors, some of which gangs share, or a core a
/// network; and what that takes in seconds and bytes.
class GangWays {
 public:
  /// Dataset and kernels outlive it. n_threads: the engine's.
  GangWays(const Dataset& dataset, const EngineOptions& options, const LaneKernels& kernels, std::size_t n_threads)
      : dataset_(&dataset), kernels_(&kernels), choice_(options, kernels.n_lanes, n_threads) {}

  /// As Engine says.
  [[nodiscard]] std::uint32_t gang_size(const GangKey& key) const;
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const;
  /// Of gangs that share vectors, in place of what predictions() says of each: changes `all`, one a gang.
  void predict_shared(std::span<const Gang> gangs, std::vector<std::vector<Prediction>>& all) const;
  /// Of a place, beside what an engine remembers of any.
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const;
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const;

  /// Whether a gang has vectors of its own.
  [[nodiscard]] bool has_lanes(const Gang& gang) const;
  /// Places that fill no vector of their own gang and share one, where that pays.
  [[nodiscard]] std::vector<MixedVector> mixed_vectors(std::span<const Gang> gangs) const;
  /// Whether a vector of networks with these topologies, key's being the widest, is sooner, n_times over, than a core
  /// that trains them one after another.
  [[nodiscard]] bool is_vector_sooner(const GangKey& key, std::span<const Topology* const> topologies,
                                      std::size_t n_times) const {
    return choice_.is_vector_sooner(key, rows(key), topologies, n_times);
  }

 private:
  [[nodiscard]] EpochRows rows(const GangKey& key) const { return epoch_rows(key, *dataset_); }
  [[nodiscard]] std::size_t fewest_lanes(const GangKey& key) const { return choice_.fewest_lanes(key, rows(key)); }
  [[nodiscard]] std::uint32_t n_loose(const Gang& gang) const;
  [[nodiscard]] bool mixes(const Gang& gang) const;

  const Dataset* dataset_;
  const LaneKernels* kernels_;
  LaneChoice choice_;
};

}  // namespace shoal::cpu
