#include "engine/cpu/mixed_vectors.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <tuple>
#include <utility>

#include "engine/cpu/lane_layout.hpp"
#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

/// Of places in order of their networks' size, how many gangs' are looked at for the next lanes.
constexpr std::size_t kWindow = 32;

const Topology& topology(const LoosePlaces& places) { return places.gang->key.topology; }

/// Of the widest of two.
std::size_t n_parameters_together(const Topology& a, const Topology& b) {
  std::size_t n = 0;
  auto n_in = static_cast<std::size_t>(a.n_inputs);
  for (std::size_t l = 0; l < a.n_layers(); ++l) {
    const auto n_out = static_cast<std::size_t>(std::max(a.fan_out(l), b.fan_out(l)));
    n += n_out * (n_in + 1);
    n_in = n_out;
  }
  return n;
}

/// Loose places of one family, the largest networks first.
class Family {
 public:
  Family(std::vector<LoosePlaces> places, const LaneChoice& choice, const EpochRows& rows, bool is_busy)
      : places_(std::move(places)), choice_(&choice), rows_(rows), is_busy_(is_busy), is_taken_(places_.size()) {
    std::ranges::stable_sort(places_, std::ranges::greater{},
                             [](const LoosePlaces& each) { return topology(each).n_parameters(); });
  }

  void divide(std::vector<MixedVector>& vectors) {
    for (std::size_t first = 0; first < places_.size(); ++first) {
      if (is_taken_[first]) continue;
      const std::vector<std::size_t> members = nearest(first);
      MixedVector vector = made(members);
      if (members.size() == 1 || !pays(vector)) continue;
      for (const std::size_t i : members) is_taken_[i] = true;
      vectors.push_back(std::move(vector));
    }
  }

 private:
  /// A gang's places and those that make the vector least wider, one gang after another.
  [[nodiscard]] std::vector<std::size_t> nearest(std::size_t first) const {
    std::vector<std::size_t> members{first};
    std::vector<std::size_t> candidates;
    for (std::size_t i = first + 1; i < places_.size() && candidates.size() < kWindow; ++i) {
      if (!is_taken_[i]) candidates.push_back(i);
    }
    Topology all = topology(places_[first]);
    std::size_t n_free = choice_->n_lanes() - places_[first].n;
    while (true) {
      std::erase_if(candidates, [&](std::size_t i) { return places_[i].n > n_free; });
      if (candidates.empty()) return members;
      const auto next = std::ranges::min_element(
          candidates, {}, [&](std::size_t i) { return n_parameters_together(all, topology(places_[i])); });
      all = widest({{all, topology(places_[*next])}});
      n_free -= places_[*next].n;
      members.push_back(*next);
      candidates.erase(next);
    }
  }

  [[nodiscard]] MixedVector made(const std::vector<std::size_t>& members) const {
    std::vector<LoosePlaces> all;
    for (const std::size_t i : members) all.push_back(places_[i]);
    std::ranges::sort(all, {}, &LoosePlaces::first);
    MixedVector vector{*all.front().gang, std::move(all), {}, {}};
    for (const LoosePlaces& each : vector.places) {
      for (std::uint32_t i = 0; i < each.n; ++i) {
        vector.slots.push_back(each.first() + i);
        vector.topologies.push_back(topology(each));
      }
    }
    vector.gang.key.topology = widest(vector.topologies);
    vector.gang.n_slots = static_cast<std::uint32_t>(vector.slots.size());
    return vector;
  }

  [[nodiscard]] bool pays(const MixedVector& vector) const {
    // A vector has one thread, where that is all there is to do; cores have all of them.
    const double n_threads = is_busy_ ? 1 : static_cast<double>(choice_->n_threads());
    std::size_t own = 0;
    double apart = 0;
    for (const LoosePlaces& each : vector.places) {
      const GangKey& key = each.gang->key;
      own += each.n * key.topology.n_parameters();
      apart +=
          std::min(each.n * choice_->core_seconds(key, rows_), n_threads * choice_->vector_seconds(key, rows_, each.n));
    }
    if (vector.gang.key.topology.n_parameters() * choice_->n_lanes() > kMostMixed * own) return false;
    return n_threads * choice_->vector_seconds(vector.gang.key, rows_, vector.slots.size()) <= apart;
  }

  std::vector<LoosePlaces> places_;
  const LaneChoice* choice_;
  EpochRows rows_;
  bool is_busy_;
  std::vector<bool> is_taken_;
};

}  // namespace

GangKey family(GangKey key) {
  std::ranges::fill(key.topology.hidden_layer_sizes, 0);
  return key;
}

// Where a norm clips or units are dropped, numbers follow from the parameters' or the units' own order.
bool may_mix(const GangKey& key) { return key.plain && !key.topology.hidden_layer_sizes.empty(); }

std::vector<MixedVector> mixed_vectors(std::span<const LoosePlaces> places, const LaneChoice& choice,
                                       const Dataset& dataset, bool is_busy) {
  // Lanes at different epochs see different rows; a place that keeps the best has more memory.
  std::map<std::tuple<GangKey, std::uint32_t, bool>, std::vector<LoosePlaces>> families;
  for (const LoosePlaces& each : places) {
    families[{family(each.gang->key), each.gang->first_epoch, each.gang->keeps_best}].push_back(each);
  }
  std::vector<MixedVector> vectors;
  for (const auto& [kind, of_family] : families) {
    Family(of_family, choice, epoch_rows(std::get<0>(kind), dataset), is_busy).divide(vectors);
  }
  return vectors;
}

}  // namespace shoal::cpu
