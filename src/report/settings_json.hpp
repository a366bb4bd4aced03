#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string_view>
#include <vector>

#include "report/trial_table.hpp"
#include "shoal/run.hpp"

namespace shoal::report {

/// The settings of a run whose settings have several trials each, as columns, best first; more than kMostShown are
/// thinned like trials. `codes` are places in the levels of the table's parameters, null where a setting's trials
/// differ. `winner` is the row of the setting of this id. Null where there are no settings.
[[nodiscard]] nlohmann::ordered_json settings_json(const std::vector<SettingRow>& settings, const TrialTable& table,
                                                   std::string_view winner);

}  // namespace shoal::report
