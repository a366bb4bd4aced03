#include <algorithm>
#include <cmath>
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

struct RunSweep : testing::Test {
  RunSweep() { small::write_classes(table); }
  [[nodiscard]] std::string results(const std::string& run) const {
    return small::content(folder / (run + "/results.csv"));
  }

  small::Folder folder;
  fs::path table = folder / "classes.csv";
  SweepSpec spec = small::sweep(table, Metric::val_accuracy);
};

TEST_F(RunSweep, TrainsEveryTrialAndNamesTheWinner) {
  const RunSummary summary = small::run_into(spec, folder / "run");
  EXPECT_FALSE(summary.interrupted);
  EXPECT_EQ(summary.n_trials, 4U);
  EXPECT_EQ(summary.n_done, 4U);
  EXPECT_EQ(small::lines(results("run")).size(), 5U);
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  EXPECT_EQ(directory.manifest().status, "done");
  EXPECT_EQ(directory.manifest().epochs_trained, 24U);
  EXPECT_EQ(directory.manifest().epochs_recomputed, 0U);
  EXPECT_EQ(directory.kept().size(), 3U);
  EXPECT_EQ(summary.winner, directory.best(1, Metric::val_accuracy, true).at(0).id);
  EXPECT_EQ(directory.curve(summary.winner).size(), 6U);
}

TEST_F(RunSweep, SaysWhatIsPartOfARun) {
  std::ofstream(folder / "sweep.yaml") << "data: {train: classes.csv}\nparameters: {max_iter: 1}\n";
  small::run_into(load_sweep(folder / "sweep.yaml"), folder / "run");
  const auto part = [&](const fs::path& file) { return part_of_run(folder / "run", file); };
  EXPECT_EQ(part(folder / "run/manifest.json"), "manifest.json of the run");
  EXPECT_EQ(part(folder / "run/../run/results.csv"), "results.csv of the run");
  EXPECT_EQ(part(folder / "run/models/new.safetensors"), "models/new.safetensors of the run");
  fs::create_symlink(folder / "run/results.sqlite", folder / "link");
  EXPECT_EQ(part(folder / "link"), "results.sqlite of the run");
  EXPECT_EQ(part(table), "the run's table");
  EXPECT_EQ(part(folder / "sweep.yaml"), "the run's sweep file");
  EXPECT_EQ(part(folder / "run/report.html"), "");
  EXPECT_EQ(part(folder / "elsewhere.csv"), "");
  EXPECT_EQ(part_of_run(folder / "no", folder / "elsewhere.csv"), "");
}

TEST_F(RunSweep, WritesEqualBytesForAnyNumberOfThreads) {
  spec.trainer.threads = 1;
  small::run_into(spec, folder / "one");
  spec.trainer.threads = 2;
  small::run_into(spec, folder / "two");
  EXPECT_EQ(results("one"), results("two"));
}

TEST_F(RunSweep, WritesEqualBytesWholeAndInChunks) {
  small::run_into(spec, folder / "whole");
  spec.trainer.memory_bytes = plan_sweep(spec).predicted_bytes - 1;
  EXPECT_GT(plan_sweep(spec).n_chunks, 1U);
  small::run_into(spec, folder / "chunks");
  EXPECT_EQ(results("whole"), results("chunks"));
}

TEST_F(RunSweep, KeepsOldRowsWhenTheGridGrows) {
  small::run_into(spec, folder / "small");
  small::run_into(small::sweep(table, Metric::val_accuracy, {0.01, 0.003, 0.03}), folder / "large");
  const std::vector<std::string> all = small::lines(results("large"));
  EXPECT_EQ(all.size(), 7U);
  for (const std::string& line : small::lines(results("small"))) {
    EXPECT_EQ(std::ranges::count(all, line), 1) << line;
  }
}

TEST_F(RunSweep, ResumesToTheSameBytesAfterAStop) {
  // The costliest trial is first, has one epoch and is too large to share a vector: the first report finds it done.
  Axis together{{"hidden_layer_sizes", "max_iter"}, {}, {}, 0, 0};
  together.values = {{std::vector<std::int64_t>{128, 128}, std::int64_t{1}},
                     {std::vector<std::int64_t>{4}, std::int64_t{20}}};
  spec.axes.erase(spec.axes.begin());
  spec.axes.erase(spec.axes.begin() + 1);
  spec.axes.push_back(together);
  spec.axes.push_back({{"solver"}, {{std::string("sgd")}}, {}, 0, 0});
  small::run_into(spec, folder / "whole");

  std::stop_source source;
  RunOptions options;
  options.out = folder / "stopped";
  options.stop = source.get_token();
  options.on_progress = [&](const Progress&) { source.request_stop(); };
  const RunSummary stopped = run_sweep(spec, options);
  EXPECT_TRUE(stopped.interrupted);
  EXPECT_EQ(stopped.n_done, 1U);
  EXPECT_EQ(store::RunDirectory::open(folder / "stopped").manifest().status, "interrupted");
  EXPECT_EQ(small::lines(results("stopped")).size(), 2U);

  const RunSummary resumed = small::run_into(spec, folder / "stopped", true);
  EXPECT_FALSE(resumed.interrupted);
  EXPECT_EQ(resumed.n_done, 4U);
  EXPECT_EQ(results("stopped"), results("whole"));
  EXPECT_EQ(resumed.winner, store::RunDirectory::open(folder / "whole").manifest().winner);
  const store::Manifest manifest = store::RunDirectory::open(folder / "stopped").manifest();
  EXPECT_EQ(manifest.epochs_trained - manifest.epochs_recomputed, 42U);  // two of 1 epoch, two of 20
}

TEST_F(RunSweep, StoppedWhileItIsPlannedLeavesNothing) {
  std::stop_source source;
  source.request_stop();
  RunOptions options;
  options.out = folder / "run";
  options.stop = source.get_token();
  EXPECT_THROW(run_sweep(spec, options), StoppedError);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(RunSweep, ResumingAFinishedRunTrainsNothing) {
  small::run_into(spec, folder / "run");
  const std::string before = results("run");
  EXPECT_EQ(small::run_into(spec, folder / "run", true).n_done, 4U);
  EXPECT_EQ(results("run"), before);
  EXPECT_EQ(store::RunDirectory::open(folder / "run").manifest().epochs_trained, 24U);
}

TEST_F(RunSweep, ResumeStartsARunThatIsNotThere) { EXPECT_EQ(small::run_into(spec, folder / "new", true).n_done, 4U); }

TEST_F(RunSweep, RefusesToResumeAnotherSweep) {
  small::run_into(spec, folder / "run");
  spec.resolved = "trainer: {seed: 8, keep: 3}\nparameters: {max_iter: 6}\n";
  try {
    small::run_into(spec, folder / "run", true);
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_EQ(error.diagnostics().at(0).path, "trainer.seed");
  }
}

TEST_F(RunSweep, NeverOverwritesADirectory) {
  small::run_into(spec, folder / "run");
  EXPECT_THROW(small::run_into(spec, folder / "run"), InputError);
}

TEST_F(RunSweep, SaysThatAFileIsNoDirectory) {
  for (const char* const text : {"", "something"}) {
    std::ofstream(folder / "file") << text;
    for (const bool resume : {false, true}) {
      try {
        small::run_into(spec, folder / "file", resume);
        ADD_FAILURE() << "a file was taken for a directory";
      } catch (const InputError& error) {
        EXPECT_EQ(std::string(error.what()), (folder / "file").string() + ": is not a directory");
      }
    }
  }
}

TEST_F(RunSweep, LeavesNoDirectoryBehindWrongInput) {
  spec.trainer.memory_bytes = 1;
  EXPECT_THROW(small::run_into(spec, folder / "run"), InputError);
  spec.trainer.memory_bytes = 0;
  spec.trainer.engine = "abacus";
  EXPECT_THROW(small::run_into(spec, folder / "run"), UnavailableError);
  spec.trainer.engine = "auto";
  spec.data.train = folder / "missing.csv";
  EXPECT_THROW(small::run_into(spec, folder / "run"), Error);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(RunSweep, RefusesAMetricThatNoNetworkCouldHave) {
  spec = small::sweep(table, Metric::val_auc);
  spec.data.cv = 90;
  try {
    small::run_into(spec, folder / "run");
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "small.yaml: metric.name: val_auc is not defined: the validation rows of fold 0 are of one class");
  }
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(RunSweep, SaysWhenItIsStoppedBeforeItBegins) {
  std::stop_source source;
  source.request_stop();
  RunOptions options;
  options.out = folder / "run";
  options.stop = source.get_token();
  EXPECT_THROW(static_cast<void>(run_sweep(spec, options)), Error);
  EXPECT_FALSE(fs::exists(folder / "run"));
}

TEST_F(RunSweep, RanksADivergedTrialLastAndStoresItNever) {
  Axis& rates = spec.axes.at(1);
  rates.values.push_back({1e30});
  const RunSummary summary = small::run_into(spec, folder / "run");
  EXPECT_EQ(summary.n_done, 6U);
  EXPECT_EQ(summary.n_diverged, 2U);
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  const auto rows = directory.best(6, Metric::val_accuracy, true);
  EXPECT_EQ(rows.at(4).status, TrialStatus::diverged);
  EXPECT_EQ(rows.at(5).status, TrialStatus::diverged);
  for (const std::string& id : directory.kept()) EXPECT_NE(directory.row(id).status, TrialStatus::diverged);
}

TEST_F(RunSweep, ReportsItsPlanBeforeAndItsProgressAfter) {
  RunOptions options;
  options.out = folder / "run";
  std::uint64_t planned = 0;
  Progress last;
  options.on_start = [&](const PlanSummary& plan, const fs::path& out) {
    EXPECT_EQ(out, folder / "run");
    EXPECT_EQ(last.n_trials, 0U);
    planned = plan.n_trials;
  };
  options.on_progress = [&](const Progress& progress) { last = progress; };
  const RunSummary summary = run_sweep(spec, options);
  EXPECT_EQ(planned, 4U);
  EXPECT_EQ(last.n_done, 4U);
  EXPECT_EQ(last.epochs_done, 24U);
  EXPECT_EQ(last.epochs_total, 24U);
  EXPECT_EQ(last.best_id, summary.winner);
}

TEST_F(RunSweep, ShowsTheBestTrialsOfItsResultsAndHowTheBestValueCameAbout) {
  spec = small::sweep(table, Metric::val_accuracy, {0.0001, 0.001, 0.01, 0.03, 0.1});
  RunOptions options;
  options.out = folder / "run";
  Progress last;
  options.on_progress = [&](const Progress& progress) { last = progress; };
  const RunSummary summary = run_sweep(spec, options);
  const Leaderboard board = leaderboard(folder / "run", 5);
  ASSERT_EQ(last.best.size(), 5U);
  for (std::size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(last.best[i].rank, i + 1);
    EXPECT_EQ(last.best[i].id, board.rows[i].id);
    EXPECT_EQ(last.best[i].epochs, board.rows[i].epochs);
    EXPECT_EQ(last.best[i].metric, board.rows[i].metric);
    EXPECT_EQ(last.best[i].parameters, board.rows[i].parameters);
  }
  ASSERT_FALSE(last.best_so_far.empty());
  for (std::size_t i = 1; i < last.best_so_far.size(); ++i) {
    EXPECT_GT(last.best_so_far[i].epochs_done, last.best_so_far[i - 1].epochs_done);
    EXPECT_GE(last.best_so_far[i].metric, last.best_so_far[i - 1].metric);
  }
  EXPECT_LE(last.best_so_far.back().epochs_done, 60U);
  EXPECT_EQ(last.best_so_far.back().metric, board.rows[0].metric);
  EXPECT_TRUE(last.rungs.empty());
}

}  // namespace
}  // namespace shoal
