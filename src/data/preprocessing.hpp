#pragma once

#include <string>
#include <string_view>

#include "shoal/data.hpp"

namespace shoal {

/// What predictions need of a dataset, as JSON; every number reads back exactly.
[[nodiscard]] std::string to_json(const Preprocessing& preprocessing);
[[nodiscard]] Preprocessing preprocessing_from_json(std::string_view text);
/// The scalings of a split; its rows are not part of it.
[[nodiscard]] std::string to_json(const Split& split);
[[nodiscard]] Split split_from_json(std::string_view text);

}  // namespace shoal
