#pragma once

#include <string>

#include "shoal/data.hpp"
#include "store/run_directory.hpp"

namespace shoal::exporting {

/// A trained network and all that stands between it and the rows of a table.
struct Network {
  store::StoredNetwork stored;
  Preprocessing preprocessing;
  Split split;          ///< the scalings of its split; no rows
  std::string version;  ///< of the program that exports it
};

/// What follows the last layer.
enum class Output : std::uint8_t {
  softmax,   ///< a probability a class
  sigmoid,   ///< the probability of the second of two classes
  sigmoids,  ///< a probability a label
  values,    ///< targets, to be brought into the table's units
};
[[nodiscard]] Output output_of(const Network& network);

/// What its outputs are called: the classes, labels or targets.
[[nodiscard]] const std::vector<std::string>& output_names(const Network& network);

/// `trial 3fa9c1: classification of species by 4 columns`.
[[nodiscard]] std::string description(const Network& network);

}  // namespace shoal::exporting
