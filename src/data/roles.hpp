#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "data/faults.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"

namespace shoal::data {

/// Which column of the training table plays which part.
struct Roles {
  std::vector<std::size_t> targets;  ///< none: the labels beside IDX images
  std::vector<std::size_t> inputs;
  std::vector<bool> categorical;  ///< of inputs
  std::optional<std::size_t> groups, weights;
};

[[nodiscard]] Roles assign_roles(const Table& table, const DataSpec& spec, Faults& faults);

/// The columns that a sweep file gives parts.
[[nodiscard]] std::vector<ColumnName> named_columns(const DataSpec& spec);

/// Names of the columns that a table for validation or test has too.
[[nodiscard]] std::vector<std::string> shared_columns(const Table& train, const Roles& roles);

/// Where another table holds column c of the training table: by name, or by position where one of them has no header
/// and both have as many columns. `key`: what of the sweep file needs the column.
[[nodiscard]] std::optional<std::size_t> same_column(const Table& table, const Table& train, std::size_t c,
                                                     const std::string& key, Faults& faults);

}  // namespace shoal::data
