#pragma once

#include <span>
#include <vector>

#include "shoal/engine.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// Outputs of a stored network for rows that are encoded and not scaled, [n_rows, n_targets] in double: probabilities
/// of all classes or labels, or targets in scaled units.
[[nodiscard]] std::vector<double> network_outputs(Engine& engine, const Dataset& dataset,
                                                  const store::StoredNetwork& network, std::span<const float> rows);

}  // namespace shoal::run
