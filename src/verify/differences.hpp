#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "engine/reference/reference.hpp"
#include "shoal/trial.hpp"

namespace shoal::verify {

/// A network, rows and a point at which the reference's objective is differentiated by differences.
struct DifferenceCase {
  Topology topology;
  Hyperparameters h;
  std::vector<reference::Example> rows;
  std::vector<double> parameters;
};
/// Case `index` of a seed: indices go through losses, depths and penalties. Drawn again until no kink lies near.
[[nodiscard]] DifferenceCase difference_case(std::uint64_t seed, std::uint64_t index);

/// What training minimises, written apart from the gradient: mean row loss and (alpha / 2 |W|^2 + l1 |W|_1) / rows.
[[nodiscard]] double objective(const DifferenceCase& of, std::span<const double> parameters);
/// Its central difference for every parameter; nothing where a kink lies within a step.
[[nodiscard]] std::optional<std::vector<double>> differences(const DifferenceCase& of);
/// How far a gradient may be from such a difference; `loss`: the objective.
[[nodiscard]] double difference_bound(double gradient, double loss);

}  // namespace shoal::verify
