#include "train/trial_result.hpp"

#include <algorithm>
#include <utility>

namespace shoal::train {

MetricValues metrics_of(Task task, const MetricSums& sums) {
  MetricValues metrics;
  const auto fill = [&](std::initializer_list<Metric> which) {
    for (const Metric metric : which)
      metrics.values[static_cast<std::size_t>(metric)] = metric_value(metric, task, sums);
  };
  fill({Metric::val_loss});
  if (!sums.n_actual.empty()) fill({Metric::val_accuracy, Metric::val_balanced_accuracy, Metric::val_macro_f1});
  if (!sums.n_ordered_pairs.empty()) fill({Metric::val_auc});
  if (!sums.squared_error.empty()) fill({Metric::val_rmse, Metric::val_mae, Metric::val_r2});
  return metrics;
}

TrialResult trial_result(const Trial& trial, const TrialState& state, MetricValues metrics,
                         std::vector<CurvePoint> curve, std::vector<Takeover> lineage) {
  TrialResult result;
  result.trial = trial;
  result.status = state.status;
  result.epochs = static_cast<std::uint32_t>(curve.size());
  // Only training that ends by itself goes back to the best parameters.
  const bool went_back = state.status == TrialStatus::finished || state.status == TrialStatus::stopped;
  const bool keeps_best = trial.hyperparameters.n_iter_no_change > 0 && went_back;
  result.best_epoch = keeps_best && state.best_epoch > 0 ? state.best_epoch : state.epoch;
  result.metrics = std::move(metrics);
  const auto kept = std::ranges::find(curve, result.best_epoch, &CurvePoint::epoch);
  double& train_loss = result.metrics.values[static_cast<std::size_t>(Metric::train_loss)];
  if (!lineage.empty() && result.best_epoch <= lineage.back().epoch) {
    // Its own curve has another network at that epoch.
    train_loss = lineage.back().best_train_loss;
  } else if (kept != curve.end()) {
    train_loss = kept->train_loss;
  }
  result.curve = std::move(curve);
  result.lineage = std::move(lineage);
  return result;
}

}  // namespace shoal::train
