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
  const double lanes = lane_epoch(costs_, gang.key, rows, n_lanes_, in_vector, collects_);
  const double core = core_epoch(costs_, gang.key, rows, n_lanes_);
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

bool LaneChoice::has_lanes(const Gang& gang, const EpochRows& rows) const {
  const Ways both = ways(gang, rows);
  return seconds_in_company(both.lanes, gang) <= seconds_in_company(both.cores, gang);
}

std::size_t LaneChoice::fewest_lanes(const GangKey& key, const EpochRows& rows) const {
  const double core = core_epoch(costs_, key, rows, n_lanes_);
  for (std::size_t n = 1; n <= n_lanes_; ++n) {
    if (lane_epoch(costs_, key, rows, n_lanes_, n, collects_) <= core * static_cast<double>(n)) return n;
  }
  return n_lanes_ + 1;
}

}  // namespace shoal::cpu
