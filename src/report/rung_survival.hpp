#pragma once

#include <cstdint>
#include <vector>

#include "report/trial_table.hpp"

namespace shoal::report {

/// What a rung of early_terminate left of the settings. Settings whose folds and repeats are still in training count as
/// far as they have come.
struct Rung {
  std::uint32_t epoch = 0;
  std::uint64_t n_ended_before = 0;  ///< by themselves since the rung before: finished, stopped or diverged
  std::uint64_t n_pruned = 0;        ///< ended by this rung
  std::uint64_t n_left = 0;          ///< trained on
};
/// Every rung that ended a setting, ascending; empty where none did. n_settings: all, whether they passed rungs or not.
struct RungSurvival {
  std::uint64_t n_settings = 0;
  std::vector<Rung> rungs;
};
[[nodiscard]] RungSurvival rung_survival(const TrialTable& table);

}  // namespace shoal::report
