#pragma once

#include <cstdint>
#include <span>

#include "shoal/data.hpp"
#include "shoal/trial.hpp"

namespace shoal::run {

/// The loss of one row from what networks give, not from their z: for averages of networks, which have none.
/// outputs: [n_targets], probabilities of classes or labels, or scaled targets. Without label smoothing or weights.
[[nodiscard]] float output_loss(const Dataset& dataset, const Split& split, const Hyperparameters& hyperparameters,
                                std::uint32_t row, std::span<const float> outputs);

}  // namespace shoal::run
