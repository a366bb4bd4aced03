#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::store {

/// All settings of a run, best first, as setting_board() ranks them; without parameters. Means as search::mean() rounds
/// them.
[[nodiscard]] std::vector<SettingRow> setting_means(const RunDirectory& directory, Metric metric, bool maximize);

/// Whether a trial is not the first repeat of its setting, so that its seed is not the setting's.
[[nodiscard]] bool is_repeat(std::string_view id);

/// Those of these settings that may win: the best one; for one_standard_error all that are no further from its mean
/// than its standard error, ended like it and, where it has all of its trials, have theirs. Of them wins the one with
/// fewest parameters, ties by rank. Empty where no setting ended with a mean.
[[nodiscard]] std::vector<SettingRow> contenders(const std::vector<SettingRow>& ranked, Choice choice);

}  // namespace shoal::store
