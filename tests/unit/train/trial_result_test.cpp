#include "train/trial_result.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "tests/support/toy_engine.hpp"

namespace shoal::train {
namespace {

MetricSums class_sums() {
  MetricSums sums;
  sums.loss = 6;
  sums.weight = 4;
  sums.n_rows = 4;
  sums.n_actual = {2, 2};
  sums.n_predicted = {3, 1};
  sums.n_true_positive = {2, 1};
  return sums;
}

TEST(MetricsOf, HoldWhatTheSumsHoldAndNaNElsewhere) {
  const MetricValues metrics = metrics_of(Task::classification, class_sums());
  EXPECT_EQ(metrics.of(Metric::val_loss), 1.5);
  EXPECT_EQ(metrics.of(Metric::val_accuracy), 0.75);
  EXPECT_EQ(metrics.of(Metric::val_balanced_accuracy), 0.75);
  EXPECT_TRUE(std::isnan(metrics.of(Metric::val_auc)));
  EXPECT_TRUE(std::isnan(metrics.of(Metric::val_rmse)));
  EXPECT_TRUE(std::isnan(metrics.of(Metric::train_loss)));
}

const std::vector<CurvePoint> kCurve{{1, 9, 5, 5}, {2, 8, 4, 4}, {3, 7, 6, 6}};

TEST(TrialResult, TakesTheLastEpochWithoutPatience) {
  TrialState state;
  state.epoch = 3;
  state.status = TrialStatus::finished;
  const TrialResult result = trial_result(toy::trial(0), state, metrics_of(Task::classification, class_sums()), kCurve);
  EXPECT_EQ(result.best_epoch, 3U);
  EXPECT_EQ(result.metrics.of(Metric::train_loss), 7);
  EXPECT_EQ(result.curve.size(), 3U);
}

TEST(TrialResult, TakesTheBestEpochWithPatience) {
  Trial trial = toy::trial(0);
  trial.hyperparameters.n_iter_no_change = 1;
  TrialState state;
  state.epoch = 3;
  state.best_epoch = 2;
  state.status = TrialStatus::stopped;
  const TrialResult stopped = trial_result(trial, state, metrics_of(Task::classification, class_sums()), kCurve);
  EXPECT_EQ(stopped.status, TrialStatus::stopped);
  EXPECT_EQ(stopped.epochs, 3U);
  EXPECT_EQ(stopped.best_epoch, 2U);
  EXPECT_EQ(stopped.metrics.of(Metric::train_loss), 8);
  state.status = TrialStatus::diverged;
  EXPECT_EQ(trial_result(trial, state, metrics_of(Task::classification, class_sums()), kCurve).best_epoch, 3U);
}

TEST(EndAtRung, GoesBackToTheBestEpochWithPatienceAlone) {
  PausedTrial trial;
  trial.result.trial = toy::trial(0);
  trial.result.best_epoch = 3;
  trial.state.epoch = 3;
  trial.state.best_epoch = 2;
  trial.state.parameters = {3};
  trial.state.best_parameters = {2};
  PausedTrial without = trial;
  end_at_rung(without);
  EXPECT_EQ(without.result.status, TrialStatus::pruned);
  EXPECT_EQ(without.result.best_epoch, 3U);
  EXPECT_EQ(without.state.parameters, std::vector<float>{3});
  trial.result.trial.hyperparameters.n_iter_no_change = 9;
  end_at_rung(trial);
  EXPECT_EQ(trial.result.status, TrialStatus::pruned);
  EXPECT_EQ(trial.result.best_epoch, 2U);
  EXPECT_EQ(trial.state.parameters, std::vector<float>{2});
}

TEST(TrialResult, CountsTheEpochsThatItTrainedItself) {
  TrialState state;
  state.epoch = 5;
  const std::vector<CurvePoint> curve{{1, 9, 5, 5}, {5, 8, 4, 4}};  // diverged, became a copy after 4 epochs
  EXPECT_EQ(trial_result(toy::trial(0), state, MetricValues{}, curve).epochs, 2U);
}

TEST(TrialResult, HasTheTrainLossOfABestEpochThatItCopied) {
  Trial trial = toy::trial(0);
  trial.hyperparameters.n_iter_no_change = 1;
  TrialState state;
  state.epoch = 3;
  state.best_epoch = 2;
  state.status = TrialStatus::finished;
  const std::vector<Takeover> lineage{{2, "parent", {}, 0.5}};
  EXPECT_EQ(trial_result(trial, state, MetricValues{}, kCurve, lineage).metrics.of(Metric::train_loss), 0.5);
  state.best_epoch = 3;
  EXPECT_EQ(trial_result(trial, state, MetricValues{}, kCurve, lineage).metrics.of(Metric::train_loss), 7);
  EXPECT_EQ(trial_result(trial, state, MetricValues{}, kCurve, lineage).lineage, lineage);
}

}  // namespace
}  // namespace shoal::train
