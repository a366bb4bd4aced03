#pragma once

#include <cstdint>

#include "kernels/math/host_device.hpp"

namespace shoal::math {

/// What the decisions at an epoch's end read and change; the fields of TrialState that they concern.
struct EpochProgress {
  std::uint32_t epoch = 0;  ///< epochs done, this one included
  std::uint32_t n_stalled = 0;
  std::uint32_t best_epoch = 0;  ///< 0: none yet
  double best_metric = 0;        ///< of best_epoch
};

struct EpochRules {
  std::uint32_t max_iter = 0;
  std::uint32_t n_iter_no_change = 0;  ///< 0: no patience
  double tol = 0;
  bool maximize = false;
};

/// In the order of TrialStatus.
enum class EpochVerdict : std::uint8_t { go_on, finished, stopped, diverged };

struct EpochDecision {
  EpochVerdict verdict = EpochVerdict::go_on;
  bool is_best = false;  ///< take a snapshot of the parameters
};

/// Decides at the end of an epoch. `metric` is the watched metric after it; `finite`: all parameters, optimizer states
/// and losses are. Patience counts as scikit-learn does: an epoch that does not gain `tol` on the best one so far
/// stalls, more than n_iter_no_change stalled epochs in a row stop, any gain moves the best.
SHOAL_HD EpochDecision decide_epoch(EpochProgress& progress, const EpochRules& rules, double metric, bool finite) {
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
    if (progress.n_stalled > rules.n_iter_no_change) decision.verdict = EpochVerdict::stopped;
  }
  if (progress.epoch >= rules.max_iter && decision.verdict == EpochVerdict::go_on)
    decision.verdict = EpochVerdict::finished;
  return decision;
}

}  // namespace shoal::math
