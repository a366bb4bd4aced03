// Expected values were worked out by hand from the tables in each test.
#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <utility>

#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

Dataset table(Task task, std::vector<std::int32_t> labels, std::size_t n_targets, std::vector<float> targets = {}) {
  Dataset data;
  data.preprocessing.task = task;
  for (std::size_t k = 0; k < n_targets; ++k) {
    (task == Task::classification ? data.preprocessing.classes : data.preprocessing.target_names).push_back("x");
  }
  data.n_rows = std::max(labels.size(), targets.size() / n_targets);
  data.labels = std::move(labels);
  data.targets = std::move(targets);
  Split split;
  split.targets = {std::vector<float>(n_targets, 0.0F), std::vector<float>(n_targets, 1.0F),
                   std::vector<double>(n_targets, 1.0)};
  data.splits.push_back(split);
  return data;
}

MetricSums collect(const Dataset& data, Loss loss, const std::vector<std::vector<float>>& outputs) {
  MetricCollector collector(data, data.splits.front(), loss, {});
  for (std::uint32_t row = 0; row < outputs.size(); ++row)
    collector.add(row, 0.5F * static_cast<float>(row), outputs[row]);
  return collector.sums();
}

std::string undefined(Metric metric, Dataset data, std::vector<std::uint32_t> validation) {
  data.splits.front().validation = std::move(validation);
  return why_undefined(metric, data, data.splits.front());
}

TEST(Metrics, AreNotDefinedWhereRowsDoNotDiffer) {
  const Dataset classes = table(Task::classification, {0, 1, 1, 2}, 3);
  EXPECT_EQ(undefined(Metric::val_auc, classes, {1, 2}), "are of one class");
  EXPECT_EQ(undefined(Metric::val_auc, classes, {2, 3}), "");
  EXPECT_EQ(undefined(Metric::val_accuracy, classes, {1, 2}), "");
  const Dataset labels = table(Task::multilabel, {}, 2, {0, 1, 1, 1, 0, 1});
  EXPECT_EQ(undefined(Metric::val_auc, labels, {0, 2}), "have the same labels");
  EXPECT_EQ(undefined(Metric::val_auc, labels, {0, 1}), "");
  const Dataset numbers = table(Task::regression, {}, 2, {1, 5, 1, 5, 1, 6});
  EXPECT_EQ(undefined(Metric::val_r2, numbers, {0, 1}), "have the same target");
  EXPECT_EQ(undefined(Metric::val_r2, numbers, {1, 2}), "");
  EXPECT_EQ(undefined(Metric::val_r2, numbers, {2}), "have the same target");
  EXPECT_EQ(undefined(Metric::val_rmse, numbers, {2}), "");
}

TEST(Metrics, OfThreeClasses) {
  const Dataset data = table(Task::classification, {0, 0, 0, 1, 1, 2}, 3);
  const MetricSums sums =
      collect(data, Loss::cross_entropy,
              {{.8F, .1F, .1F}, {.5F, .3F, .2F}, {.2F, .7F, .1F}, {.1F, .8F, .1F}, {.4F, .4F, .2F}, {.2F, .3F, .5F}});
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_accuracy, data.task(), sums), 4.0 / 6);  // row 4 ties: the first class wins
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_balanced_accuracy, data.task(), sums), (2.0 / 3 + 1.0 / 2 + 1.0) / 3);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_macro_f1, data.task(), sums),
                   (2 * 2.0 / (3 + 3) + 2 * 1.0 / (2 + 2) + 1.0) / 3);
  // Class 0: scores .8 .5 .2 against .1 .4 .2: 3 + 3 + (1 + half) of 9. Class 1: .8 .4 against .1 .3 .7 .3: 4 + 3 of 8.
  // Class 2: 5 of 5.
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_auc, data.task(), sums), (7.5 / 9 + 7.0 / 8 + 1.0) / 3);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_loss, data.task(), sums), 0.5 * (1 + 2 + 3 + 4 + 5) / 6);
}

TEST(Metrics, AucOfTwoClassesIsOneRankingWhateverTheOutputs) {
  const Dataset data = table(Task::classification, {1, 0, 1, 0}, 2);
  const MetricSums two = collect(data, Loss::cross_entropy, {{.1F, .9F}, {.2F, .8F}, {.7F, .3F}, {.9F, .1F}});
  const MetricSums one = collect(data, Loss::binary_cross_entropy, {{.9F}, {.8F}, {.3F}, {.1F}});
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_auc, data.task(), two), 0.75);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_auc, data.task(), one), 0.75);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_accuracy, data.task(), one), 0.5);
}

TEST(Metrics, AucLeavesOutAClassWithoutRowsAndIsNaNWithoutAny) {
  const Dataset data = table(Task::classification, {1, 1}, 2);
  const MetricSums sums = collect(data, Loss::cross_entropy, {{.1F, .9F}, {.2F, .8F}});
  EXPECT_TRUE(std::isnan(metric_value(Metric::val_auc, data.task(), sums)));
}

TEST(Metrics, OfRegressionAreInTheTablesUnits) {
  Dataset data = table(Task::regression, {}, 1, {1, 2, 3, 6});
  data.splits[0].targets = {{3.0F}, {0.5F}, {2.0}};  // scaled targets: -1, -.5, 0, 1.5
  const MetricSums sums = collect(data, Loss::squared_error, {{-1.0F}, {0.0F}, {0.0F}, {1.0F}});
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_rmse, data.task(), sums), std::sqrt((1.0 + 1.0) / 4));
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_mae, data.task(), sums), 0.5);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_r2, data.task(), sums), 1 - 2.0 / 14.0);
}

TEST(Metrics, OfLabelsCountEachLabel) {
  const Dataset data = table(Task::multilabel, {}, 2, {1, 0, 1, 1, 0, 0});
  const MetricSums sums = collect(data, Loss::binary_cross_entropy, {{.9F, .2F}, {.4F, .8F}, {.1F, .6F}});
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_accuracy, data.task(), sums), 4.0 / 6);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_balanced_accuracy, data.task(), sums),
                   (0.5 * (0.5 + 1) + 0.5 * (1 + 0.5)) / 2);
}

TEST(Metrics, LossIsWeightedAndCountsAreNot) {
  Dataset data = table(Task::classification, {0, 1}, 2);
  data.weights = {3.0F, 1.0F};
  const MetricSums sums = collect(data, Loss::cross_entropy, {{.9F, .1F}, {.9F, .1F}});
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_loss, data.task(), sums), 0.5 / 4);
  EXPECT_DOUBLE_EQ(metric_value(Metric::val_accuracy, data.task(), sums), 0.5);
}

TEST(Metrics, RefuseSumsThatDoNotHoldThem) {
  EXPECT_THROW((void)metric_value(Metric::val_rmse, Task::regression, MetricSums{}), Error);
}

}  // namespace
}  // namespace shoal
