#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/reference/reference.hpp"
#include "shoal/trial.hpp"
#include "verify/bounded.hpp"

namespace shoal::verify {

/// Parameters and optimizer state of an engine, each with the bound on its distance from fp64.
struct BoundedState {
  std::vector<Bounded> parameters, first_moment, second_moment;
  std::uint64_t step = 0;
  double beta_1_power = 1;
  double beta_2_power = 1;
};
[[nodiscard]] BoundedState bounded_state(const TrialState& state);

struct BoundedPass {
  std::vector<std::vector<Bounded>> z;  ///< of the last row: a layer, then a unit
  Bounded loss;                         ///< sum of weighted row losses
  std::vector<Bounded> gradient;        ///< of the minibatch's objective
};
/// The formulas of docs/numerics.md over one minibatch. products: outlives the call, as below.
[[nodiscard]] BoundedPass bounded_pass(const Products& products, const Trial& trial,
                                       std::span<const Bounded> parameters, std::span<const reference::Example> rows);

/// One epoch: a step a minibatch of `rows`, which come in the epoch's order. Returns the sum of row losses.
[[nodiscard]] Bounded bounded_epoch(const Products& products, const Trial& trial,
                                    std::span<const reference::Example> rows, float rate, BoundedState& state);

}  // namespace shoal::verify
