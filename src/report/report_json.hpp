#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "report/trial_table.hpp"
#include "report/validation_rows.hpp"

namespace shoal::report {

/// Trials that the page holds one by one; of more, the best 2000 and others evenly spread over the ranks.
inline constexpr std::size_t kMostShown = 20000;

/// Everything that the page shows. Numbers have 6 significant digits: results.csv has all.
[[nodiscard]] nlohmann::ordered_json report_json(const store::RunDirectory& directory, const TrialTable& table,
                                                 const ValidationRows& rows, const std::string& winner);
/// The value with 6 significant digits.
[[nodiscard]] double six_digits(double value);

}  // namespace shoal::report
