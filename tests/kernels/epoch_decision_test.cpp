#include "kernels/math/epoch_decision.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace {

using shoal::math::decide_epoch;
using shoal::math::EpochDecision;
using shoal::math::EpochProgress;
using shoal::math::EpochRules;
using shoal::math::EpochVerdict;

/// Feeds metrics until a verdict; returns it with the progress it left.
EpochVerdict run(EpochProgress& progress, const EpochRules& rules, const std::vector<double>& metrics) {
  EpochVerdict verdict = EpochVerdict::go_on;
  for (const double metric : metrics) {
    ++progress.epoch;
    verdict = decide_epoch(progress, rules, metric, metric, true).verdict;
    if (verdict != EpochVerdict::go_on) break;
  }
  return verdict;
}

TEST(EpochDecision, FinishesAtMaxIter) {
  EpochProgress progress;
  EXPECT_EQ(run(progress, {.max_iter = 3}, {1, 2, 3, 4}), EpochVerdict::finished);
  EXPECT_EQ(progress.epoch, 3U);
  EXPECT_EQ(progress.best_epoch, 0U);
}

TEST(EpochDecision, PatienceStopsAfterMoreStalledEpochsThanItAllows) {
  EpochProgress progress;
  const EpochRules rules{.max_iter = 100, .n_iter_no_change = 2, .tol = 0.1};
  EXPECT_EQ(run(progress, rules, {5, 4, 3.95, 4.1, 3.9, 1}), EpochVerdict::stopped);
  EXPECT_EQ(progress.epoch, 5U);
  EXPECT_EQ(progress.best_epoch, 5U);  // 3.9 gained less than tol on 3.95: it stalled, and is the best one all the same
  EXPECT_EQ(progress.best_metric, 3.9);
}

TEST(EpochDecision, LargerIsBetterWhereTheGoalSaysSo) {
  EpochProgress progress;
  const EpochRules rules{.max_iter = 100, .n_iter_no_change = 1, .tol = 0, .maximize = true};
  EXPECT_EQ(run(progress, rules, {0.5, 0.6, 0.55, 0.4, 0.9}), EpochVerdict::stopped);
  EXPECT_EQ(progress.best_epoch, 2U);
  EXPECT_EQ(progress.epoch, 4U);
}

TEST(EpochDecision, AnythingNotFiniteDiverges) {
  for (const double bad : {std::numeric_limits<double>::infinity(), std::numeric_limits<double>::quiet_NaN()}) {
    EpochProgress progress{.epoch = 1};
    EXPECT_EQ(decide_epoch(progress, {.max_iter = 1}, bad, 1.0, true).verdict, EpochVerdict::diverged);
  }
  EpochProgress progress{.epoch = 1};
  EXPECT_EQ(decide_epoch(progress, {.max_iter = 1}, 0.5, 1.0, false).verdict, EpochVerdict::diverged);
}

}  // namespace
