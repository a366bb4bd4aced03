#pragma once

#include <span>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/trial.hpp"

namespace shoal::run {

/// The probability that a network gives to what is there, for the loss of an average of networks, which has no z. Taken
/// from z, as of a float that is nearly 1 nothing is left beside it.
/// z: of the output layer, [rows, n_outputs]. Returns [rows] for classes, [rows, n_targets] for labels.
[[nodiscard]] std::vector<double> chances(const Dataset& dataset, std::span<const std::uint32_t> rows,
                                          std::span<const float> z);

/// The loss of one row from the average of its chances: cross entropy.
[[nodiscard]] float chance_loss(std::span<const double> chances);
/// The loss of one row from scaled targets, [n_targets]: one of regression.
[[nodiscard]] float residual_loss(const Dataset& dataset, const Split& split, const Hyperparameters& hyperparameters,
                                  std::uint32_t row, std::span<const float> outputs);

}  // namespace shoal::run
