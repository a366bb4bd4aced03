#pragma once

#include <cstddef>
#include <string>

#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Index into shapes() of the kernels for a topology; shapes().size() where there are none.
[[nodiscard]] std::size_t shape_of(const Topology& topology);
/// Why the engine cannot train networks of this trial's kind; empty if it can.
[[nodiscard]] std::string why_not(const Trial& trial, const EngineOptions& options);

[[nodiscard]] inline bool has_velocity(const Hyperparameters& h) { return h.momentum > 0; }
[[nodiscard]] inline bool has_patience(const Hyperparameters& h) { return h.n_iter_no_change > 0; }

}  // namespace shoal::cuda
