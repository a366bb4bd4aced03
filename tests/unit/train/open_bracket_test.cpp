#include "train/open_bracket.hpp"

#include <gtest/gtest.h>

#include "shoal/error.hpp"
#include "tests/support/toy_engine.hpp"

namespace shoal::train {
namespace {

EarlyTerminate halving() {
  EarlyTerminate rule;
  rule.type = Terminator::halving;
  rule.eta = 2;
  return rule;
}

std::vector<CurvePoint> curve(const std::vector<double>& values) {
  std::vector<CurvePoint> points;
  for (const double value : values) points.push_back({static_cast<std::uint32_t>(points.size() + 1), 0, value, value});
  return points;
}

/// Settings of two trials each (folds), 10 epochs, rungs after 2 and 4 epochs, ranked by a metric that is minimized.
struct Fixture : testing::Test {
  explicit Fixture(std::uint64_t n_settings = 4, const EarlyTerminate& rule = halving())
      : bracket({3, n_settings, {2, 4}}, rule, false) {
    for (std::uint64_t number = 6; number < 6 + 2 * n_settings; ++number) {
      Trial trial = toy::trial(number);
      trial.setting = number / 2;
      trial.fold = static_cast<std::uint32_t>(number % 2);
      trial.id = "s" + std::to_string(trial.setting) + ".f" + std::to_string(number % 2);
      bracket.add(trial);
    }
  }
  PausedTrial paused_trial(std::uint64_t number, const std::vector<double>& values) {
    PausedTrial trial;
    trial.result.trial = toy::trial(number);
    trial.result.curve = curve(values);
    trial.state.epoch = static_cast<std::uint32_t>(values.size());
    return trial;
  }
  void pause(std::uint64_t number, const std::vector<double>& values) {
    bracket.paused(*bracket.find(number), paused_trial(number, values));
  }
  void end(std::uint64_t number, TrialStatus status, const std::vector<double>& values) {
    TrialResult result;
    result.status = status;
    result.curve = curve(values);
    bracket.finished(*bracket.find(number), result);
  }
  std::vector<std::uint64_t> pruned() {
    std::vector<std::uint64_t> numbers;
    for (const PausedTrial& trial : bracket.decide()) {
      EXPECT_EQ(trial.result.status, TrialStatus::pruned);
      numbers.push_back(trial.result.trial.number);
    }
    return numbers;
  }
  /// Epochs, settings that reached them, settings that went on: of each rung since the last call.
  std::vector<std::uint64_t> passages() {
    std::vector<std::uint64_t> numbers;
    for (const RungPassage& rung : bracket.take_passages()) {
      numbers.insert(numbers.end(), {rung.epochs, rung.n_reached, rung.n_went_on});
    }
    return numbers;
  }
  std::optional<std::uint32_t> target(std::uint64_t number) { return bracket.target(*bracket.find(number)); }

  OpenBracket bracket;
};

using OpenBracketTest = Fixture;
using Numbers = std::vector<std::uint64_t>;

EarlyTerminate halving_by_one_fold() {
  EarlyTerminate rule = halving();
  rule.folds = 1;
  return rule;
}
struct OneFoldTest : Fixture {
  OneFoldTest() : Fixture(4, halving_by_one_fold()) {}
};

TEST_F(OneFoldTest, BeginsWithTheOtherFoldsOfSettingsThatHavePassedAllRungs) {
  EXPECT_EQ(target(6), 2U);
  EXPECT_EQ(target(7), std::nullopt);
  for (const std::uint64_t number : {6, 8, 10, 12}) pause(number, {9, static_cast<double>(number)});
  EXPECT_EQ(pruned(), (Numbers{10, 12}));
  EXPECT_EQ(bracket.take_spared(), 2U);
  EXPECT_EQ(target(7), std::nullopt);
  EXPECT_EQ(target(8), 4U);
  pause(6, {9, 6, 6, 3});
  pause(8, {9, 8, 8, 2});
  EXPECT_EQ(pruned(), Numbers{6});
  EXPECT_EQ(bracket.take_spared(), 1U);
  EXPECT_EQ(passages(), (Numbers{2, 4, 2, 4, 2, 1}));
  EXPECT_EQ(target(8), 10U);
  EXPECT_EQ(target(9), 10U);
  end(8, TrialStatus::finished, std::vector<double>(10, 1.0));
  EXPECT_FALSE(bracket.has_ended());
  end(9, TrialStatus::finished, std::vector<double>(10, 1.0));
  EXPECT_TRUE(bracket.has_ended());
}

/// What a run that is resumed finds: rows of the trials that rungs looked at, none of those that never began.
TEST_F(OneFoldTest, TakesTheDecisionsOfAnEarlierRunAgain) {
  end(6, TrialStatus::pruned, {9, 6, 6, 3});
  end(8, TrialStatus::finished, {9, 8, 8, 2, 1, 1, 1, 1, 1, 1});
  end(10, TrialStatus::pruned, {9, 10});
  end(12, TrialStatus::pruned, {9, 12});
  EXPECT_EQ(pruned(), Numbers{});
  EXPECT_EQ(bracket.take_spared(), 3U);
  EXPECT_EQ(target(9), 10U);
  EXPECT_EQ(target(7), std::nullopt);
}

TEST_F(OpenBracketTest, WaitsForAllMembersOfARung) {
  EXPECT_EQ(target(6), 2U);
  for (std::uint64_t number = 6; number < 13; ++number) pause(number, {9, static_cast<double>(number)});
  EXPECT_EQ(target(6), std::nullopt);
  EXPECT_EQ(target(13), 2U);
  EXPECT_EQ(pruned(), Numbers{});
  pause(13, {9, 13});
  EXPECT_EQ(pruned(), (Numbers{10, 11, 12, 13}));
  EXPECT_EQ(target(6), 4U);
  EXPECT_EQ(target(10), std::nullopt);
  EXPECT_EQ(bracket.find(5), nullptr);
  EXPECT_EQ(bracket.find(14), nullptr);
}

TEST_F(OpenBracketTest, ComparesTheMeansOfSettings) {
  // Setting 3 has the best trial, setting 5 the best mean, setting 4 the second.
  const std::vector<double> values{0, 20, 7, 8, 6, 7, 9, 9};
  for (std::size_t i = 0; i < values.size(); ++i) pause(6 + i, {50, values[i]});
  EXPECT_EQ(pruned(), (Numbers{6, 7, 12, 13}));
}

TEST_F(OpenBracketTest, PrefersTheSmallerIdWhereOnlyRoundingTellsMeansApart) {
  ASSERT_LT(0.1 + 0.7, 0.3 + 0.5);
  const std::vector<double> values{0.3, 0.5, 0.1, 0.7, 0, 0, 9, 9};
  for (std::size_t i = 0; i < values.size(); ++i) pause(6 + i, {50, values[i]});
  EXPECT_EQ(pruned(), (Numbers{8, 9, 12, 13}));
}

TEST_F(OpenBracketTest, LetsATrialThatHasEndedCompeteWithItsLastValue) {
  for (const std::uint64_t number : {8U, 9U, 12U, 13U}) pause(number, {9, 5});
  end(6, TrialStatus::stopped, {3});
  end(7, TrialStatus::finished, {9, 3});
  for (const std::uint64_t number : {10U, 11U}) pause(number, {9, 4});
  EXPECT_EQ(pruned(), (Numbers{8, 9, 12, 13}));  // 3 and 5 go on
  EXPECT_EQ(bracket.find(6)->ended, TrialStatus::stopped);
  EXPECT_FALSE(bracket.has_ended());
  EXPECT_EQ(passages(), (Numbers{2, 4, 2}));
  pause(10, {9, 4, 4, 4});
  pause(11, {9, 4, 4, 4});
  EXPECT_EQ(pruned(), (Numbers{10, 11}));
  EXPECT_TRUE(bracket.has_ended());
  EXPECT_EQ(passages(), (Numbers{4, 1, 0})) << "setting 3 had ended before";
}

TEST_F(OpenBracketTest, PrefersEverySettingToOneWithATrialThatDiverged) {
  end(6, TrialStatus::diverged, {1});
  pause(7, {1, 1});
  for (std::uint64_t number = 8; number < 14; ++number) pause(number, {9, static_cast<double>(number)});
  EXPECT_EQ(pruned(), (Numbers{7, 12, 13}));
}

TEST_F(OpenBracketTest, TakesItsDecisionsAgainFromTheCurvesOfAnEarlierRun) {
  // As after a resume: the first rung's losers have ended, one survivor is already beyond it.
  for (const std::uint64_t number : {10U, 11U, 12U, 13U}) end(number, TrialStatus::pruned, {9, 8});
  pause(6, {9, 1, 1});
  for (const std::uint64_t number : {7U, 8U, 9U}) pause(number, {9, 1});
  EXPECT_EQ(pruned(), Numbers{});
  EXPECT_EQ(passages(), (Numbers{2, 4, 2}));
  EXPECT_EQ(target(6), 4U);
  EXPECT_EQ(target(9), 4U);
}

TEST_F(OpenBracketTest, RefusesResultsThatItsRungsCannotHaveLeft) {
  for (std::uint64_t number = 6; number < 13; ++number) pause(number, {9, 1});
  end(13, TrialStatus::pruned, {9});
  EXPECT_THROW((void)bracket.decide(), Error);
}

TEST(OpenBracketMedian, LetsAValueThatNeverChangesGoOn) {
  EarlyTerminate rule;
  rule.type = Terminator::median;
  OpenBracket bracket({0, 1, {3}}, rule, true);
  bracket.add(toy::trial(0));
  PausedTrial trial;
  trial.result.trial = toy::trial(0);
  trial.result.curve = curve({0.2, 0.2, 0.2});  // whose sum is more than 0.6
  trial.state.epoch = 3;
  bracket.paused(*bracket.find(0), std::move(trial));
  EXPECT_TRUE(bracket.decide().empty());
}

TEST(OpenBracketMedian, EndsASettingThatNeverWasAsGoodAsTheMedian) {
  EarlyTerminate rule;
  rule.type = Terminator::median;
  OpenBracket bracket({0, 3, {2}}, rule, true);
  const std::vector<std::vector<double>> curves{{0.5, 0.7}, {0.4, 0.5}, {0.8, 0.9}};  // means 0.6, 0.45, 0.85
  for (std::uint64_t number = 0; number < 3; ++number) {
    bracket.add(toy::trial(number));
    PausedTrial trial;
    trial.result.trial = toy::trial(number);
    trial.result.curve = curve(curves[number]);
    trial.state.epoch = 2;
    bracket.paused(*bracket.find(number), std::move(trial));
  }
  const std::vector<PausedTrial> pruned = bracket.decide();
  ASSERT_EQ(pruned.size(), 1U);
  EXPECT_EQ(pruned[0].result.trial.number, 1U);
}

TEST(OpenBracketPatience, RanksByTheBestEpoch) {
  OpenBracket bracket({0, 2, {2}}, halving(), false);
  for (std::uint64_t number = 0; number < 2; ++number) {
    Trial trial = toy::trial(number);
    trial.hyperparameters.n_iter_no_change = 5;
    bracket.add(trial);
    PausedTrial paused;
    paused.result.trial = trial;
    paused.result.curve = number == 0 ? curve({1, 9}) : curve({4, 3});
    paused.state.epoch = 2;
    bracket.paused(*bracket.find(number), std::move(paused));
  }
  const std::vector<PausedTrial> pruned = bracket.decide();
  ASSERT_EQ(pruned.size(), 1U);
  EXPECT_EQ(pruned[0].result.trial.number, 1U);
}

}  // namespace
}  // namespace shoal::train
