#pragma once

#include <vector>

#include "shoal/engine.hpp"
#include "shoal/run.hpp"

namespace shoal::train {

/// Every metric that these sums over validation (or test) rows hold; NaN for the others. train_loss is NaN.
[[nodiscard]] MetricValues metrics_of(Task task, const MetricSums& sums);

/// What has become of a trial that is in `state` and has these metrics on validation rows; `curve` holds all epochs
/// that it trained itself, `lineage` when it became a copy.
[[nodiscard]] TrialResult trial_result(const Trial& trial, const TrialState& state, MetricValues metrics,
                                       std::vector<CurvePoint> curve, std::vector<Takeover> lineage = {});

}  // namespace shoal::train
