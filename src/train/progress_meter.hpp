#pragma once

#include <chrono>
#include <cstdint>

#include "shoal/run.hpp"

namespace shoal::train {

/// Whether `metric` is better than `best`; nothing is better than a number that is not finite, and no such number is.
[[nodiscard]] bool is_better(double metric, double best, bool maximize);

/// What a run has to do.
struct Work {
  double cost = 0;         ///< of the trials that it trains (plan::cost)
  double predicted_s = 0;  ///< what that is predicted to take
};

/// Adds up a sweep's progress.
class ProgressMeter {
 public:
  /// `start`: totals, and what earlier runs did. best_is_pruned: whether a rung ended the best trial of `start`.
  ProgressMeter(Progress start, Work work, Metric metric, bool maximize, bool best_is_pruned = false);

  void trained(std::uint64_t epochs, double samples, double cost);
  /// A trial has ended; the epochs that it did not need are done, too, as far as the remaining time goes. Those that a
  /// rung spares were never expected.
  void finished(const TrialResult& result, double cost_of_an_epoch);
  /// Trials that will never begin; their epochs were not expected.
  void spared(std::uint64_t n_trials) { progress_.n_done += n_trials; }
  [[nodiscard]] Progress now() const;

 private:
  [[nodiscard]] double seconds_a_cost(double elapsed_s) const;

  Progress progress_;
  Work work_;  ///< at the start
  double cost_total_;
  double cost_done_ = 0;  ///< trained or not needed
  double samples_ = 0;
  Metric metric_;
  bool maximize_;
  bool best_is_pruned_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
};

}  // namespace shoal::train
