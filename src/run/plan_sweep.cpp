// The dry run: everything but the training, and a short measurement that says how long that would take.
#include <algorithm>
#include <chrono>
#include <cstddef>
#include <limits>
#include <span>
#include <stop_token>
#include <vector>

#include "run/prepared_sweep.hpp"

namespace shoal {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::uint64_t kSampledTrials = 32;
constexpr std::size_t kSampledRows = 1024;
constexpr double kMeasurementSeconds = 0.3;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

template <class T>
void take_row(const std::vector<T>& from, std::size_t row, std::size_t width, std::vector<T>& to) {
  if (from.empty()) return;
  const auto first = from.begin() + static_cast<std::ptrdiff_t>(row * width);
  to.insert(to.end(), first, first + static_cast<std::ptrdiff_t>(width));
}

/// A table of the first split's first training rows and as large a share of its validation rows.
Dataset slice(const Dataset& whole) {
  Dataset part;
  part.name = whole.name;
  part.preprocessing = whole.preprocessing;
  const Split& split = whole.splits.front();
  Split& taken = part.splits.emplace_back();
  taken.inputs = split.inputs;
  taken.targets = split.targets;
  const auto n_inputs = static_cast<std::size_t>(whole.n_inputs());
  const std::size_t n_targets = whole.targets.empty() ? 0 : static_cast<std::size_t>(whole.n_targets());
  const auto take = [&](const std::vector<std::uint32_t>& rows, std::size_t count, std::vector<std::uint32_t>& into) {
    for (const std::uint32_t row : std::span(rows).first(std::min(count, rows.size()))) {
      take_row(whole.inputs, row, n_inputs, part.inputs);
      take_row(whole.labels, row, 1, part.labels);
      take_row(whole.targets, row, n_targets, part.targets);
      take_row(whole.weights, row, 1, part.weights);
      into.push_back(static_cast<std::uint32_t>(part.n_rows++));
    }
  };
  const std::size_t n_training = std::min(kSampledRows, split.training.size());
  take(split.training, n_training, taken.training);
  take(split.validation, split.validation.size() * n_training / std::max<std::size_t>(1, split.training.size()) + 1,
       taken.validation);
  return part;
}

/// Trials from all over the sweep, made to train for as long as they are asked.
std::vector<Trial> sample(const Trials& trials) {
  std::vector<Trial> sampled;
  const std::uint64_t count = std::min(kSampledTrials, trials.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    Trial trial = trials.at(i * trials.size() / count);
    trial.fold = 0;
    trial.hyperparameters.n_iter_no_change = 0;
    trial.hyperparameters.max_iter = std::numeric_limits<std::int32_t>::max();
    sampled.push_back(std::move(trial));
  }
  return sampled;
}

/// Work a second (plan::cost) of the sweep's engine on this machine.
double measured_rate(const run::PreparedSweep& sweep, const SweepSpec& spec) {
  const Dataset part = slice(*sweep.dataset);
  const std::unique_ptr<Engine> engine = make_engine(sweep.engine->name(), part, run::engine_options(spec));
  const std::vector<Trial> trials = sample(sweep.trials);
  const plan::Chunk chunk =
      plan::plan_window(trials, plan::all_epochs(trials), part, *engine, sweep.memory_bytes).front();
  engine->prepare(chunk.layout());
  std::vector<TrainTarget> targets;
  std::vector<double> cost_of(chunk.layout().back().first_slot + chunk.layout().back().n_slots);
  for (const plan::FilledGang& filled : chunk.gangs) {
    for (std::size_t i = 0; i < filled.trials.size(); ++i) {
      const Trial& trial = trials[filled.trials[i]];
      const Slot slot = filled.gang.first_slot + static_cast<Slot>(i);
      engine->place(slot, trial, initial_state(trial));
      targets.push_back({slot, 0});
      cost_of[slot] = plan::epoch_cost(trial, part);
    }
  }
  // The first epoch warms caches up; it counts only if there is no time for another.
  double rate = 0;
  double cost = 0;
  auto start = Clock::now();
  for (std::uint32_t epoch = 1; epoch <= 2 || seconds_since(start) < kMeasurementSeconds; ++epoch) {
    for (TrainTarget& target : targets) target.epoch = epoch;
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    engine->train(targets, {}, records, lost);
    if (records.empty()) break;  // all have diverged
    for (const EpochRecord& record : records) cost += cost_of[record.slot];
    rate = cost / std::max(seconds_since(start), 1e-9);
    if (epoch == 1) {
      if (seconds_since(start) >= kMeasurementSeconds) break;
      start = Clock::now();
      cost = 0;
    }
  }
  return rate;
}

}  // namespace

PlanSummary plan_sweep(const SweepSpec& spec) {
  run::PreparedSweep sweep = run::prepare(spec);
  run::survey(sweep, spec, {});
  PlanSummary summary = sweep.summary(spec);
  if (sweep.survey.n_trials() == 0) return summary;
  const double rate = measured_rate(sweep, spec);
  if (rate > 0) summary.estimated_s = sweep.survey.cost() / rate;
  return summary;
}

}  // namespace shoal
