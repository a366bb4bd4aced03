#pragma once

#include <nlohmann/json_fwd.hpp>

#include "shoal/run.hpp"
#include "shoal/trial.hpp"

namespace shoal::store {

/// A trial as JSON: every member under its own name, enumerations as the sweep file's words. Numbers read back exactly.
[[nodiscard]] nlohmann::ordered_json to_json(const Trial& trial);
/// Error where a member is missing, has the wrong type or an unknown word.
[[nodiscard]] Trial trial_from_json(const nlohmann::json& json);

[[nodiscard]] nlohmann::ordered_json to_json(const Takeover& takeover);
[[nodiscard]] Takeover takeover_from_json(const nlohmann::json& json);

/// Metrics by name; those that are NaN are left out, infinities are the words `inf` and `-inf`.
[[nodiscard]] nlohmann::ordered_json to_json(const MetricValues& values);
[[nodiscard]] MetricValues metrics_from_json(const nlohmann::json& json);

}  // namespace shoal::store
