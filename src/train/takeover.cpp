#include "train/takeover.hpp"

#include <algorithm>
#include <limits>
#include <vector>

#include "search/population.hpp"

namespace shoal::train {
namespace {

/// Of the epoch whose parameters are kept as the best; NaN without patience.
double best_train_loss(const PausedTrial& trial) {
  const std::vector<Takeover>& lineage = trial.result.lineage;
  if (!lineage.empty() && trial.state.best_epoch <= lineage.back().epoch) return lineage.back().best_train_loss;
  const auto best = std::ranges::find(trial.result.curve, trial.state.best_epoch, &CurvePoint::epoch);
  return best == trial.result.curve.end() ? std::numeric_limits<double>::quiet_NaN() : best->train_loss;
}

}  // namespace

void go_on_with(Changes changes, Trial& trial, TrialState& state) {
  search::set_explored(changes, trial.hyperparameters);
  const std::size_t n_moments = has_first_moment(trial.hyperparameters) ? state.parameters.size() : 0;
  state.first_moment.resize(n_moments);
}

void take_over(PausedTrial& trial, const PausedTrial& parent, Changes changes) {
  TrialResult& result = trial.result;
  Trial copy = parent.result.trial;
  copy.id = result.trial.id;
  copy.number = result.trial.number;
  copy.setting = result.trial.setting;
  result.trial = std::move(copy);
  result.status = parent.result.status;
  result.lineage.push_back(
      {parent.state.epoch, parent.result.trial.id, {changes.begin(), changes.end()}, best_train_loss(parent)});
  trial.state = parent.state;
  go_on_with(changes, result.trial, trial.state);
}

}  // namespace shoal::train
