#pragma once

#include <cstdint>
#include <vector>

#include "engine/reference/reference.hpp"
#include "shoal/data.hpp"
#include "shoal/trial.hpp"

namespace shoal::verify {

/// A small network, a table of a few rows, and where training starts. All numbers are floats: every engine gets the
/// same bits.
struct Case {
  Trial trial;
  Dataset dataset;
  std::vector<reference::Example> rows;  ///< of the table, with the weights that training gives them
  TrialState start;
  std::uint32_t epochs = 0;  ///< for which the error analysis stays of use
};

/// Case `index` of a seed. Indices go through losses, solvers, schedules and penalties; among the cases are rows that
/// put relu at its kink, weights and biases that cancel, and networks wider than a vector.
[[nodiscard]] Case random_case(std::uint64_t seed, std::uint64_t index);

/// `n` other trials for the table of a case; some diverge, some have patience.
[[nodiscard]] std::vector<Trial> company(const Case& of, std::uint64_t seed, std::size_t n);

}  // namespace shoal::verify
