#include "engine/cpu/lane_choice.hpp"

#include <algorithm>

#include "engine/cpu/team_choice.hpp"
#include "engine/cpu/training_cost.hpp"

namespace shoal::cpu {
namespace {

constexpr std::size_t up(std::size_t n, std::size_t by) { return (n + by - 1) / by; }

}  // namespace

LaneChoice::Ways LaneChoice::ways(const Gang& gang, const EpochRows& rows) const {
  const auto threads = static_cast<double>(n_threads_);
  const std::size_t n_vectors = up(gang.n_slots, n_lanes_);
  const std::size_t in_vector = std::min<std::size_t>(gang.n_slots, n_lanes_);
  const double lanes = vector_seconds(gang.key, rows, in_vector);
  const double core = core_seconds(gang.key, rows);
  // The networks that full vectors leave over are trained by a core where that is sooner, as by fewest_lanes().
  const std::size_t n_full = gang.n_slots / n_lanes_;
  const double left_over = core * static_cast<double>(gang.n_slots % n_lanes_);
  const double all_lanes = n_full == 0 ? lanes : lanes * static_cast<double>(n_full) + std::min(lanes, left_over);
  const double of_all_cores = core * gang.n_slots / threads;
  // One after another by all threads, where those are worth dividing.
  const bool divided = is_divisible(gang.key.topology.n_parameters(), rows.batch);
  const double n_outputs = static_cast<double>(rows.n_validation) * gang.key.topology.n_outputs;
  const double place = gang.n_slots * (costs_.place_network +
                                       costs_.place_parameter * static_cast<double>(gang.key.topology.n_parameters()) +
                                       costs_.final_output * n_outputs / threads);
  return {{"lane_per_network", all_lanes / threads, lanes * static_cast<double>(up(n_vectors, n_threads_)), place},
          {"core_per_network", of_all_cores,
           divided ? of_all_cores : core * static_cast<double>(up(gang.n_slots, n_threads_)), place}};
}

LaneChoice::Ways LaneChoice::ways(const Gang& gang, const EpochRows& rows, const GangKey& widest,
                                  std::span<const Topology> topologies) const {
  Ways both = ways(gang, rows);
  GangKey narrow = gang.key;
  double cores = 0;
  for (const Topology& topology : topologies) {
    narrow.topology = topology;
    cores += core_seconds(narrow, rows);
  }
  both.lanes.alone_s = vector_seconds(widest, rows, topologies.size());
  both.lanes.epoch_s = both.lanes.alone_s * both.cores.epoch_s / cores;
  both.lanes.is_shared = true;
  return both;
}

bool LaneChoice::has_lanes(const Gang& gang, const EpochRows& rows) const {
  const Ways both = ways(gang, rows);
  return seconds_in_company(both.lanes, gang) <= seconds_in_company(both.cores, gang);
}

std::size_t LaneChoice::fewest_lanes(const GangKey& key, const EpochRows& rows) const {
  const double core = core_seconds(key, rows);
  for (std::size_t n = 1; n <= n_lanes_; ++n) {
    if (vector_seconds(key, rows, n) <= core * static_cast<double>(n)) return n;
  }
  return n_lanes_ + 1;
}

bool LaneChoice::is_vector_sooner(const GangKey& key, const EpochRows& rows,
                                  std::span<const Topology* const> topologies, std::size_t n_times) const {
  GangKey narrow = key;
  double core = core_seconds(narrow, rows);
  double cores = 0;
  for (const Topology* topology : topologies) {
    if (*topology != narrow.topology) {
      narrow.topology = *topology;
      core = core_seconds(narrow, rows);
    }
    cores += core;
  }
  return vector_seconds(key, rows, topologies.size()) * static_cast<double>(n_times) <= cores;
}

double LaneChoice::vector_seconds(const GangKey& key, const EpochRows& rows, std::size_t n_networks) const {
  return lane_epoch(costs_, key, rows, n_lanes_, n_networks, collects_);
}

double LaneChoice::core_seconds(const GangKey& key, const EpochRows& rows) const {
  return core_epoch(costs_, key, rows, n_lanes_);
}

}  // namespace shoal::cpu
