#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace shoal::math {

/// What the decisions at an epoch's end read and change; the fields of TrialState that they concern.
struct EpochProgress {
  std::uint32_t epoch = 0;  ///< epochs done, this one included
  std::uint32_t n_stalled = 0;
  std::uint32_t best_epoch = 0;                        ///< 0: none yet
  double best_metric = 0;                              ///< of best_epoch
  std::uint32_t n_rate_drops = 0, n_rate_stalled = 0;  ///< adaptive rate only, as is:
  double best_train_loss = 0;                          ///< infinite before the first epoch
};

struct EpochRules {
  std::uint32_t max_iter = 0;
  std::uint32_t n_iter_no_change = 0;  ///< 0: no patience
  double tol = 0;
  bool maximize = false;
  bool adaptive_rate = false;
  double learning_rate_init = 0;  ///< adaptive rate only
};

/// In the order of TrialStatus.
enum class EpochVerdict : std::uint8_t { go_on, finished, stopped, diverged };

struct EpochDecision {
  EpochVerdict verdict = EpochVerdict::go_on;
  bool is_best = false;  ///< take a snapshot of the parameters
};

/// Whether the network ends, and with its best parameters.
SHOAL_HD bool takes_best(const EpochDecision& decision, const EpochRules& rules) {
  const bool ended = decision.verdict == EpochVerdict::finished || decision.verdict == EpochVerdict::stopped;
  return ended && rules.n_iter_no_change > 0;
}

/// The rate of an adaptive schedule, and the one at which it falls no more.
inline constexpr double kLeastAdaptiveRate = 1e-6;
SHOAL_HD double adaptive_rate(double learning_rate_init, std::uint32_t n_drops) {
  double rate = learning_rate_init;
  for (std::uint32_t i = 0; i < n_drops; ++i) rate /= 5.0;
  return rate;
}

/// Whether the rate may still fall; counts the epochs whose training loss did not gain `tol`, and lets it fall.
SHOAL_HD bool adapt_rate(EpochProgress& progress, const EpochRules& rules, double train_loss) {
  constexpr std::uint32_t kUsualPatience = 10;
  const double gain = progress.best_train_loss - train_loss;
  progress.n_rate_stalled = gain >= rules.tol ? 0 : progress.n_rate_stalled + 1;
  if (gain > 0.0) progress.best_train_loss = train_loss;
  if (adaptive_rate(rules.learning_rate_init, progress.n_rate_drops) <= kLeastAdaptiveRate) return false;
  if (progress.n_rate_stalled > (rules.n_iter_no_change > 0 ? rules.n_iter_no_change : kUsualPatience)) {
    ++progress.n_rate_drops;
    progress.n_rate_stalled = 0;
    progress.n_stalled = 0;
  }
  return true;
}

/// Decides at the end of an epoch. `metric` is the watched metric after it, `train_loss` its mean training loss;
/// `finite`: all parameters, optimizer states and losses are. Patience counts as scikit-learn does: an epoch that does
/// not gain `tol` on the best one so far stalls, more than n_iter_no_change stalled epochs in a row stop (under an
/// adaptive rate only once the rate is at its least), any gain moves the best.
SHOAL_HD EpochDecision decide_epoch(EpochProgress& progress, const EpochRules& rules, double metric, double train_loss,
                                    bool finite) {
  const bool metric_finite = metric - metric == 0.0;
  if (!finite || !metric_finite) return {EpochVerdict::diverged, false};
  EpochDecision decision;
  if (rules.n_iter_no_change > 0) {
    const bool first = progress.best_epoch == 0;
    const double gain = rules.maximize ? metric - progress.best_metric : progress.best_metric - metric;
    progress.n_stalled = first || gain >= rules.tol ? 0 : progress.n_stalled + 1;
    decision.is_best = first || gain > 0.0;
    if (decision.is_best) {
      progress.best_metric = metric;
      progress.best_epoch = progress.epoch;
    }
  }
  const bool rate_may_fall = rules.adaptive_rate && adapt_rate(progress, rules, train_loss);
  if (rules.n_iter_no_change > 0 && progress.n_stalled > rules.n_iter_no_change && !rate_may_fall)
    decision.verdict = EpochVerdict::stopped;
  if (progress.epoch >= rules.max_iter && decision.verdict == EpochVerdict::go_on)
    decision.verdict = EpochVerdict::finished;
  return decision;
}

}  // namespace shoal::math
