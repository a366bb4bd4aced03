// Population based training: equal bits however it is trained, and every network again from its lineage.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <stop_token>

#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

/// 2 widths x 6 rates x 10 epochs, rungs after 2, 4, 6 and 8. Networks differ in width, so copies change it.
struct Population : testing::Test {
  Population() {
    small::write_classes(table);
    spec = small::sweep(table, Metric::val_loss, {0.0001, 0.001, 0.003, 0.01, 0.03, 0.1});
    spec.trainer.keep = 200;
    set("max_iter", {std::int64_t{10}});
    spec.early_terminate.type = Terminator::pbt;
    spec.early_terminate.interval = 2;
    spec.early_terminate.group = 8;
  }
  void set(const std::string& name, const std::vector<ParameterValue>& values) {
    std::erase_if(spec.axes, [&](const Axis& axis) { return axis.parameters.front() == name; });
    Axis axis{{name}, {}, {}, 0, 0};
    for (const ParameterValue& value : values) axis.values.push_back({value});
    spec.axes.push_back(axis);
  }
  [[nodiscard]] std::string file(const std::string& run, const std::string& name) const {
    return small::content(folder / (run + "/" + name));
  }
  void expect_equal(const std::string& a, const std::string& b) const {
    EXPECT_EQ(file(a, "results.csv"), file(b, "results.csv"));
    EXPECT_EQ(file(a, "lineage.csv"), file(b, "lineage.csv"));
  }
  /// Stops when so many network-epochs are done. Whether the run is not done yet.
  bool run_a_while(const std::string& name, std::uint64_t n_epochs) {
    std::stop_source source;
    RunOptions options;
    options.out = folder / name;
    options.resume = true;
    options.stop = source.get_token();
    std::optional<std::uint64_t> first;
    options.on_progress = [&](const Progress& progress) {
      if (!first) first = progress.epochs_done;
      if (progress.epochs_done >= *first + n_epochs) source.request_stop();
    };
    return run_sweep(spec, options).interrupted;
  }
  /// Every network of a run, alone. How many of them were copies.
  int replay_all(const std::string& name) {
    int n_copies = 0;
    const store::RunDirectory directory = store::RunDirectory::open(folder / name);
    directory.for_each([&](const store::StoredRow& row, double) {
      if (row.status == TrialStatus::diverged) return;
      const Replay found = replay(spec, folder / name, row.id);
      EXPECT_EQ(found.n_different, 0U) << row.id;
      EXPECT_GT(found.n_parameters, 0U);
      const bool is_copy = !directory.lineage(row.id).empty();
      EXPECT_EQ(found.n_segments > 1, is_copy) << row.id;
      if (!is_copy) {
        EXPECT_EQ(found.ancestor, row.id);
      }
      if (is_copy) ++n_copies;
    });
    return n_copies;
  }

  small::Folder folder;
  fs::path table = folder / "classes.csv";
  SweepSpec spec;
};

TEST_F(Population, CopiesBetterNetworksAndWritesDownHow) {
  const RunSummary summary = small::run_into(spec, folder / "run");
  EXPECT_EQ(summary.n_done, 12U);
  EXPECT_EQ(summary.n_pruned, 0U);
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  EXPECT_EQ(directory.manifest().epochs_trained, 120U);
  // Groups of 8 and 4 settings: 2 and 1 copies at each of four rungs, and each changes its rate.
  EXPECT_EQ(small::lines(file("run", "lineage.csv")).size(), 1U + 4 * 3);
  std::set<std::string> rates;
  directory.for_each([&](const store::StoredRow& row, double) {
    EXPECT_EQ(row.status, TrialStatus::finished);
    EXPECT_EQ(directory.curve(row.id).size(), 10U);
    const std::map<std::string, std::string> parameters(row.parameters.begin(), row.parameters.end());
    rates.insert(parameters.at("learning_rate_init"));
    const std::vector<Takeover> lineage = directory.lineage(row.id);
    if (lineage.empty()) return;
    // Its results have the numbers that it ended with.
    EXPECT_EQ(text(ParameterValue(lineage.back().changes.at(0).second)), parameters.at("learning_rate_init"));
  });
  EXPECT_GT(rates.size(), 3U);
  EXPECT_FALSE(fs::exists(folder / "run" / "checkpoint"));
}

TEST_F(Population, WritesNoLineageOfOtherSweeps) {
  spec.early_terminate.type = Terminator::median;
  small::run_into(spec, folder / "run");
  EXPECT_FALSE(fs::exists(folder / "run" / "lineage.csv"));
}

TEST_F(Population, WritesEqualBytesForAnyNumberOfThreadsAndMemory) {
  spec.data.cv = 3;
  spec.trainer.threads = 1;
  small::run_into(spec, folder / "one");
  spec.trainer.threads = 2;
  spec.trainer.memory_bytes = plan_sweep(spec).predicted_bytes - 1;
  ASSERT_GT(plan_sweep(spec).n_chunks, 1U);
  small::run_into(spec, folder / "two");
  expect_equal("one", "two");
}

TEST_F(Population, TrainsEveryNetworkAgainFromItsLineage) {
  small::run_into(spec, folder / "run");
  EXPECT_GE(replay_all("run"), 3);
}

TEST_F(Population, TrainsNetworksWithVelocityDropoutAndPatienceAgainFromTheirLineage) {
  spec.repeat = 2;
  set("solver", {std::string("sgd")});
  set("momentum", {0.0, 0.5, 0.9});
  set("dropout", {0.0, 0.2});
  set("n_iter_no_change", {std::int64_t{2}});
  spec.early_terminate.resample = 0.5;  // momentum and dropout come and go
  spec.early_terminate.group = 40;
  small::run_into(spec, folder / "run");
  EXPECT_GE(replay_all("run"), 10);
  EXPECT_NE(file("run", "lineage.csv").find(",momentum,0\n"), std::string::npos);
  EXPECT_NE(file("run", "lineage.csv").find(",dropout,0\n"), std::string::npos);
}

TEST_F(Population, GivesACopyWithPatienceTheTrainLossOfItsBestEpoch) {
  set("n_iter_no_change", {std::int64_t{50}});
  small::run_into(spec, folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  directory.for_each([&](const store::StoredRow& row, double) {
    // The one whose network it was at its best epoch.
    std::string id = row.id;
    for (std::uint32_t end = 10; end >= row.best_epoch;) {
      std::vector<Takeover> before = directory.lineage(id);
      std::erase_if(before, [&](const Takeover& takeover) { return takeover.epoch >= end; });
      if (before.empty() || before.back().epoch < row.best_epoch) break;
      id = before.back().parent;
      end = before.back().epoch;
    }
    EXPECT_EQ(row.metrics.of(Metric::train_loss), directory.curve(id).at(row.best_epoch - 1).train_loss) << row.id;
    EXPECT_EQ(row.metrics.of(Metric::val_loss), directory.curve(id).at(row.best_epoch - 1).val_loss) << row.id;
  });
}

TEST_F(Population, RevivesWhatDiverges) {
  set("learning_rate_init", {0.001, 0.01, 0.03, 1e30});
  spec.early_terminate.resample = 0;
  small::run_into(spec, folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  EXPECT_EQ(directory.totals().n_diverged, 0U);
  EXPECT_GE(replay_all("run"), 2);
  // The two that diverged in the first epoch have trained one epoch less before they became copies after two.
  EXPECT_EQ(directory.manifest().epochs_trained, directory.totals().n_epochs);
  EXPECT_LT(directory.totals().n_epochs, 80U);
}

TEST_F(Population, GoesOnFromWhereItWasStoppedToTheSameBytes) {
  spec.data.cv = 2;
  set("learning_rate_init", {0.0001, 0.001, 0.003, 0.01, 0.03, 1e30});
  small::run_into(spec, folder / "whole");
  for (int n = 0; run_a_while("stopped", 17); ++n) ASSERT_LT(n, 100);
  expect_equal("whole", "stopped");
  const store::Manifest whole = store::RunDirectory::open(folder / "whole").manifest();
  const store::Manifest stopped = store::RunDirectory::open(folder / "stopped").manifest();
  EXPECT_EQ(stopped.epochs_trained - stopped.epochs_recomputed, whole.epochs_trained);
  EXPECT_EQ(stopped.winner, whole.winner);
}

TEST_F(Population, GoesBackToItsCheckpointWhereResultsAreAheadOfIt) {
  spec.trainer.threads = 1;
  set("max_iter", {std::int64_t{3}, std::int64_t{10}});  // some end while others are still copied
  spec.early_terminate.quantile = 0.5;                   // so that those that end were copied by others
  small::run_into(spec, folder / "whole");
  ASSERT_TRUE(run_a_while("killed", 0));
  fs::copy(folder / "killed" / "checkpoint", folder / "early", fs::copy_options::recursive);
  for (int n = 0; store::RunDirectory::open(folder / "killed").size() == 0; ++n) {
    ASSERT_LT(n, 100);
    ASSERT_TRUE(run_a_while("killed", 0));
  }
  // As if it had been killed between its last results and the checkpoint that belongs to them.
  fs::remove_all(folder / "killed" / "checkpoint");
  fs::copy(folder / "early", folder / "killed" / "checkpoint", fs::copy_options::recursive);
  EXPECT_EQ(small::run_into(spec, folder / "killed", true).n_done, 24U);
  expect_equal("whole", "killed");
}

TEST_F(Population, BeginsAnewWhereResultsThatItsCheckpointCountsAreLost) {
  spec.trainer.threads = 1;
  set("max_iter", {std::int64_t{3}, std::int64_t{10}});
  spec.early_terminate.quantile = 0.5;  // so that some are copies when they end
  small::run_into(spec, folder / "whole");
  ASSERT_TRUE(run_a_while("damaged", 0));
  ASSERT_EQ(store::RunDirectory::open(folder / "damaged").size(), 0U);
  fs::copy(folder / "damaged" / "results.sqlite", folder / "early");
  for (int n = 0; store::RunDirectory::open(folder / "damaged").size() == 0; ++n) {
    ASSERT_LT(n, 100);
    ASSERT_TRUE(run_a_while("damaged", 0));
  }
  // As where SQLite finds that what was written last is damaged.
  fs::copy(folder / "early", folder / "damaged" / "results.sqlite", fs::copy_options::overwrite_existing);
  RunOptions options;
  options.out = folder / "damaged";
  options.resume = true;
  std::string notes;
  options.on_start = [&](const PlanSummary& plan, const fs::path&) {
    for (const std::string& note : plan.notes) notes += note + '\n';
  };
  EXPECT_EQ(run_sweep(spec, options).n_done, 24U);
  EXPECT_NE(notes.find("cannot be used: results are lost: "), std::string::npos) << notes;
  expect_equal("whole", "damaged");
}

TEST_F(Population, HandsOutANetworkOfAllRowsThatFollowsTheLineageOfItsSetting) {
  spec.data.cv = 2;
  const RunSummary summary = small::run_into(spec, folder / "run");
  ASSERT_TRUE(summary.winner.ends_with(".all"));
  const Replay found = replay(spec, folder / "run", "best");
  EXPECT_EQ(found.id, summary.winner);
  EXPECT_EQ(found.n_different, 0U);
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  const std::string first_fold = summary.setting->id + ".f0";
  EXPECT_EQ(directory.network(found.id).trial.topology, directory.network(first_fold).trial.topology);
  EXPECT_EQ(directory.network(found.id).trial.hyperparameters, directory.network(first_fold).trial.hyperparameters);
}

TEST_F(Population, TrainsAdaptiveRatesOnAllRowsThroughTheLineage) {
  spec.data.cv = 2;
  set("solver", {std::string("sgd")});
  set("learning_rate", {std::string("adaptive")});
  set("n_iter_no_change", {std::int64_t{3}});
  const RunSummary summary = small::run_into(spec, folder / "run");
  ASSERT_TRUE(summary.winner.ends_with(".all"));
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  EXPECT_EQ(directory.network(summary.winner).trial.hyperparameters.n_iter_no_change, 3);
  EXPECT_EQ(replay(spec, folder / "run", "best").n_different, 0U);
}

TEST_F(Population, CountsACopyAsLargeAsItsNetworkWhereSmallOnesArePreferred) {
  spec.data.cv = 3;
  spec.choice = Choice::one_standard_error;
  spec.trainer.seed = 22;
  const RunSummary summary = small::run_into(spec, folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  const auto size_of = [&](const std::string& setting) {
    return directory.network(setting + ".f0").trial.topology.n_parameters();
  };
  const std::vector<SettingRow> rows = setting_board(folder / "run", 12).rows;
  std::string smallest;
  bool some_changed = false;
  for (const SettingRow& row : rows) {
    if (row.mean > rows[0].mean + rows[0].standard_error) break;
    if (smallest.empty() || size_of(row.id) < size_of(smallest)) smallest = row.id;
    some_changed = some_changed || !directory.lineage(row.id + ".f0").empty();
  }
  EXPECT_TRUE(some_changed);
  EXPECT_NE(smallest, rows[0].id);
  EXPECT_EQ(summary.winner, smallest + ".all");
}

TEST_F(Population, TrainsAWinnerAgainThatWasNotAmongTheBestTrials) {
  spec.repeat = 2;
  const RunSummary all = small::run_into(spec, folder / "all");
  spec.trainer.keep = 1;
  const RunSummary one = small::run_into(spec, folder / "one");
  EXPECT_EQ(one.winner, all.winner);
  EXPECT_EQ(store::RunDirectory::open(folder / "one").network(one.winner).parameters,
            store::RunDirectory::open(folder / "all").network(all.winner).parameters);
}

TEST_F(Population, SaysWhatItCannotReplay) {
  small::run_into(spec, folder / "run");
  EXPECT_THROW((void)replay(spec, folder / "run", "nobody"), InputError);
  EXPECT_THROW((void)sweep_of(folder / "none"), InputError);
  small::write_regression(table);
  EXPECT_THROW((void)replay(spec, folder / "run", "best"), InputError);
}

TEST_F(Population, ReplaysACopyOnceItsParentHasEnded) {
  small::run_into(spec, folder / "run");
  std::string copy;
  std::string parent;
  {
    store::RunDirectory directory = store::RunDirectory::open(folder / "run");
    directory.for_each([&](const store::StoredRow& row, double) {
      const std::vector<Takeover> lineage = directory.lineage(row.id);
      if (lineage.empty()) return;
      copy = row.id;
      parent = lineage.back().parent;
    });
    ASSERT_FALSE(copy.empty());
    directory.remove(parent);
    directory.flush(directory.manifest());
  }
  try {
    (void)replay(spec, folder / "run", copy);
    ADD_FAILURE() << copy << " was trained without its parent";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()), (folder / "run").string() + ": " + copy + " is a copy of " + parent +
                                             ", which has not ended: resume the run first");
  }
  small::run_into(spec, folder / "run", true);
  EXPECT_EQ(replay(spec, folder / "run", copy).n_different, 0U);
}

TEST_F(Population, FindsAnotherBitInAStoredNetwork) {
  const RunSummary summary = small::run_into(spec, folder / "run");
  {
    store::RunDirectory directory = store::RunDirectory::open(folder / "run");
    store::StoredNetwork network = directory.network(summary.winner);
    network.parameters.back() = std::nextafter(network.parameters.back(), 0.0F);
    directory.keep(network);
  }
  EXPECT_EQ(replay(spec, folder / "run", "best").n_different, 1U);
}

}  // namespace
}  // namespace shoal
