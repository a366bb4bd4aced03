#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cpu/lane_choice.hpp"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"

namespace shoal::cpu {

/// The last places of a gang, which fill no vector, or all of one that has none.
struct LoosePlaces {
  const Gang* gang;
  std::uint32_t n;

  [[nodiscard]] Slot first() const { return gang->first_slot + gang->n_slots - n; }
};

/// Places of several gangs that share a vector. gang: what they have in common, with the topology of which all of
/// theirs are a part.
struct MixedVector {
  Gang gang;
  std::vector<LoosePlaces> places;   ///< in ascending order
  std::vector<Slot> slots;           ///< theirs
  std::vector<Topology> topologies;  ///< of the slots
};

/// The key that gangs have in common whose networks may share a vector: that of widths 0.
[[nodiscard]] GangKey family(GangKey key);
/// Whether a gang's networks may share a vector with others that differ in the widths of hidden layers.
[[nodiscard]] bool may_mix(const GangKey& key);

/// Vectors of networks that are alike in width, at one epoch, and sooner together than their gangs apart, on a core or
/// in a vector each. is_busy: other networks keep the machine's other threads from idling. Loose places of a gang are
/// not parted.
[[nodiscard]] std::vector<MixedVector> mixed_vectors(std::span<const LoosePlaces> places, const LaneChoice& choice,
                                                     const Dataset& dataset, bool is_busy);

/// What the elements of a mixed vector are at most, as a multiple of its networks' own.
inline constexpr std::size_t kMostMixed = 2;

}  // namespace shoal::cpu
