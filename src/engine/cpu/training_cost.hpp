#pragma once

#include <cstddef>

#include "engine/definition.hpp"
#include "shoal/costs.hpp"

/// What training is predicted to take on a core: how often an epoch pays what, times what CpuCosts says of it.
namespace shoal::cpu {

/// An epoch of a network that has a core.
[[nodiscard]] double core_epoch(const CpuCosts& costs, const GangKey& key, const EpochRows& rows, std::size_t n_lanes);
/// An epoch of n_networks that have a lane each of one vector. collects: the watched metric is not added up by the
/// kernel.
[[nodiscard]] double lane_epoch(const CpuCosts& costs, const GangKey& key, const EpochRows& rows, std::size_t n_lanes,
                                std::size_t n_networks, bool collects);

}  // namespace shoal::cpu
