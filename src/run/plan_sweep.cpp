#include <algorithm>
#include <chrono>

#include "run/job.hpp"
#include "shoal/run.hpp"
#include "train/train.hpp"

namespace shoal {
namespace {

/// Seconds for all trials, from training the first epochs of up to kProbes trials spread over the sweep.
double estimated_seconds(const Job& job) {
  constexpr std::uint64_t kProbes = 16;
  const std::uint64_t n = job.trials.size();
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t i = 0; i < std::min(kProbes, n); ++i) numbers.push_back(i * n / std::min(kProbes, n));
  const std::vector<Chunk> chunks = job.chunks(group_into_cohorts(numbers, job.trials, job.dataset));
  const Chunk& chunk = chunks.front();
  job.engine->prepare(chunk.gangs);
  std::vector<TrainTarget> targets;
  double cost_of_one_epoch = 0;
  for (const Placement& placement : chunk.placements) {
    const Trial trial = job.trials.at(placement.trial);
    job.engine->place(placement.slot, trial, initial_state(trial));
    targets.push_back({placement.slot, 1});
    cost_of_one_epoch += training_cost(trial, job.dataset.splits.at(trial.fold).training.size()) /
                         static_cast<double>(trial.hyperparameters.max_iter);
  }
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const auto start = std::chrono::steady_clock::now();
  job.engine->train(targets, {}, records, lost);
  const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  double cost = 0;
  for (std::uint64_t number = 0; number < n; ++number) {
    const Trial trial = job.trials.at(number);
    cost += training_cost(trial, job.dataset.splits.at(trial.fold).training.size());
  }
  return cost_of_one_epoch == 0 ? 0 : seconds * cost / cost_of_one_epoch;
}

}  // namespace

PlanSummary plan_sweep(const SweepSpec& spec) {
  const std::unique_ptr<Job> job = make_job(spec);
  PlanSummary plan = summarize(*job);
  plan.estimated_s = estimated_seconds(*job);
  return plan;
}

}  // namespace shoal
