#include "shoal/metric.hpp"

#include <gtest/gtest.h>

namespace shoal {
namespace {

TEST(MetricRules, SayForWhichTaskAMetricMeansSomething) {
  EXPECT_TRUE(metric_applies(Metric::val_loss, Task::regression));
  EXPECT_TRUE(metric_applies(Metric::train_loss, Task::multilabel));
  EXPECT_TRUE(metric_applies(Metric::val_auc, Task::multilabel));
  EXPECT_FALSE(metric_applies(Metric::val_macro_f1, Task::regression));
  EXPECT_FALSE(metric_applies(Metric::val_r2, Task::classification));
  EXPECT_TRUE(metric_applies(Metric::val_mae, Task::regression));
}

TEST(MetricRules, PreferLargeAccuraciesAndSmallErrors) {
  EXPECT_TRUE(larger_is_better(Metric::val_accuracy));
  EXPECT_TRUE(larger_is_better(Metric::val_r2));
  EXPECT_FALSE(larger_is_better(Metric::val_rmse));
  EXPECT_FALSE(larger_is_better(Metric::val_loss));
}

}  // namespace
}  // namespace shoal
