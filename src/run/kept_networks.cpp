#include "run/kept_networks.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace shoal::run {

KeptNetworks::KeptNetworks(std::size_t capacity, bool maximize)
    : capacity_(std::max<std::size_t>(1, capacity)), maximize_(maximize) {}

KeptNetworks::Decision KeptNetworks::offer(const std::string& id, double metric, bool pruned) {
  if (!std::isfinite(metric)) return {};
  std::erase_if(entries_, [&](const Entry& entry) { return entry.id == id; });
  entries_.insert({pruned, maximize_ ? -metric : metric, id});
  if (entries_.size() <= capacity_) return {true, {}};
  const auto worst = std::prev(entries_.end());
  Decision decision{worst->id != id, worst->id};
  if (!decision.keep) decision.forget.clear();
  entries_.erase(worst);
  return decision;
}

std::string KeptNetworks::best() const { return entries_.empty() ? std::string() : entries_.begin()->id; }

}  // namespace shoal::run
