#include "engine/cpu/epoch_end.hpp"

#include <cmath>

namespace shoal::cpu {

math::EpochRules epoch_rules(const Hyperparameters& h, const EngineOptions& options) {
  return {static_cast<std::uint32_t>(h.max_iter),
          static_cast<std::uint32_t>(h.n_iter_no_change),
          h.tol,
          options.maximize,
          h.learning_rate == Schedule::adaptive,
          h.learning_rate_init};
}

void add_validation(EpochRecord& record, const MetricSums& validation, const EngineOptions& options, Task task) {
  record.val_loss = validation.loss;
  record.val_weight = validation.weight;
  record.metric = options.metric == Metric::train_loss ? record.train_loss / record.train_weight
                                                       : metric_value(options.metric, task, validation);
}

math::EpochDecision end_epoch(TrialState& state, const math::EpochRules& rules, const EpochRecord& record,
                              bool finite) {
  math::EpochProgress progress{++state.epoch,      state.n_stalled,      state.best_epoch,     state.best_metric,
                               state.n_rate_drops, state.n_rate_stalled, state.best_train_loss};
  const bool all_finite = finite && std::isfinite(record.train_loss) && std::isfinite(record.val_loss);
  const math::EpochDecision decision =
      math::decide_epoch(progress, rules, record.metric, record.train_loss / record.train_weight, all_finite);
  state.n_stalled = progress.n_stalled;
  state.n_rate_drops = progress.n_rate_drops;
  state.n_rate_stalled = progress.n_rate_stalled;
  state.best_train_loss = progress.best_train_loss;
  state.best_epoch = progress.best_epoch;
  state.best_metric = progress.best_metric;
  state.status = static_cast<TrialStatus>(decision.verdict);
  return decision;
}

}  // namespace shoal::cpu
