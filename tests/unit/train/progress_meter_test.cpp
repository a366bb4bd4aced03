#include "train/progress_meter.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

#include "tests/support/toy_engine.hpp"

namespace shoal::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kPredictedSeconds = 1000;
constexpr double kInfinity = std::numeric_limits<double>::infinity();

TrialResult ended(std::uint64_t number, double val_loss, std::uint32_t epochs = 10,
                  TrialStatus status = TrialStatus::finished) {
  TrialResult result;
  result.trial = toy::trial(number);
  result.status = status;
  result.epochs = epochs;
  result.metrics.values[static_cast<std::size_t>(Metric::val_loss)] = val_loss;
  return result;
}

ProgressMeter meter(std::uint64_t n_trials, std::uint64_t epochs, double cost, bool maximize = false) {
  Progress start;
  start.n_trials = n_trials;
  start.epochs_total = epochs;
  return {start, {cost, kPredictedSeconds}, Metric::val_loss, maximize};
}

TEST(IsBetter, FollowsTheGoalAndNeverPrefersWhatIsNotFinite) {
  EXPECT_TRUE(is_better(1, 2, false));
  EXPECT_FALSE(is_better(1, 2, true));
  EXPECT_FALSE(is_better(2, 2, true));
  EXPECT_FALSE(is_better(kNaN, 2, false));
  EXPECT_FALSE(is_better(kInfinity, 2, true));
  EXPECT_TRUE(is_better(1e9, kNaN, false));
}

TEST(ProgressMeter, KnowsTheBestAndCountsTheDiverged) {
  ProgressMeter all = meter(5, 50, 50);
  all.finished(ended(3, 0.5), 1);
  all.finished(ended(2, 0.25), 1);
  all.finished(ended(1, 0.25), 1);
  all.finished(ended(4, kNaN), 1);
  all.finished(ended(0, 0.0, 10, TrialStatus::diverged), 1);
  const Progress now = all.now();
  EXPECT_EQ(now.n_done, 5U);
  EXPECT_EQ(now.n_diverged, 1U);
  EXPECT_EQ(now.best_id, "t0000001");
  EXPECT_EQ(now.best_metric, 0.25);
}

TEST(ProgressMeter, ExpectsWhatIsPredictedUntilATenthIsDone) {
  ProgressMeter one = meter(1, 100, 100);
  EXPECT_EQ(one.now().remaining_s, kPredictedSeconds);
  one.trained(5, 5, 5);
  Progress now = one.now();
  EXPECT_NEAR(now.remaining_s, 95 * (0.5 * now.elapsed_s / 5 + 0.5 * kPredictedSeconds / 100), 1e-9);
  one.trained(5, 5, 5);
  now = one.now();
  EXPECT_NEAR(now.remaining_s, 9 * now.elapsed_s, 1e-9);
}

TEST(ProgressMeter, ExpectsNoNegativeTimeWhereCopiesTrainLonger) {
  ProgressMeter one = meter(2, 20, 20);
  one.trained(30, 30, 30);
  EXPECT_EQ(one.now().remaining_s, 0.0);
}

TEST(ProgressMeter, EstimatesTheTimeLeftFromTheWorkDone) {
  ProgressMeter half = meter(2, 20, 20);
  half.trained(10, 900, 10);
  const Progress now = half.now();
  EXPECT_GT(now.elapsed_s, 0);
  EXPECT_NEAR(now.remaining_s, now.elapsed_s, 1e-9);
  EXPECT_NEAR(now.samples_per_s * now.elapsed_s, 900, 1e-6);
}

TEST(ProgressMeter, TakesEpochsThatWereNotNeededOffTheTotal) {
  ProgressMeter one = meter(2, 20, 20);
  one.trained(4, 360, 4);
  one.finished(ended(0, 1.0, 4, TrialStatus::stopped), 1);
  const Progress now = one.now();
  EXPECT_EQ(now.epochs_done, 4U);
  EXPECT_EQ(now.epochs_total, 14U);
  EXPECT_NEAR(now.remaining_s, now.elapsed_s * 10 / 4, 1e-9);
}

}  // namespace
}  // namespace shoal::train
