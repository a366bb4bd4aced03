#include "train/progress_meter.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "spec/nan.hpp"

namespace shoal::train {

bool is_better(double metric, double best, bool maximize) {
  if (!std::isfinite(metric)) return false;
  if (!std::isfinite(best)) return true;
  return maximize ? metric > best : metric < best;
}

ProgressMeter::ProgressMeter(Progress start, Work work, Metric metric, bool maximize, bool best_is_pruned)
    : progress_(std::move(start)),
      work_(work),
      cost_total_(work.cost),
      metric_(metric),
      maximize_(maximize),
      best_is_pruned_(best_is_pruned) {
  if (progress_.best_id.empty()) progress_.best_metric = kNaN;
}

void ProgressMeter::trained(std::uint64_t epochs, double samples, double cost) {
  progress_.epochs_done += epochs;
  samples_ += samples;
  cost_done_ += cost;
}

void ProgressMeter::finished(const TrialResult& result, double cost_of_an_epoch) {
  ++progress_.n_done;
  const auto asked = static_cast<std::uint32_t>(result.trial.hyperparameters.max_iter);
  const bool expected = result.status != TrialStatus::pruned && asked > result.epochs;
  const std::uint32_t spared = expected ? asked - result.epochs : 0;
  progress_.epochs_total -= std::min<std::uint64_t>(spared, progress_.epochs_total);
  cost_total_ -= cost_of_an_epoch * spared;
  if (result.status == TrialStatus::pruned) ++progress_.n_pruned;
  if (result.status == TrialStatus::diverged) {
    ++progress_.n_diverged;
    return;
  }
  const double metric = result.metrics.of(metric_);
  const bool pruned = result.status == TrialStatus::pruned;
  // One that a rung ended is the best only while no other is there.
  if (pruned && !best_is_pruned_ && !progress_.best_id.empty()) return;
  const bool is_first = progress_.best_id.empty() || (best_is_pruned_ && !pruned);
  const bool equal = metric == progress_.best_metric && result.trial.id < progress_.best_id;
  if (equal || is_better(metric, is_first ? kNaN : progress_.best_metric, maximize_)) {
    progress_.best_metric = metric;
    progress_.best_id = result.trial.id;
    best_is_pruned_ = pruned;
  }
}

/// As predicted at first, as measured after a tenth of the work: the first calls of an engine tell little.
double ProgressMeter::seconds_a_cost(double elapsed_s) const {
  constexpr double kTelling = 0.1;
  const double weight = std::min(1.0, cost_done_ / (kTelling * work_.cost));
  const double measured = cost_done_ > 0 ? elapsed_s / cost_done_ : 0;
  return weight * measured + (1 - weight) * work_.predicted_s / work_.cost;
}

Progress ProgressMeter::now() const {
  Progress now = progress_;
  now.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - start_).count();
  now.samples_per_s = now.elapsed_s > 0 ? samples_ / now.elapsed_s : 0;
  // A copy may be trained for more epochs than were asked for.
  now.remaining_s = std::max(0.0, cost_total_ - cost_done_) * seconds_a_cost(now.elapsed_s);
  if (now.n_done >= now.n_trials) now.remaining_s = 0;
  return now;
}

}  // namespace shoal::train
