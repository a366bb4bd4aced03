#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "report/trial_table.hpp"
#include "report/validation_rows.hpp"
#include "shoal/run.hpp"

namespace shoal::report {

/// Trials that the page holds one by one; of more, the best ones and others evenly spread over the ranks.
inline constexpr std::size_t kMostShown = 20000;
inline constexpr std::size_t kBestShown = 2000;

/// What the page tells of as the best.
struct Winner {
  std::string setting;  ///< id; empty where settings have one trial each, or none has a mean
  std::string trial;    ///< id; empty where there is none
};

/// Everything that the page shows. Numbers have 6 significant digits: results.csv has all. settings: ranked; empty
/// where they have one trial each.
[[nodiscard]] nlohmann::ordered_json report_json(const store::RunDirectory& directory, RunState state,
                                                 const TrialTable& table, const std::vector<SettingRow>& settings,
                                                 const ValidationRows& rows, const Winner& winner);
/// The value with 6 significant digits.
[[nodiscard]] double six_digits(double value);

}  // namespace shoal::report
