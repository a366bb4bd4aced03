#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::report {

/// One parameter of all trials, each different text once.
struct ParameterColumn {
  std::string name;
  std::vector<std::string> levels;   ///< numbers ascending, else as texts; "": the trial does not use the parameter
  std::vector<std::uint32_t> codes;  ///< [trial], places in levels
  std::vector<double> numbers;       ///< [level], NaN for ""; empty where some level is no number
};

/// The trials of a run by columns, best first: diverged ones last, before them those without the metric; ties by id.
struct TrialTable {
  std::vector<std::string> ids;
  std::vector<TrialStatus> statuses;
  std::vector<std::uint32_t> epochs, best_epochs;
  std::vector<double> seconds;
  std::vector<MetricValues> metrics;
  std::vector<double> ranked;               ///< the metric that ranks
  std::vector<ParameterColumn> parameters;  ///< those with at least two values; not to have one is none

  [[nodiscard]] std::size_t size() const noexcept { return ids.size(); }
};
[[nodiscard]] TrialTable read_trials(const store::RunDirectory& directory);

/// The id of a trial's setting: what stands before `.rN` and `.fN`.
[[nodiscard]] std::string_view setting_of(std::string_view id);

/// Whether numbers are spread as powers are, so that an axis should be logarithmic: all are positive, the largest is at
/// least 8 times the smallest, and the median lies nearer to the middle on a logarithmic axis than on a linear one.
[[nodiscard]] bool is_spread_by_factors(const std::vector<double>& numbers);

}  // namespace shoal::report
