#pragma once

#include <cstdint>
#include <vector>

#include "data/roles.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"

namespace shoal::data {

/// InputError where data.validation and data.cv contradict each other or are out of range.
void check_split_spec(const DataSpec& spec);

/// Divides the training table's rows as the spec says and fits each split's scaling. validation: the rows of
/// data.validation where that is a table, else empty. Throws InputError where a side is left without rows.
void make_splits(const Table& train, const Roles& roles, const DataSpec& spec, std::vector<std::uint32_t> validation,
                 std::uint64_t seed, Dataset& dataset);

}  // namespace shoal::data
