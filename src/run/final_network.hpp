#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "run/lone_training.hpp"
#include "run/prepared_sweep.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal::run {

/// The network that a run hands out.
struct FinalNetwork {
  std::string id;                     ///< of a network that the directory stores; empty where nothing can be chosen
  std::optional<SettingRow> setting;  ///< whose it is, where a setting has several trials
  std::optional<MetricValues> test;   ///< on data.test
  std::string note;                   ///< what a person should know of it
};

/// What a network's id ends with that was trained on all rows; before it stands its setting's.
inline constexpr std::string_view kAllRows = ".all";

/// A sweep's table with all rows in training, and an engine over it that takes the memory of the sweep's, which is
/// gone.
struct AllRows {
  AllRows(PreparedSweep& sweep, const SweepSpec& spec);

  Dataset dataset;
  std::unique_ptr<Engine> engine;
};
/// Trains a setting alone, on all rows, for as many epochs as its folds' networks had on average: with the numbers that
/// it had at each epoch, where it became a copy in a population. Nothing where `stop` came first.
[[nodiscard]] std::optional<LoneNetwork> train_on_all_rows(AllRows& all, const PreparedSweep& sweep,
                                                           const store::RunDirectory& directory,
                                                           const SettingRow& setting, const std::stop_token& stop,
                                                           const Pauses& pauses = {});

/// Chooses it when all trials have ended, and trains and stores it where it is not stored. One trial a setting: the
/// best one. Repeats: the best one of the setting that wins. Folds: the setting that wins is trained once more, on all
/// rows, for as many epochs as its folds' networks had on average, the best ones where patience is on; its id is the
/// setting's and `.all`. Where that diverges, its best fold's. Nothing where `stop` came first. Takes the sweep's
/// engine. refit: what a checkpoint has of the training on all rows; checkpoints have it from now on.
[[nodiscard]] std::optional<FinalNetwork> final_network(PreparedSweep& sweep, const SweepSpec& spec,
                                                        store::RunDirectory& directory, const RunOptions& options,
                                                        const std::optional<PausedTrial>& refit);

}  // namespace shoal::run
