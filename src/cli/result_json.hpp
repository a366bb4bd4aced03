#pragma once

#include <nlohmann/json_fwd.hpp>

#include "shoal/run.hpp"

namespace shoal::cli {

/// What several commands print with --json. A number that is not finite is null.
[[nodiscard]] nlohmann::ordered_json json_of(const Leaderboard& board);
[[nodiscard]] nlohmann::ordered_json json_of(const SettingRow& row);
[[nodiscard]] nlohmann::ordered_json json_of(const SettingBoard& board);
[[nodiscard]] nlohmann::ordered_json json_of(const MetricValues& values);

}  // namespace shoal::cli
