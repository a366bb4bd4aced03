// Brackets of population based training.
#include "search/population.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "tests/support/toy_engine.hpp"
#include "train/open_bracket.hpp"

namespace shoal::train {
namespace {

SweepSpec spec_of_population() {
  SweepSpec spec;
  spec.early_terminate.type = Terminator::pbt;
  spec.early_terminate.resample = 0;
  spec.axes = {{{"learning_rate_init"}, {}, Distribution::uniform, 1e-4, 1}};
  return spec;
}

/// Four settings of two trials each (folds), 10 epochs, rungs after 2 and 4 epochs; one is replaced at a rung. Ranked
/// by a metric that is minimized.
struct PopulationBracket : testing::Test {
  PopulationBracket() {
    for (std::uint64_t number = 0; number < 8; ++number) bracket.add(trial_of(number));
  }
  static Trial trial_of(std::uint64_t number) {
    Trial trial = toy::trial(number);
    trial.setting = number / 2;
    trial.fold = static_cast<std::uint32_t>(number % 2);
    trial.id = "s" + std::to_string(trial.setting) + ".f" + std::to_string(trial.fold);
    return trial;
  }
  /// At a rung, with this value of the metric there.
  void pause(std::uint64_t number, std::uint32_t epoch, double value, TrialStatus status = TrialStatus::running) {
    PausedTrial trial;
    Member& member = *bracket.find(number);
    trial.result.trial = member.paused ? member.paused->result.trial : trial_of(number);
    trial.result.curve.assign(epoch, {0, 0, 100, 100});
    trial.result.curve.back() = {epoch, 0, value, value};
    trial.state.status = trial.result.status = status;
    trial.state.epoch = epoch;
    trial.state.parameters = {static_cast<float>(number)};
    trial.state.first_moment = {static_cast<float>(number)};
    trial.n_rungs = member.paused ? member.paused->n_rungs : 0;
    bracket.paused(member, std::move(trial));
  }
  void end(std::uint64_t number, TrialStatus status, double value) {
    TrialResult result;
    result.status = status;
    result.metrics.values[static_cast<std::size_t>(Metric::val_loss)] = value;
    bracket.finished(*bracket.find(number), result);
  }
  void pause_all(std::uint32_t epoch, const std::vector<double>& values) {
    for (std::size_t i = 0; i < values.size(); ++i) pause(i, epoch, values[i]);
  }
  const PausedTrial& paused(std::uint64_t number) { return *bracket.find(number)->paused; }

  search::Population population{spec_of_population()};
  OpenBracket bracket{{0, 4, {2, 4}}, spec_of_population().early_terminate, false, &population};
};

TEST_F(PopulationBracket, CopiesEveryTrialOfTheBestSettingToTheWorst) {
  pause_all(2, {5, 5, 1, 9, 4, 4, 6, 6});  // means 5, 5, 4, 6: setting 2 is the best
  EXPECT_TRUE(bracket.revives());
  EXPECT_TRUE(bracket.decide().empty());
  const std::vector<RungPassage> passages = bracket.take_passages();
  ASSERT_EQ(passages.size(), 1U);
  EXPECT_EQ(passages[0].epochs, 2U);
  EXPECT_EQ(passages[0].n_reached, 4U);
  EXPECT_EQ(passages[0].n_went_on, 3U);
  for (const std::uint64_t fold : {0U, 1U}) {
    const PausedTrial& copy = paused(6 + fold);
    EXPECT_EQ(copy.state.parameters[0], static_cast<float>(4 + fold));
    EXPECT_EQ(copy.result.trial.id, "s3.f" + std::to_string(fold));
    EXPECT_EQ(copy.result.trial.seed, 4 + fold);
    ASSERT_EQ(copy.result.lineage.size(), 1U);
    EXPECT_EQ(copy.result.lineage[0].parent, "s2.f" + std::to_string(fold));
    EXPECT_EQ(copy.result.lineage[0].epoch, 2U);
    const double rate = copy.result.trial.hyperparameters.learning_rate_init;
    EXPECT_TRUE(rate == 0.0008 || rate == 0.00125) << rate;
    EXPECT_EQ(rate, paused(6).result.trial.hyperparameters.learning_rate_init);
  }
  for (std::uint64_t number = 0; number < 8; ++number) {
    EXPECT_EQ(paused(number).n_rungs, 1U);
    EXPECT_EQ(bracket.target(*bracket.find(number)), 4U);
    EXPECT_EQ(paused(number).result.lineage.empty(), number < 6);
  }
}

TEST_F(PopulationBracket, WaitsForAllAndTakesNoDecisionTwice) {
  pause_all(2, {5, 5, 1, 1, 4, 4, 6});
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_TRUE(paused(6).result.lineage.empty());
  EXPECT_EQ(bracket.target(*bracket.find(0)), std::nullopt);
  // As a checkpoint has them that was written behind the rung.
  PausedTrial resumed = paused(6);
  resumed.n_rungs = 1;
  bracket.paused(*bracket.find(6), std::move(resumed));
  pause(7, 2, 6);
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_TRUE(paused(6).result.lineage.empty());
  EXPECT_EQ(bracket.target(*bracket.find(0)), 4U);
}

TEST_F(PopulationBracket, RevivesASettingWithATrialThatDiverged) {
  pause_all(2, {5, 5, 1, 1, 4, 4, 6, 6});
  pause(4, 1, 0, TrialStatus::diverged);
  EXPECT_EQ(bracket.target(*bracket.find(4)), std::nullopt);
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_EQ(paused(4).state.status, TrialStatus::running);
  EXPECT_EQ(paused(4).state.epoch, 2U);
  EXPECT_EQ(paused(4).state.parameters[0], 2);
  EXPECT_EQ(paused(5).state.parameters[0], 3);
  EXPECT_EQ(bracket.target(*bracket.find(4)), 4U);
}

TEST_F(PopulationBracket, EndsWhatDivergedAndWasNotReplacedAtTheLastRung) {
  pause_all(2, {5, 5, 1, 1, 4, 4, 6, 6});
  pause(4, 1, 0, TrialStatus::diverged);
  pause(6, 1, 0, TrialStatus::diverged);  // the larger id of two is replaced
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_EQ(paused(4).state.status, TrialStatus::diverged);
  for (const std::uint64_t number : {0U, 1U, 2U, 3U, 5U, 7U}) pause(number, 4, 1);
  pause(6, 3, 0, TrialStatus::diverged);
  const std::vector<PausedTrial> ended = bracket.decide();
  ASSERT_EQ(ended.size(), 1U);
  EXPECT_EQ(ended[0].result.trial.id, "s2.f0");
  EXPECT_EQ(ended[0].result.status, TrialStatus::diverged);
  EXPECT_EQ(bracket.find(4)->ended, TrialStatus::diverged);
  EXPECT_FALSE(bracket.revives());
  EXPECT_EQ(bracket.target(*bracket.find(5)), 10U);
}

TEST_F(PopulationBracket, PassesAllRungsAtOnceWhereNothingIsLeftToCopy) {
  for (std::uint64_t number = 0; number < 8; ++number) pause(number, 1, 0, TrialStatus::diverged);
  EXPECT_EQ(bracket.decide().size(), 8U);
  EXPECT_TRUE(bracket.has_ended());
  EXPECT_TRUE(bracket.take_passages().empty());
}

TEST_F(PopulationBracket, NeitherReplacesNorCopiesASettingThatPatienceStopped) {
  pause_all(2, {5, 5, 1, 1, 4, 4, 6, 6});
  end(6, TrialStatus::stopped, 6);
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_TRUE(paused(7).result.lineage.empty());
  pause_all(4, {5, 5, 1, 1, 4, 4});
  pause(7, 4, 2);
  end(6, TrialStatus::stopped, -20);  // now the best, and its state is gone
  EXPECT_TRUE(bracket.decide().empty());
  for (const std::uint64_t number : {0U, 2U, 4U}) EXPECT_TRUE(paused(number).result.lineage.empty());
}

TEST_F(PopulationBracket, RanksByTheBestValueOfTheStateWithPatience) {
  for (std::uint64_t number = 0; number < 8; ++number) {
    PausedTrial trial;
    trial.result.trial = trial_of(number);
    trial.result.trial.hyperparameters.n_iter_no_change = 3;
    trial.result.curve = {{1, 0, 0, 0}, {2, 0, 5, 5}};  // the first one was another network's
    trial.state.epoch = 2;
    trial.state.best_metric = number / 2 == 1 ? 9 : static_cast<double>(number);
    bracket.paused(*bracket.find(number), std::move(trial));
  }
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_EQ(paused(2).result.lineage.size(), 1U);
  EXPECT_EQ(paused(2).result.lineage.front().parent, "s0.f0");
}

TEST_F(PopulationBracket, TakesTheEpochsOfWhatItCopies) {
  pause_all(2, {5, 5, 1, 1, 4, 4, 6, 6});
  PausedTrial longer = paused(2);
  longer.result.trial.hyperparameters.max_iter = 30;
  bracket.paused(*bracket.find(2), std::move(longer));
  EXPECT_TRUE(bracket.decide().empty());
  EXPECT_EQ(bracket.find(6)->n_epochs, 30U);
  EXPECT_EQ(bracket.find(7)->n_epochs, 10U);
}

}  // namespace
}  // namespace shoal::train
