#pragma once

#include <cstddef>

#include "shoal/engine.hpp"

namespace shoal::cpu {

/// Whether networks of this kind are trained a lane each. The limit is measured (docs/decisions/lane-per-network.md).
[[nodiscard]] bool has_lanes(const GangKey& key, std::size_t n_lanes);

/// Lanes in use from which on a vector is faster than a core that trains their networks one after another.
[[nodiscard]] std::size_t fewest_lanes(const Topology& topology, std::size_t n_lanes);

}  // namespace shoal::cpu
