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
  result.best_epoch = has_better_epoch(trial, state) ? state.best_epoch : state.epoch;
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

bool has_better_epoch(const Trial& trial, const TrialState& state) {
  // What diverges stays as it is.
  const bool goes_back = has_patience(trial.hyperparameters) && state.status != TrialStatus::diverged;
  return goes_back && state.best_epoch > 0 && state.best_epoch < state.epoch;
}

void end_at_rung(PausedTrial& trial) {
  trial.result.status = TrialStatus::pruned;
  if (!has_better_epoch(trial.result.trial, trial.state)) return;
  trial.result.best_epoch = trial.state.best_epoch;
  trial.state.parameters = trial.state.best_parameters;
}

}  // namespace shoal::train
