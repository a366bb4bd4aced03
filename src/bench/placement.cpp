#include "bench/placement.hpp"

#include <algorithm>
#include <iterator>

namespace shoal::bench {

Placement::Placement(const Workload& workload, std::span<const std::uint32_t> members, Company company)
    : workload_(&workload) {
  for (std::size_t kind = 0; kind < workload.kinds.size(); ++kind) {
    const auto first = static_cast<Slot>(network_at_.size());
    std::ranges::copy_if(members, std::back_inserter(network_at_),
                         [&](std::uint32_t number) { return number % workload.kinds.size() == kind; });
    const auto n_slots = static_cast<std::uint32_t>(network_at_.size()) - first;
    if (n_slots == 0) continue;
    const GangKey key = gang_key(trial(workload, network_at_[first]));
    const std::uint32_t n_in_gang = company == Company::its_kind ? n_slots : 1;
    for (std::uint32_t i = 0; i < n_slots; i += n_in_gang) {
      gangs_.push_back({.key = key, .first_slot = first + i, .n_slots = n_in_gang, .n_company = members.size()});
    }
  }
}

void Placement::place(Engine& engine, const std::stop_token& stop) const {
  engine.prepare(gangs_);
  for (Slot slot = 0; slot < network_at_.size() && !stop.stop_requested(); ++slot) {
    const Trial network = trial(*workload_, network_at_[slot]);
    engine.place(slot, network, initial_state(network));
  }
}

void Placement::train(Engine& engine, std::uint32_t epoch, const std::stop_token& stop,
                      std::vector<EpochRecord>& records) const {
  records.clear();
  if (stop.stop_requested()) return;
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < network_at_.size(); ++slot) targets.push_back({slot, epoch});
  records.reserve(targets.size() * epoch);
  std::vector<Slot> lost;
  engine.train(targets, stop, records, lost);
}

}  // namespace shoal::bench
