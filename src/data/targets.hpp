#pragma once

#include <cstddef>
#include <vector>

#include "data/faults.hpp"
#include "data/roles.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"

namespace shoal::data {

/// Fills the task, names and classes of what is predicted, and notes the task where the table decides it.
void describe_targets(const Table& table, const Roles& roles, const DataSpec& spec, Dataset& dataset, Faults& faults);

/// Appends the labels or targets of a table's rows. `at`: where it holds each target; empty: its idx_labels.
void append_targets(const Table& table, const std::vector<std::size_t>& at, Dataset& dataset, Faults& faults);

void append_weights(const Table& table, std::size_t column, Dataset& dataset, Faults& faults);

}  // namespace shoal::data
