#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <vector>

#include "shoal/data.hpp"

namespace shoal::run {

/// How a table's rows become inputs, as the manifest holds it.
[[nodiscard]] nlohmann::json preprocessing_json(const Preprocessing& preprocessing);
[[nodiscard]] Preprocessing preprocessing_from(const nlohmann::json& json);
/// The scaling of every split, in their order; the rows are not stored.
[[nodiscard]] nlohmann::json splits_json(std::span<const Split> splits);
[[nodiscard]] std::vector<Split> splits_from(const nlohmann::json& json);

/// Scales encoded inputs [n_rows, n_inputs] in place, in float, as training did.
void scale_rows(const InputScaling& scaling, std::span<float> inputs);
/// An output of a regression network in the table's own units.
[[nodiscard]] double in_table_units(const Preprocessing& preprocessing, const TargetScaling& scaling,
                                    std::size_t output, float value);

}  // namespace shoal::run
