#include <gtest/gtest.h>

#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

struct LeaderboardOf : testing::Test {
  LeaderboardOf() {
    small::write_classes(folder / "classes.csv");
    small::run_into(small::sweep(folder / "classes.csv", Metric::val_accuracy), folder / "run");
  }
  small::Folder folder;
};

TEST_F(LeaderboardOf, ShowsTheBestTrialsInOrder) {
  const Leaderboard board = leaderboard(folder / "run", 3);
  EXPECT_EQ(board.metric, Metric::val_accuracy);
  EXPECT_TRUE(board.maximize);
  EXPECT_EQ(board.n_trials, 4U);
  ASSERT_EQ(board.rows.size(), 3U);
  for (std::uint32_t i = 0; i < 3; ++i) EXPECT_EQ(board.rows[i].rank, i + 1);
  EXPECT_GE(board.rows[0].metric, board.rows[1].metric);
  EXPECT_GE(board.rows[1].metric, board.rows[2].metric);
}

TEST_F(LeaderboardOf, ShowsTheParametersThatVaryAlone) {
  std::vector<std::string> names;
  const Leaderboard board = leaderboard(folder / "run", 1);
  for (const auto& [name, text] : board.rows.at(0).parameters) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"hidden_layer_sizes", "learning_rate_init"}));
}

TEST_F(LeaderboardOf, RanksByAnotherMetric) {
  const Leaderboard board = leaderboard(folder / "run", 4, Metric::val_loss);
  EXPECT_FALSE(board.maximize);
  ASSERT_EQ(board.rows.size(), 4U);
  EXPECT_LE(board.rows[0].metric, board.rows[3].metric);
}

TEST_F(LeaderboardOf, RefusesAMetricThatMeansNothingHere) {
  EXPECT_THROW((void)leaderboard(folder / "run", 1, Metric::val_rmse), InputError);
}

TEST(Leaderboard, LeavesOutWhatOneSolverAloneHas) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string yaml =
      "data: {train: classes.csv}\nparameters: {solver: {values: [sgd, adam]}, max_iter: 1, batch_size: 8}\n";
  small::run_into(parse_sweep(yaml, "sweep.yaml", folder / ""), folder / "run");
  const Leaderboard board = leaderboard(folder / "run", 2);
  ASSERT_EQ(board.rows.size(), 2U);
  ASSERT_EQ(board.rows[0].parameters.size(), 1U);
  EXPECT_EQ(board.rows[0].parameters[0].first, "solver");
}

TEST(SettingBoard, ShowsNoSeedOfARepeatWhereNoSettingHasTwoTrialsYet) {
  const small::Folder folder;
  {
    store::Manifest manifest;
    manifest.n_trials = 4;
    manifest.n_settings = 2;
    auto directory = store::RunDirectory::create(folder / "run", manifest);
    for (const std::uint32_t i : {0U, 1U}) {
      TrialResult result;
      result.trial.id = i == 0 ? "a" : "b.r1";
      result.trial.seed = i;
      result.trial.hyperparameters.alpha = 0.1 * (i + 1);
      result.trial.topology = {2, {}, {}, 1};
      result.status = TrialStatus::finished;
      result.metrics.values.assign(kMetricCount, 0.5);
      directory.add(result);
    }
    directory.flush(manifest);
  }
  const SettingBoard board = setting_board(folder / "run", 2);
  ASSERT_EQ(board.rows.size(), 2U);
  EXPECT_EQ(board.rows[0].n_trials, 1U);
  EXPECT_EQ(board.rows[0].n_wanted, 2U);
  ASSERT_EQ(board.rows[0].parameters.size(), 1U);
  EXPECT_EQ(board.rows[0].parameters[0].first, "alpha");
}

TEST(Leaderboard, NeedsARun) {
  const small::Folder folder;
  EXPECT_THROW((void)leaderboard(folder / "nothing", 1), InputError);
}

}  // namespace
}  // namespace shoal
