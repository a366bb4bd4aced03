#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "tests/parity/cuda/comparison.hpp"
#include "verify/bounded.hpp"

/// Networks that share a sweep against the error analysis of each alone (verify/bounded_training.hpp).
namespace shoal::testing {

/// Numbers that were compared, and the first that lies too far off.
struct BoundsTally {
  std::size_t n_values = 0;
  std::size_t n_sharp = 0;  ///< whose bound is less than a thousandth of what a number near 1 is
  std::size_t n_breaches = 0;
  std::string first_breach;

  void compare(double found, const verify::Bounded& expected, const std::string& what);
};

/// Compares the records and the state of network `slot` with what `products` may make of them. What is decided at an
/// epoch's end must follow from the network's own records.
void compare_with_bounds(const verify::Products& products, const Sweep& sweep, Slot slot, const Outcome& outcome,
                         BoundsTally& tally);

}  // namespace shoal::testing
