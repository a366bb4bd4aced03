#include "train/train.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

namespace shoal {
namespace {

using Clock = std::chrono::steady_clock;

/// A trial on its way.
struct Running {
  Trial trial;
  Slot slot = 0;
  std::uint32_t epochs = 0;
  std::vector<EpochRecord> records;
  double seconds = 0;
};

double mean(double sum, double weight) { return weight == 0 ? std::numeric_limits<double>::quiet_NaN() : sum / weight; }

MetricValues metrics_of(const MetricSums& validation, Task task) {
  MetricValues values;
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (metric == Metric::train_loss || !metric_applies(metric, task)) continue;
    values.values[m] = metric_value(metric, task, validation);
  }
  return values;
}

TrialResult result_of(const Running& running, const TrialState& state, const MetricSums& validation, Task task) {
  TrialResult result;
  result.trial = running.trial;
  result.status = state.status;
  result.epochs = state.epoch;
  result.best_epoch = state.best_epoch == 0 ? state.epoch : state.best_epoch;
  result.metrics = metrics_of(validation, task);
  result.train_seconds = running.seconds;
  for (const EpochRecord& record : running.records) {
    const double train_loss = mean(record.train_loss, record.train_weight);
    result.curve.push_back({record.epoch, train_loss, mean(record.val_loss, record.val_weight), record.metric});
    if (record.epoch == result.best_epoch) {
      result.metrics.values[static_cast<std::size_t>(Metric::train_loss)] = train_loss;
    }
  }
  return result;
}

/// Trains trials in rounds of about kRound: several epochs of a few, or one epoch of as many as fit.
class ChunkTrainer {
 public:
  ChunkTrainer(Engine& engine, const Chunk& chunk, const Trials& trials, const Dataset& dataset, std::stop_token stop,
               ResultSink& sink)
      : engine_(&engine), dataset_(&dataset), stop_(std::move(stop)), sink_(&sink) {
    engine.prepare(chunk.gangs);
    for (const Placement& placement : chunk.placements) {
      Running running{trials.at(placement.trial), placement.slot, 0, {}, 0};
      engine.place(placement.slot, running.trial, initial_state(running.trial));
      by_slot_[placement.slot] = running_.size();
      running_.push_back(std::move(running));
    }
  }

  void run() {
    while (!running_.empty() && !stop_.stop_requested()) round();
  }

 private:
  /// The targets of one round: whole gangs' members stand next to each other, so the front of the list is taken.
  std::vector<TrainTarget> targets() const {
    std::vector<TrainTarget> chosen;
    for (const Running& running : running_) {
      if (chosen.size() >= n_networks_) break;
      const auto max_iter = static_cast<std::uint32_t>(running.trial.hyperparameters.max_iter);
      chosen.push_back({running.slot, std::min(max_iter, running.epochs + n_epochs_)});
    }
    return chosen;
  }

  void round() {
    const std::vector<TrainTarget> chosen = targets();
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    const Clock::time_point start = Clock::now();
    engine_->train(chosen, stop_, records, lost);
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    take_records(records, seconds);
    deliver(chosen, lost);
    adapt(seconds);
  }

  void take_records(const std::vector<EpochRecord>& records, double seconds) {
    std::uint64_t samples = 0;
    for (const EpochRecord& record : records) {
      Running& running = running_[by_slot_.at(record.slot)];
      running.records.push_back(record);
      running.epochs = record.epoch;
      running.seconds += seconds / static_cast<double>(records.size());
      samples += dataset_->splits.at(running.trial.fold).training.size();
    }
    sink_->advanced(records.size(), samples);
  }

  /// Hands over what has ended and forgets what was lost.
  void deliver(const std::vector<TrainTarget>& chosen, const std::vector<Slot>& lost) {
    std::vector<Slot> gone = lost;
    std::vector<Slot> ended;
    for (const TrainTarget& target : chosen) {
      if (std::ranges::find(lost, target.slot) != lost.end()) continue;
      const Running& running = running_[by_slot_.at(target.slot)];
      const bool at_end = running.epochs >= static_cast<std::uint32_t>(running.trial.hyperparameters.max_iter);
      const bool fell_short = running.epochs < target.epoch && !stop_.stop_requested();
      if (at_end || fell_short || engine_->read(target.slot).status != TrialStatus::running)
        ended.push_back(target.slot);
    }
    if (!ended.empty()) {
      const std::vector<MetricSums> sums = engine_->evaluate(ended, RowSet::validation);
      for (std::size_t i = 0; i < ended.size(); ++i) {
        TrialState state = engine_->take(ended[i]);
        sink_->finished(result_of(running_[by_slot_.at(ended[i])], state, sums[i], dataset_->task()), std::move(state));
      }
      gone.insert(gone.end(), ended.begin(), ended.end());
    }
    if (gone.empty()) return;
    std::ranges::sort(gone);
    std::erase_if(running_, [&](const Running& r) { return std::ranges::binary_search(gone, r.slot); });
    by_slot_.clear();
    for (std::size_t i = 0; i < running_.size(); ++i) by_slot_[running_[i].slot] = i;
  }

  /// More work a round while rounds are short: networks first, since they keep every core busy, then epochs.
  void adapt(double seconds) {
    const double wanted = std::chrono::duration<double>(kRound).count();
    if (seconds < wanted / 2) {
      if (n_networks_ < running_.size()) {
        n_networks_ *= 2;
      } else {
        n_epochs_ *= 2;
      }
    } else if (seconds > wanted * 2) {
      if (n_epochs_ > 1) {
        n_epochs_ = std::max(1U, n_epochs_ / 2);
      } else {
        n_networks_ = std::max<std::size_t>(kFewest, n_networks_ / 2);
      }
    }
  }

  static constexpr std::size_t kFewest = 16;
  Engine* engine_;
  const Dataset* dataset_;
  std::stop_token stop_;
  ResultSink* sink_;
  std::vector<Running> running_;
  std::unordered_map<Slot, std::size_t> by_slot_;
  std::size_t n_networks_ = kFewest;
  std::uint32_t n_epochs_ = 1;
};

}  // namespace

void train_chunk(Engine& engine, const Chunk& chunk, const Trials& trials, const Dataset& dataset, std::stop_token stop,
                 ResultSink& sink) {
  ChunkTrainer(engine, chunk, trials, dataset, std::move(stop), sink).run();
}

}  // namespace shoal
