#include "train/takeover.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <vector>

#include "tests/support/toy_engine.hpp"

namespace shoal::train {
namespace {

using Changes = std::vector<std::pair<std::string, double>>;

PausedTrial paused(std::uint64_t number, std::uint32_t epoch) {
  PausedTrial trial;
  trial.result.trial = toy::trial(number, static_cast<std::int32_t>(2 + number));
  trial.result.train_seconds = static_cast<double>(number);
  trial.state.epoch = epoch;
  trial.state.parameters = {static_cast<float>(number), 1};
  trial.state.first_moment = {2, 3};
  trial.state.best_metric = 0.5;
  for (std::uint32_t e = 1; e <= epoch; ++e) {
    trial.result.curve.push_back({e, static_cast<double>(10 * number + e), 0, 0});
  }
  return trial;
}

TEST(TakeOver, CopiesAllButIdentityAndOwnEpochs) {
  PausedTrial trial = paused(3, 2);
  trial.state.status = trial.result.status = TrialStatus::diverged;
  PausedTrial parent = paused(5, 4);
  parent.result.lineage = {{2, "grandparent", {}}};
  parent.result.trial.hyperparameters.momentum = 0.5;
  take_over(trial, parent, Changes{{"learning_rate_init", 0.25}});
  EXPECT_EQ(trial.state, parent.state);
  EXPECT_EQ(trial.result.status, TrialStatus::running);
  EXPECT_EQ(trial.result.trial.id, "t0000003");
  EXPECT_EQ(trial.result.trial.number, 3U);
  EXPECT_EQ(trial.result.trial.setting, 3U);
  EXPECT_EQ(trial.result.trial.seed, 5U);
  EXPECT_EQ(trial.result.trial.topology, parent.result.trial.topology);
  EXPECT_EQ(trial.result.trial.hyperparameters.momentum, 0.5);
  EXPECT_EQ(trial.result.trial.hyperparameters.learning_rate_init, 0.25);
  EXPECT_EQ(trial.result.train_seconds, 3);
  ASSERT_EQ(trial.result.curve.size(), 2U);
  EXPECT_EQ(trial.result.curve[1].train_loss, 32);
  ASSERT_EQ(trial.result.lineage.size(), 1U);
  EXPECT_EQ(trial.result.lineage[0].epoch, 4U);
  EXPECT_EQ(trial.result.lineage[0].parent, "t0000005");
  EXPECT_EQ(trial.result.lineage[0].changes, (Changes{{"learning_rate_init", 0.25}}));
  EXPECT_TRUE(std::isnan(trial.result.lineage[0].best_train_loss));
}

TEST(TakeOver, KnowsTheTrainLossOfTheBestEpochThroughGenerations) {
  PausedTrial first = paused(1, 4);
  first.state.best_epoch = 2;
  PausedTrial second = paused(2, 4);
  take_over(second, first, {});
  EXPECT_EQ(second.result.lineage[0].best_train_loss, 12);
  second.state.epoch = 8;
  PausedTrial third = paused(3, 8);
  take_over(third, second, {});
  EXPECT_EQ(third.result.lineage[0].best_train_loss, 12);  // not 22, which was another network's
}

TEST(GoOnWith, GivesAndTakesTheVelocityOfSgd) {
  Trial trial = toy::trial(0);
  trial.hyperparameters.solver = Solver::sgd;
  TrialState state;
  state.parameters = {1, 2, 3};
  state.first_moment = {4, 5, 6};
  go_on_with(Changes{{"momentum", 0.25}}, trial, state);
  EXPECT_EQ(state.first_moment, (std::vector<float>{4, 5, 6}));
  go_on_with(Changes{{"momentum", 0}}, trial, state);
  EXPECT_TRUE(state.first_moment.empty());
  go_on_with(Changes{{"momentum", 0.5}}, trial, state);
  EXPECT_EQ(state.first_moment, (std::vector<float>{0, 0, 0}));
}

}  // namespace
}  // namespace shoal::train
