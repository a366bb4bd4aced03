#include "engine/cpu/gang_ways.hpp"

#include <algorithm>
#include <map>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/lane_gang.hpp"
#include "engine/cpu/minibatch.hpp"
#include "engine/cpu/team_choice.hpp"

namespace shoal::cpu {

std::uint32_t GangWays::gang_size(const GangKey& key) const {
  const auto n_lanes = static_cast<std::uint32_t>(kernels_->n_lanes);
  return fewest_lanes(key) <= n_lanes ? n_lanes : 1;
}

std::vector<Prediction> GangWays::predictions(const Gang& gang) const {
  const LaneChoice::Ways ways = choice_.ways(gang, rows(gang.key));
  if (gang_size(gang.key) == 1) return {ways.cores};
  std::vector<Prediction> both{ways.lanes, ways.cores};
  rank(both, gang);
  return both;
}

void GangWays::predict_shared(std::span<const Gang> gangs, std::vector<std::vector<Prediction>>& all) const {
  for (const MixedVector& vector : mixed_vectors(gangs)) {
    for (const LoosePlaces& places : vector.places) {
      const Gang& gang = *places.gang;
      const LaneChoice::Ways ways = choice_.ways(gang, rows(gang.key), vector.gang.key, vector.topologies);
      if (places.n == gang.n_slots) all[static_cast<std::size_t>(&gang - gangs.data())] = {ways.lanes, ways.cores};
    }
  }
}

std::uint64_t GangWays::bytes_per_slot(const Gang& gang) const {
  const std::size_t n_lanes = kernels_->n_lanes;
  const std::uint64_t apart =
      has_lanes(gang) ? (LaneGang::bytes(gang, n_lanes) + gang.n_slots - 1) / gang.n_slots : CoreNetwork::bytes(gang);
  if (!mixes(gang)) return apart;
  Gang full = gang;
  full.n_slots = static_cast<std::uint32_t>(n_lanes);
  const std::uint64_t of_lane = LaneGang::bytes(full, n_lanes) / n_lanes + LaneLayout::mixed_bytes(gang.key.topology);
  return std::max(apart, kMostMixed * of_lane);
}

std::uint64_t GangWays::workspace_bytes(std::span<const Gang> gangs) const {
  const std::size_t n_threads = choice_.n_threads();
  std::uint64_t largest_core = 0;
  std::uint64_t largest_lanes = 0;
  std::uint64_t largest_team = 0;
  std::uint64_t largest_measured = 0;
  std::uint64_t n_calls = 0;
  std::size_t n_rows = 0;
  std::vector<GangKey> with_lanes;
  std::map<GangKey, Topology> mixed;
  for (const Gang& gang : gangs) {
    const Split& split = dataset_->splits.at(gang.key.fold);
    const std::size_t training = split.training.size();
    // Networks of a vector are measured together, those of other gangs too.
    const bool in_vectors = has_lanes(gang) || mixes(gang);
    const std::uint64_t together = mixes(gang)  ? kernels_->n_lanes
                                   : in_vectors ? std::min<std::uint64_t>(kernels_->n_lanes, gang.n_slots)
                                                : 1;
    largest_measured = std::max(largest_measured, together * MetricCollector::kept_bytes(*dataset_, split) +
                                                      MetricCollector::ranking_bytes(*dataset_, split));
    n_calls += in_vectors ? (gang.n_slots + kernels_->n_lanes - 1) / kernels_->n_lanes : gang.n_slots;
    n_rows = std::max(n_rows, training);
    if (has_lanes(gang)) {
      with_lanes.push_back(gang.key);
      const LaneLayout layout(gang.key.topology);
      largest_lanes = std::max(largest_lanes, LaneWorker::bytes(layout, kernels_->n_lanes, gang.has_dropout));
    }
    if (mixes(gang)) {
      Topology& all = mixed.try_emplace(family(gang.key), gang.key.topology).first->second;
      all = widest({{all, gang.key.topology}});
    }
    // A gang with few lanes in use trains them on a core each.
    const bool has_core = in_vectors && fewest_lanes(gang.key) > 1;
    const NetworkLayout layout(gang.key.topology);
    largest_core = std::max(largest_core, (has_core ? CoreNetwork::bytes(gang) : 0) +
                                              Minibatch::bytes(layout, kBlockRows, gang.has_dropout));
    const std::size_t batch = gang.key.batch_size == 0 ? training : static_cast<std::size_t>(gang.key.batch_size);
    if (!has_lanes(gang) && n_threads > 1 && is_divisible(layout.n_parameters(), std::min(batch, training))) {
      largest_team = std::max(largest_team,
                              Minibatch::bytes(layout, Minibatch::block_rows(n_threads), gang.has_dropout, n_threads));
    }
  }
  for (const auto& [key, topology] : mixed) {
    with_lanes.push_back(key);
    largest_lanes = std::max(largest_lanes, LaneWorker::bytes(LaneLayout(topology), kernels_->n_lanes, false));
  }
  return (largest_core + largest_lanes) * n_threads + largest_measured * std::min<std::uint64_t>(n_threads, n_calls) +
         largest_team + EpochOrders::bytes(n_rows) + LaneTables::bytes(*dataset_, with_lanes);
}

bool GangWays::has_lanes(const Gang& gang) const {
  return gang_size(gang.key) > 1 && choice_.has_lanes(gang, rows(gang.key));
}

std::vector<MixedVector> GangWays::mixed_vectors(std::span<const Gang> gangs) const {
  std::vector<LoosePlaces> loose;
  std::uint64_t n_networks = 0;
  for (const Gang& gang : gangs) {
    n_networks = std::max(n_networks + gang.n_slots, gang.n_company);
    if (mixes(gang)) loose.push_back({&gang, n_loose(gang)});
  }
  const bool is_busy = n_networks >= kernels_->n_lanes * choice_.n_threads();
  return cpu::mixed_vectors(loose, choice_, *dataset_, is_busy);
}

/// Places of a gang that fill no vector.
std::uint32_t GangWays::n_loose(const Gang& gang) const {
  return gang.n_slots % static_cast<std::uint32_t>(kernels_->n_lanes);
}

/// Whether these may share a vector with others'.
bool GangWays::mixes(const Gang& gang) const {
  return gang_size(gang.key) > 1 && may_mix(gang.key) && n_loose(gang) > 0;
}

}  // namespace shoal::cpu
