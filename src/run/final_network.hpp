#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string_view>

#include "run/lone_training.hpp"
#include "run/prepared_sweep.hpp"
#include "run/setting_means.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// The network that a run hands out.
struct FinalNetwork {
  std::string id;                     ///< of a network that the directory stores
  std::optional<SettingRow> setting;  ///< whose it is, where a setting has several trials
  std::optional<MetricValues> test;   ///< on data.test
};

/// What a network's id ends with that was trained on all rows; before it stands its setting's.
inline constexpr std::string_view kAllRows = ".all";

/// Trains a setting alone for as many epochs as its folds' networks had on average. engine: over all rows. Nothing
/// where `stop` came first.
[[nodiscard]] std::optional<LoneNetwork> train_on_all_rows(Engine& engine, const PreparedSweep& sweep,
                                                           const store::RunDirectory& directory,
                                                           const SettingRow& setting, const std::stop_token& stop);

/// Chooses it when all trials have ended, and stores it where it is not stored yet. One trial a setting: the best one.
/// Repeats: the best one of the setting that wins. Folds: the setting that wins is trained once more, on all rows, for
/// as many epochs as its folds' networks had on average; its id is the setting's and `.all`. best_kept: of the stored
/// networks of trials. Empty id: nothing can be chosen. Nothing where `stop` came first.
[[nodiscard]] std::optional<FinalNetwork> final_network(const PreparedSweep& sweep, const SweepSpec& spec,
                                                        store::RunDirectory& directory, const std::string& best_kept,
                                                        const std::stop_token& stop);

}  // namespace shoal::run
