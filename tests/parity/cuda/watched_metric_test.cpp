// What patience watches: every metric, on the device or by the host; over the emulated device, or on a GPU.
#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::first_difference;
using testing::Outcome;
using testing::Random;
using testing::random_sweep;
using testing::Sweep;
using testing::train;

std::vector<Metric> metrics_of(Task task) {
  std::vector<Metric> metrics;
  for (std::size_t k = 0; k < kMetricCount; ++k) {
    if (metric_applies(static_cast<Metric>(k), task)) metrics.push_back(static_cast<Metric>(k));
  }
  return metrics;
}

/// A sweep is trained once for each of some ten metrics.
constexpr std::uint32_t kWatchedSchedules = kShare > 1 ? 1 : 2;

/// Under schedules of threads, by 4 epochs and by 1 a call.
void expect_equal_bits_of_every_metric(std::uint32_t n_sweeps, Sweep (*make)(Random&, std::uint32_t)) {
  const RaceWatch races;
  Random random(4713);
  std::map<TrialStatus, std::size_t> n_by_status;
  for (std::uint32_t number = 0; number < n_sweeps; ++number) {
    Sweep sweep = make(random, number);
    for (const Metric metric : metrics_of(sweep.data.task())) {
      watch(sweep, metric);
      const Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
      for (const TrialState& state : expected.states) ++n_by_status[state.status];
      for (std::uint32_t schedule = 0; schedule < kWatchedSchedules; ++schedule) {
        set_schedule(schedule);
        const Outcome got = train(*make_cuda_engine(sweep.data, sweep.options), sweep, schedule == 0 ? 4 : 1);
        ASSERT_EQ(first_difference(got, expected), "") << "sweep " << number << ", " << name(metric);
        ASSERT_EQ(n_allocations(), 0U);
      }
    }
  }
  EXPECT_TRUE(!kFindsRaces || races.n_accesses() > 1'000'000U);
  for (const TrialStatus status : {TrialStatus::finished, TrialStatus::stopped, TrialStatus::diverged}) {
    EXPECT_TRUE(kShare > 1 || n_by_status[status] > 0) << name(status);
  }
}

TEST(SHOAL_CUDA_SUITE, WatchesEveryMetricByTheBitsOfTheCpuEngineWithAThreadANetwork) {
  expect_equal_bits_of_every_metric(std::max(26U / kShare, 13U), testing::random_thread_sweep);
}

/// 12 sweeps: 2 to 5 classes, labels or outputs of every task.
TEST(SHOAL_CUDA_SUITE, WatchesEveryMetricByTheBitsOfTheCpuEngineWithABlockANetwork) {
  expect_equal_bits_of_every_metric(std::max(12U / kShare, 3U), random_sweep);
}

/// Trains epoch by epoch and compares what is recorded with the metric of an evaluation. Gives how many epochs were
/// compared: with the parameters that they ended with, and with the best ones, where a network had ended.
std::pair<std::size_t, std::size_t> expect_evaluated_metric(const Sweep& sweep, Engine& engine) {
  const auto n = static_cast<Slot>(sweep.trials.size());
  const Metric metric = sweep.options.metric;
  std::pair<std::size_t, std::size_t> compared;
  engine.prepare(sweep.gangs);
  std::vector<Slot> slots(n), lost;
  for (Slot slot = 0; slot < n; ++slot) {
    slots[slot] = slot;
    engine.place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
  }
  std::vector<double> best(n);
  for (std::uint32_t epoch = 1; epoch <= 4; ++epoch) {
    std::vector<TrainTarget> targets;
    for (const Slot slot : slots) targets.push_back({slot, epoch});
    std::vector<EpochRecord> records;
    engine.train(targets, {}, records, lost);
    const std::vector<MetricSums> sums = engine.evaluate(slots, RowSet::validation);
    for (const EpochRecord& record : records) {
      const double value = metric_value(metric, sweep.data.task(), sums[record.slot]);
      const TrialStatus status = engine.read(record.slot).status;
      if (status == TrialStatus::diverged) continue;
      double& so_far = best[record.slot];
      so_far = record.epoch == 1        ? record.metric
               : sweep.options.maximize ? std::max(so_far, record.metric)
                                        : std::min(so_far, record.metric);
      const bool ended = status != TrialStatus::running;
      ++(ended ? compared.second : compared.first);
      EXPECT_EQ(value, ended ? so_far : record.metric) << name(metric) << ", epoch " << epoch;
    }
  }
  return compared;
}

TEST(SHOAL_CUDA_SUITE, CublasWatchesWhatItsOutputsSay) {
  Random random(4714);
  std::pair<std::size_t, std::size_t> compared;
  for (std::uint32_t number = 0; number < std::max(4U / kShare, 2U); ++number) {
    Sweep sweep = random_sweep(random, number);
    for (const Metric metric : metrics_of(sweep.data.task())) {
      // Losses are summed in another order by an evaluation.
      if (metric == Metric::val_loss || metric == Metric::train_loss) continue;
      watch(sweep, metric);
      for (const Precision precision : {Precision::fp32, Precision::bf16}) {
        sweep.options.precision = precision;
        const auto [running, ended] = expect_evaluated_metric(sweep, *make_cublas_engine(sweep.data, sweep.options));
        compared.first += running;
        compared.second += ended;
      }
    }
  }
  EXPECT_GT(compared.first, 20U);
  EXPECT_GT(compared.second, 20U);
}

/// Networks of one cohort whose every number is a small integer, so that no precision rounds and no order of sums
/// matters. At rate 0 they stay what they are. The wide ones and the narrow one are not trained in their own order.
Sweep integer_sweep() {
  Random random(1);
  Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 300, 2, 1);
  for (float& x : sweep.data.inputs) x = std::round(x);
  for (float& y : sweep.data.targets) y = std::round(y);
  sweep.data.test = {3, 0, 7};
  Split& split = sweep.data.splits[0];
  split.inputs = {.offset = {0, 0}, .factor = {1, 1}, .fill = {0, 0}};
  split.targets = {.offset = {0}, .factor = {1}, .unit = {1}};
  for (const std::int32_t width : {20, 3, 20, 3}) {
    Trial trial;
    trial.topology = {2, {width}, {Activation::relu}, 1};
    trial.hyperparameters.loss = Loss::squared_error;
    trial.hyperparameters.solver = Solver::sgd;
    trial.hyperparameters.momentum = 0;
    trial.hyperparameters.alpha = 0;
    trial.hyperparameters.learning_rate = Schedule::constant;
    trial.hyperparameters.learning_rate_init = 0;
    trial.hyperparameters.batch_size = 100;
    trial.hyperparameters.max_iter = 4;
    std::vector<float> start(trial.topology.n_parameters());
    for (float& w : start) w = static_cast<float>(testing::below(random, 4)) - 1;
    trial.start = std::make_shared<const std::vector<float>>(start);
    const auto slot = static_cast<Slot>(sweep.trials.size());
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, true});
  }
  return sweep;
}

TEST(SHOAL_CUDA_SUITE, CublasTellsTheNetworksOfACohortApart) {
  Sweep sweep = integer_sweep();
  for (const Metric metric : metrics_of(Task::regression)) {
    watch(sweep, metric);
    sweep.options.precision = Precision::strict;
    const Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    EXPECT_NE(expected.records[0][0].metric, expected.records[1][0].metric);
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      sweep.options.precision = precision;
      const Outcome got = train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4);
      EXPECT_EQ(first_difference(got, expected), "") << name(metric) << ", " << name(precision);
    }
  }
}

}  // namespace
}  // namespace shoal
