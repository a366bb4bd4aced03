#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// All settings of a run, best first, as setting_board() ranks them; without parameters.
[[nodiscard]] std::vector<SettingRow> setting_means(const store::RunDirectory& directory, Metric metric, bool maximize);

/// Which of these settings wins. one_standard_error: of those that are no further from the best mean than its standard
/// error and ended like it, the one with fewest parameters; ties by rank. n_parameters: of a setting's network, by id.
/// Null where no setting has a mean.
[[nodiscard]] const SettingRow* chosen(const std::vector<SettingRow>& ranked, Choice choice,
                                       const std::function<std::uint64_t(const std::string& id)>& n_parameters);

}  // namespace shoal::run
