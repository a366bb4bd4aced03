#pragma once

#include <cstddef>
#include <vector>

#include "data/faults.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"

namespace shoal::data {

/// How the columns `inputs` of a table become network inputs; `categorical[i]` says that inputs[i] is one-hot.
void describe_inputs(const Table& table, const std::vector<std::size_t>& inputs, const std::vector<bool>& categorical,
                     Preprocessing& preprocessing, Faults& faults);

/// Where a table holds each input column: by name, or by position in a table without a header that has just these.
[[nodiscard]] std::vector<std::size_t> match_inputs(const Preprocessing& preprocessing, const Table& table);

/// Appends the table's rows to `inputs`, n_inputs floats a row. at[i] is where it holds input column i.
void encode_inputs(const Preprocessing& preprocessing, const Table& table, const std::vector<std::size_t>& at,
                   std::vector<float>& inputs, Faults& faults);

/// Whether encoded input j is numeric, so that scaling applies to it.
[[nodiscard]] std::vector<bool> numeric_inputs(const Preprocessing& preprocessing);
/// Of encoded input j: what was subtracted before it was stored.
[[nodiscard]] std::vector<double> input_centres(const Preprocessing& preprocessing);

}  // namespace shoal::data
