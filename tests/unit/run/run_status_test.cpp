#include <atomic>
#include <gtest/gtest.h>
#include <map>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "shoal/error.hpp"
#include "small_sweeps.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

struct RunStatusTest : testing::Test {
  RunStatusTest() { small::write_classes(folder / "classes.csv"); }

  small::Folder folder;
  fs::path run = folder / "run";
  SweepSpec spec =
      small::sweep(folder / "classes.csv", Metric::val_loss, {0.0001, 0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3});
};

TEST_F(RunStatusTest, KnowsARunThatGoesOnFromOneThatIsDone) {
  RunOptions options;
  options.out = run;
  int n_looks = 0;
  options.on_progress = [&](const Progress&) {
    EXPECT_EQ(run_status(run).state, RunState::running);
    ++n_looks;
  };
  run_sweep(spec, options);
  EXPECT_GT(n_looks, 0);
  const RunStatus status = run_status(run);
  EXPECT_EQ(status.state, RunState::done);
  EXPECT_EQ(status.n_trials, 16U);
  EXPECT_EQ(status.n_done, 16U);
}

TEST_F(RunStatusTest, KnowsARunThatWasStoppedUntilItGoesOn) {
  std::stop_source source;
  RunOptions options;
  options.out = run;
  options.stop = source.get_token();
  options.on_start = [&](const PlanSummary&, const fs::path&) { source.request_stop(); };
  EXPECT_TRUE(run_sweep(spec, options).interrupted);
  EXPECT_EQ(run_status(run).state, RunState::stopped);
  options = {.out = run, .resume = true, .stop = {}, .on_start = {}, .on_progress = {}, .on_refit = {}};
  options.on_start = [&](const PlanSummary&, const fs::path&) { EXPECT_EQ(run_status(run).state, RunState::running); };
  EXPECT_FALSE(run_sweep(spec, options).interrupted);
  EXPECT_EQ(run_status(run).state, RunState::done);
}

TEST_F(RunStatusTest, KnowsARunWhoseProcessHasGone) {
  const pid_t child = ::fork();
  if (child == 0) {
    RunOptions options;
    options.out = run;
    options.on_start = [](const PlanSummary&, const fs::path&) { ::raise(SIGKILL); };
    run_sweep(spec, options);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(run_status(run).state, RunState::killed);
}

TEST_F(RunStatusTest, NeedsARun) { EXPECT_THROW((void)run_status(folder / "nothing"), InputError); }

TEST_F(RunStatusTest, IsReadWhileTheRunIsWrittenWithoutDisturbingIt) {
  small::run_into(spec, folder / "alone");
  spec.trainer.checkpoint_every_s = 0;  // after every call of the engine
  std::atomic<bool> has_begun = false;
  std::atomic<bool> has_ended = false;
  std::map<std::string, double> seen;
  std::uint64_t n_done = 0;
  int n_looks = 0;
  std::jthread reader([&] {
    while (!has_begun) std::this_thread::yield();
    do {
      const RunStatus status = run_status(run);
      EXPECT_GE(status.n_done, n_done);
      n_done = status.n_done;
      for (const LeaderboardRow& row : leaderboard(run, 100).rows)
        seen[row.id + std::to_string(row.epochs)] = row.metric;
      ++n_looks;
    } while (!has_ended);
  });
  RunOptions options;
  options.out = run;
  options.on_start = [&](const PlanSummary&, const fs::path&) { has_begun = true; };
  run_sweep(spec, options);
  has_ended = true;
  reader.join();
  EXPECT_GT(n_looks, 1);
  EXPECT_EQ(small::content(run / "results.csv"), small::content(folder / "alone" / "results.csv"));
  const Leaderboard board = leaderboard(run, 100);
  EXPECT_EQ(board.rows.size(), 16U);
  for (const LeaderboardRow& row : board.rows) {
    const auto at = seen.find(row.id + std::to_string(row.epochs));
    if (at == seen.end()) continue;
    EXPECT_EQ(at->second, row.metric);
    seen.erase(at);
  }
  EXPECT_TRUE(seen.empty()) << "rows that are none of the run's";
}

}  // namespace
}  // namespace shoal
