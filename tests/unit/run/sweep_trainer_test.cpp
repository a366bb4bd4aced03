#include <algorithm>
#include <chrono>
#include <filesystem>
#include <gtest/gtest.h>
#include <map>
#include <stop_token>
#include <thread>

#include "run/chosen_networks.hpp"
#include "shoal/run.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

/// 2 widths x 6 rates x 8 epochs over three folds.
struct SweepTrainer : testing::Test {
  SweepTrainer() {
    small::write_classes(table);
    spec = small::sweep(table, Metric::val_loss, {0.0001, 0.001, 0.003, 0.01, 0.03, 0.1});
    spec.data.cv = 3;
    for (Axis& axis : spec.axes) {
      if (axis.parameters.front() == "max_iter") axis.values = {{std::int64_t{8}}};
    }
    terminate(Terminator::halving);
  }
  void terminate(Terminator type) {
    spec.early_terminate.type = type;
    spec.early_terminate.eta = 2;
    spec.early_terminate.grace = 2;
    spec.early_terminate.every = 2;
    spec.early_terminate.group = 8;
  }
  [[nodiscard]] std::string results(const std::string& run) const {
    return small::content(folder / (run + "/results.csv"));
  }
  /// Trials by epochs.
  [[nodiscard]] std::map<std::uint32_t, int> lengths(const std::string& run) const {
    std::map<std::uint32_t, int> n;
    const store::RunDirectory directory = store::RunDirectory::open(folder / run);
    for (const store::StoredRow& row : directory.best(1000, Metric::val_loss, false)) {
      EXPECT_EQ(row.status, row.epochs == 8 ? TrialStatus::finished : TrialStatus::pruned) << row.id;
      EXPECT_EQ(directory.curve(row.id).size(), row.epochs);
      ++n[row.epochs];
    }
    return n;
  }
  /// Stopped a moment after its training begins, ever later, until the run is done. How often it was stopped.
  int run_with_stops(const std::string& name, Progress* last = nullptr) {
    for (int n = 0;; ++n) {
      std::stop_source source;
      std::jthread stopper;
      RunOptions options;
      options.out = folder / name;
      options.resume = true;
      options.stop = source.get_token();
      options.on_progress = [&](const Progress& progress) {
        if (last != nullptr) *last = progress;
      };
      options.on_start = [&](const PlanSummary&, const fs::path&) {
        stopper = std::jthread([&source, n] {
          std::this_thread::sleep_for(std::chrono::milliseconds(2 * n));
          source.request_stop();
        });
      };
      if (!run_sweep(spec, options).interrupted) return n;
    }
  }

  small::Folder folder;
  fs::path table = folder / "classes.csv";
  SweepSpec spec;
};

TEST_F(SweepTrainer, EndsTheWorseHalfOfSettingsAtEveryRung) {
  const RunSummary summary = small::run_into(spec, folder / "run");
  // Groups of 8 and 4 settings of three folds: rungs after 1, 2 and 4 epochs leave 4, 2, 1 and 2, 1, 1 of them.
  EXPECT_EQ(lengths("run"), (std::map<std::uint32_t, int>{{1, 18}, {2, 9}, {4, 3}, {8, 6}}));
  EXPECT_EQ(summary.n_done, 36U);
  EXPECT_EQ(summary.n_pruned, 30U);
  EXPECT_FALSE(fs::exists(folder / "run" / "checkpoint"));
  EXPECT_EQ(store::RunDirectory::open(folder / "run").manifest().epochs_trained, 18 + 2 * 9 + 4 * 3 + 8 * 6U);
}

TEST_F(SweepTrainer, RanksStoredNetworksOfPrunedTrialsBehindThoseThatRanToTheirEnd) {
  spec.early_terminate.group = 4;  // of which one setting runs to its end, however good the other groups are
  spec.trainer.keep = 36;
  small::run_into(spec, folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  std::vector<std::string> ranked;
  double worst_finished = 0;
  double best_pruned = 1e9;
  for (const store::StoredRow& row : directory.best(36, Metric::val_loss, false)) {
    ranked.push_back(row.id);
    const double loss = row.metrics.of(Metric::val_loss);
    if (row.status == TrialStatus::pruned) best_pruned = std::min(best_pruned, loss);
    if (row.status == TrialStatus::finished) worst_finished = std::max(worst_finished, loss);
  }
  EXPECT_LT(best_pruned, worst_finished) << "by their losses alone the order would be another";
  EXPECT_EQ(run::best_stored(directory, 36), ranked);
}

TEST_F(SweepTrainer, GivesAPrunedTrialTheValuesOfTheWholeRunAtItsRung) {
  small::run_into(spec, folder / "pruned");
  terminate(Terminator::none);
  small::run_into(spec, folder / "whole");
  const store::RunDirectory pruned = store::RunDirectory::open(folder / "pruned");
  const store::RunDirectory whole = store::RunDirectory::open(folder / "whole");
  for (const store::StoredRow& row : pruned.best(1000, Metric::val_loss, false)) {
    const std::vector<CurvePoint> curve = whole.curve(row.id);
    EXPECT_EQ(row.metrics.of(Metric::val_loss), curve.at(row.epochs - 1).val_loss) << row.id;
    EXPECT_EQ(row.metrics.of(Metric::train_loss), curve.at(row.epochs - 1).train_loss) << row.id;
  }
}

TEST_F(SweepTrainer, GivesAPrunedTrialWithPatienceTheNetworkOfItsBestEpochUntilItsRung) {
  // Some of these rates make losses rise.
  spec = small::sweep(table, Metric::val_loss, {0.001, 0.01, 0.1, 0.3, 1.0, 3.0});
  spec.data.cv = 3;
  spec.axes.push_back({{"n_iter_no_change"}, {{std::int64_t{50}}}, {}, 0, 0});
  terminate(Terminator::halving);
  spec.trainer.keep = 36;
  small::run_into(spec, folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  int n_gone_back = 0;
  directory.for_each([&](const store::StoredRow& row, double) {
    if (row.status != TrialStatus::pruned) return;
    const std::vector<CurvePoint> curve = directory.curve(row.id);
    const auto best = std::ranges::min_element(curve, {}, &CurvePoint::val_loss);
    EXPECT_EQ(row.epochs, curve.size()) << row.id;
    EXPECT_EQ(row.best_epoch, best->epoch) << row.id;
    EXPECT_EQ(row.metrics.of(Metric::val_loss), best->val_loss) << row.id;
    EXPECT_EQ(row.metrics.of(Metric::train_loss), best->train_loss) << row.id;
    if (row.best_epoch == row.epochs) return;
    ++n_gone_back;
    EXPECT_EQ(replay(spec, folder / "run", row.id).n_different, 0U) << row.id;
  });
  EXPECT_GT(n_gone_back, 0);
  EXPECT_GT(run_with_stops("stopped"), 0);
  EXPECT_EQ(results("run"), results("stopped"));
}

TEST_F(SweepTrainer, ShowsHowManySettingsWentOnAtEachRung) {
  const auto expect_rungs = [](const Progress& progress) {
    // Of 8 settings 4, 2 and 1 go on, of 4 others 2, 1 and 1.
    ASSERT_EQ(progress.rungs.size(), 3U);
    const std::vector<std::vector<std::uint64_t>> expected{{1, 12, 6}, {2, 6, 3}, {4, 3, 2}};
    for (std::size_t i = 0; i < 3; ++i) {
      const RungPassage& rung = progress.rungs[i];
      EXPECT_EQ((std::vector<std::uint64_t>{rung.epochs, rung.n_reached, rung.n_went_on}), expected[i]);
    }
  };
  Progress last;
  RunOptions options;
  options.out = folder / "run";
  options.on_progress = [&](const Progress& progress) { last = progress; };
  run_sweep(spec, options);
  expect_rungs(last);
  ASSERT_EQ(last.best.size(), 5U);
  EXPECT_EQ(last.best[1].status, TrialStatus::finished);
  EXPECT_GT(run_with_stops("stopped", &last), 0);
  expect_rungs(last);
}

TEST_F(SweepTrainer, WritesEqualBytesForAnyNumberOfThreadsAndMemory) {
  for (const Terminator type : {Terminator::halving, Terminator::hyperband, Terminator::median}) {
    terminate(type);
    const std::string name(shoal::name(type));
    spec.trainer.threads = 1;
    spec.trainer.memory_bytes = 0;
    small::run_into(spec, folder / (name + "1"));
    spec.trainer.threads = 2;
    spec.trainer.memory_bytes = plan_sweep(spec).predicted_bytes - 1;
    ASSERT_GT(plan_sweep(spec).n_chunks, 1U);
    small::run_into(spec, folder / (name + "2"));
    EXPECT_EQ(results(name + "1"), results(name + "2")) << name;
  }
}

TEST_F(SweepTrainer, GoesOnFromWhereItWasStoppedWithoutTrainingAnythingTwice) {
  for (const Terminator type : {Terminator::none, Terminator::halving, Terminator::hyperband, Terminator::median}) {
    terminate(type);
    const std::string name(shoal::name(type));
    small::run_into(spec, folder / name);
    EXPECT_GT(run_with_stops(name + "-stopped"), 0) << name;
    EXPECT_EQ(results(name), results(name + "-stopped")) << name;
    const store::Manifest whole = store::RunDirectory::open(folder / name).manifest();
    const store::Manifest stopped = store::RunDirectory::open(folder / (name + "-stopped")).manifest();
    EXPECT_EQ(stopped.epochs_trained - stopped.epochs_recomputed, whole.epochs_trained) << name;
    EXPECT_EQ(stopped.winner, whole.winner) << name;
  }
}

}  // namespace
}  // namespace shoal
