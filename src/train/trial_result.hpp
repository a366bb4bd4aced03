#pragma once

#include <vector>

#include "shoal/engine.hpp"
#include "shoal/run.hpp"

namespace shoal::train {

/// Every metric that these sums over validation (or test) rows hold; NaN for the others. train_loss is NaN.
[[nodiscard]] MetricValues metrics_of(Task task, const MetricSums& sums);

/// What has become of a trial that is in `state`, or would if it ended there, and has these metrics on validation rows;
/// `curve` holds all epochs that it trained itself, `lineage` when it became a copy.
[[nodiscard]] TrialResult trial_result(const Trial& trial, const TrialState& state, MetricValues metrics,
                                       std::vector<CurvePoint> curve, std::vector<Takeover> lineage = {});

/// Whether a trial with patience that ended now would go back to an epoch before its last.
[[nodiscard]] bool has_better_epoch(const Trial& trial, const TrialState& state);

/// Ends a trial at a rung: with patience it goes back to its best parameters, as one that ends by itself does. Its
/// metrics are already of these.
void end_at_rung(PausedTrial& trial);

}  // namespace shoal::train
