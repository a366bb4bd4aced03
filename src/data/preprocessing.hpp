#pragma once

#include <nlohmann/json.hpp>

#include "shoal/data.hpp"

namespace shoal {

/// What predictions need of a dataset, as JSON; every number reads back exactly.
[[nodiscard]] nlohmann::json to_json(const Preprocessing& preprocessing);
[[nodiscard]] Preprocessing preprocessing_from_json(const nlohmann::json& json);
/// The scalings of a split; its rows are not part of it.
[[nodiscard]] nlohmann::json to_json(const Split& split);
[[nodiscard]] Split split_from_json(const nlohmann::json& json);

}  // namespace shoal
