#include "run/final_network.hpp"

#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <stop_token>

#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

std::vector<float> parameters(const fs::path& run, const std::string& id) {
  return store::RunDirectory::open(run).network(id).parameters;
}

/// A sweep of one setting over rows that are all validated on as well is what trains on all rows.
TEST(FinalNetwork, OfFoldsIsTheWinningSettingTrainedOnAllRows) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  spec.data.cv = 3;
  spec.data.test = folder / "classes.csv";
  const RunSummary summary = small::run_into(spec, folder / "folds");
  ASSERT_TRUE(summary.setting.has_value());
  EXPECT_EQ(summary.winner, summary.setting->id + ".all");
  EXPECT_EQ(summary.setting->n_trials, 3U);

  SweepSpec all = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  all.data.validation = folder / "classes.csv";
  all.trainer.keep = 4;
  small::run_into(all, folder / "all");
  EXPECT_EQ(parameters(folder / "folds", summary.winner), parameters(folder / "all", summary.setting->id));
  // What is validated on is what was trained on, and here what is tested on.
  const store::StoredRow row = store::RunDirectory::open(folder / "all").row(summary.setting->id);
  EXPECT_EQ(summary.test->of(Metric::val_accuracy), row.metrics.of(Metric::val_accuracy));
  const Predictions of_best = predict(folder / "folds", "best", folder / "classes.csv");
  EXPECT_EQ(of_best.ids, std::vector<std::string>{summary.winner});
  EXPECT_EQ(of_best.values, predict(folder / "all", summary.setting->id, folder / "classes.csv").values);
}

TEST(FinalNetwork, IsTheSmallestWithinAStandardErrorWhereThatIsAsked) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  spec.data.cv = 3;
  spec.choice = Choice::one_standard_error;
  const RunSummary summary = small::run_into(spec, folder / "run");
  const SettingBoard board = setting_board(folder / "run", 4);
  const auto width = [](const SettingRow& row) { return std::stoi(row.parameters.at(0).second.substr(1)); };
  const SettingRow* expected = &board.rows.front();
  for (const SettingRow& row : board.rows) {
    const bool is_near = board.rows[0].mean - row.mean <= board.rows[0].standard_error;
    if (is_near && width(row) < width(*expected)) expected = &row;
  }
  EXPECT_EQ(board.rows[0].parameters.at(0).first, "hidden_layer_sizes");
  EXPECT_EQ(summary.setting->id, expected->id);
}

/// A run that is stopped when its folds are trained, and what its checkpoint has then.
TEST(FinalNetwork, OfAllRowsGoesOnFromTheCheckpoint) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  spec.data.cv = 3;
  const RunSummary whole = small::run_into(spec, folder / "whole");
  for (const bool planted : {false, true}) {
    const fs::path run = folder / (planted ? "planted" : "stopped");
    std::stop_source source;
    RunOptions options;
    options.out = run;
    options.stop = source.get_token();
    options.on_refit = [&](const SettingRow&) { source.request_stop(); };
    EXPECT_TRUE(run_sweep(spec, options).interrupted);
    {
      store::RunDirectory directory = store::RunDirectory::open(run);
      std::vector<std::string> notes;
      store::Checkpoint checkpoint = directory.checkpoints().read(directory.results_mark(), notes);
      ASSERT_EQ(checkpoint.size(), 1U);
      PausedTrial& paused = checkpoint.at(whole.winner);
      EXPECT_EQ(paused.state.epoch, 0U);
      if (planted) paused.state.parameters.at(0) += 1;
      const PausedTrial* const trials[] = {&paused};
      directory.checkpoints().write(trials, directory.results_mark());
    }
    EXPECT_EQ(small::run_into(spec, run, true).winner, whole.winner);
    EXPECT_EQ(parameters(run, whole.winner) == parameters(folder / "whole", whole.winner), !planted);
    EXPECT_FALSE(fs::exists(run / "checkpoint"));
  }
}

TEST(LoneTraining, GivesTheSameBitsWhereverItGoesOn) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  const run::PreparedSweep sweep = run::prepare(spec);
  Trial trial = sweep.trials.at(0);
  trial.hyperparameters.max_iter = 60;
  const run::Lineage lineage{trial, trial, {{10, "parent", {{"learning_rate_init", 0.02}}, 0}}};
  std::vector<run::LoneNetwork> paused;
  const auto train = [&](const run::Pauses& pauses) {
    return run::train_alone(*sweep.engine, sweep.initial_parameters, lineage, 50, {}, pauses).value();
  };
  const run::LoneNetwork whole = train({});
  EXPECT_EQ(train({.save = [&](const run::LoneNetwork& network) { paused.push_back(network); }}).state.parameters,
            whole.state.parameters);
  ASSERT_GE(paused.size(), 4U);
  EXPECT_LT(paused.front().state.epoch, 10U);
  EXPECT_GT(paused.back().state.epoch, 10U);
  for (const run::LoneNetwork& network : paused) {
    const run::LoneNetwork again = train({.from = network.state});
    EXPECT_EQ(again.state.parameters, whole.state.parameters) << network.state.epoch;
    EXPECT_EQ(again.trial.hyperparameters.learning_rate_init, 0.02);
  }
}

/// One row is a million away. Who trains on it diverges: the settings that go on after the first fold, in their second
/// one, and on all rows the setting that was ended before it met that row.
TEST(FinalNetwork, OfASettingThatARungEndedIsOfAFoldThatItHas) {
  const small::Folder folder;
  std::ofstream table(folder / "far.csv");
  table << "x,y\n";
  for (int i = 0; i < 60; ++i) table << 0.1 * (i % 21) - 1 << ',' << 0.05 * (i % 17) << '\n';
  table << "1e6,3\n";
  table.close();
  const SweepSpec spec = parse_sweep(
      "data: {train: far.csv, target: y, cv: 2, scale: none}\n"
      "metric: {name: val_loss}\n"
      "early_terminate: {type: halving, min_iter: 2, eta: 3, folds: 1}\n"
      "trainer: {engine: cpu}\n"
      "parameters: {hidden_layer_sizes: {values: [[4], [8], [16]]}, solver: sgd, loss: squared_error,\n"
      "  learning_rate_init: {values: [1e-2, 2e-2]}, batch_size: 16, max_iter: 6}\n",
      "s.yaml", folder / "");
  const RunSummary summary = small::run_into(spec, folder / "run");
  EXPECT_FALSE(summary.interrupted);
  ASSERT_TRUE(summary.setting.has_value());
  EXPECT_EQ(summary.setting->n_trials, 1U);
  EXPECT_TRUE(summary.winner.starts_with(summary.setting->id + ".f")) << summary.winner;
  EXPECT_EQ(summary.notes.back(),
            "setting " + summary.setting->id + " diverges on all rows: the network of its best fold is handed out");
}

TEST(FinalNetwork, IsTrainedAgainWhereItsFileIsLost) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  const RunSummary whole = small::run_into(spec, folder / "run");
  const std::vector<float> expected = parameters(folder / "run", whole.winner);
  fs::remove(folder / ("run/models/" + whole.winner + ".safetensors"));
  std::string manifest = small::content(folder / "run/manifest.json");
  manifest.replace(manifest.find("\"done\""), 6, "\"interrupted\"");
  std::ofstream(folder / "run/manifest.json") << manifest;
  EXPECT_EQ(small::run_into(spec, folder / "run", true).winner, whole.winner);
  EXPECT_EQ(parameters(folder / "run", whole.winner), expected);
}

TEST(FinalNetwork, IsTrainedAgainWhereItsFileIsDamaged) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  for (const bool has_folds : {false, true}) {
    if (has_folds) spec.data.cv = 2;
    const fs::path run = folder / (has_folds ? "folds" : "run");
    const RunSummary whole = small::run_into(spec, run);
    const std::vector<float> expected = parameters(run, whole.winner);
    const fs::path file = run / "models" / (whole.winner + ".safetensors");
    std::string bytes = small::content(file);
    bytes.back() = static_cast<char>(bytes.back() ^ 1);
    std::ofstream(file, std::ios::binary) << bytes;
    try {
      (void)parameters(run, whole.winner);
      ADD_FAILURE() << "damage was not noticed";
    } catch (const Error& error) {
      EXPECT_EQ(std::string(error.what()),
                file.string() +
                    ": not a stored network: its checksum does not fit; --resume removes the file and "
                    "trains the network again if it is the one that the run hands out");
    }
    EXPECT_EQ(small::run_into(spec, run, true).winner, whole.winner);
    EXPECT_EQ(parameters(run, whole.winner), expected);
  }
}

TEST(FinalNetwork, OfRepeatsIsTheBestTrialOfTheWinningSetting) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  spec.repeat = 3;
  spec.trainer.keep = 12;
  const RunSummary whole = small::run_into(spec, folder / "whole");
  spec.trainer.keep = 0;
  const RunSummary one = small::run_into(spec, folder / "one");
  EXPECT_EQ(one.winner, whole.winner);
  EXPECT_EQ(parameters(folder / "one", one.winner), parameters(folder / "whole", whole.winner));
  const SettingBoard board = setting_board(folder / "one", 2);
  ASSERT_EQ(board.rows.size(), 2U);
  EXPECT_EQ(board.n_settings, 4U);
  EXPECT_EQ(board.n_trials, 12U);
  EXPECT_EQ(board.rows[0].id, one.setting->id);
  EXPECT_TRUE(one.winner.starts_with(one.setting->id));
  ASSERT_EQ(board.rows[0].parameters.size(), 2U);  // the seeds differ, but within a setting
  EXPECT_EQ(board.rows[0].parameters[0].first, "hidden_layer_sizes");
  EXPECT_EQ(board.rows[0].parameters[1].first, "learning_rate_init");
  EXPECT_TRUE(settings_have_several_trials(folder / "one"));
}

}  // namespace
}  // namespace shoal
