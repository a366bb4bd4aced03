// The CUDA engines train where host code cannot touch device memory, take none once they are prepared, and read none
// that nobody has written.
#include <gtest/gtest.h>
#include <memory>
#include <utility>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

/// Networks with a thread and with a block each, whose metric a kernel or the host computes.
std::vector<testing::Sweep> sweeps_of_every_kind() {
  std::vector<testing::Sweep> sweeps;
  for (const bool by_host : {false, true}) {
    testing::Random random(4711);
    for (const std::uint32_t number : {0U, 13U}) {  // a plain one, and one that is not
      sweeps.push_back(testing::random_thread_sweep(random, number));
      if (by_host) testing::watch(sweeps.back(), Metric::val_r2);
    }
    sweeps.push_back(testing::random_sweep(random, 0));
    if (by_host) testing::watch(sweeps.back(), Metric::val_auc);
  }
  return sweeps;
}

TEST(EmulatedCudaMemory, IsTouchedByTheDeviceAlone) {
  emulation::protect_device_memory(true);
  for (const testing::Sweep& sweep : sweeps_of_every_kind()) {
    EXPECT_EQ(testing::first_difference(testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4),
                                        testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4)),
              "");
  }
  emulation::protect_device_memory(false);
}

/// A cohort's first network has no moments; those of the second one are padded.
TEST(EmulatedCudaMemory, HoldsZerosWhereTheFirstVectorComesAfterTraining) {
  testing::Random random(4711);
  const Dataset data = testing::random_dataset(random, Task::regression, 20, 3, 2);
  EngineOptions options;
  options.precision = Precision::fp32;
  Trial plain, adam;
  plain.topology = {3, {5}, {Activation::relu}, 2};
  plain.hyperparameters.solver = Solver::sgd;
  plain.hyperparameters.momentum = 0;
  adam.topology = plain.topology;
  adam.hyperparameters.solver = Solver::adam;
  const std::vector<Gang> gangs{{gang_key(plain), 0, 1, true, true}, {gang_key(adam), 1, 1, true, true}};
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const auto place_and_train = [&](Engine& engine, Slot slot, const Trial& trial) {
    engine.place(slot, trial, initial_state(trial));
    engine.train(std::vector<TrainTarget>{{slot, 2}}, {}, records, lost);
    return engine.read(slot);
  };
  const auto alone = make_cublas_engine(data, options);
  alone->prepare(gangs);
  const TrialState expected = place_and_train(*alone, 1, adam);
  EXPECT_EQ(expected.status, TrialStatus::running);
  const auto together = make_cublas_engine(data, options);
  together->prepare(gangs);
  static_cast<void>(place_and_train(*together, 0, plain));
  EXPECT_EQ(testing::first_difference(place_and_train(*together, 1, adam), expected), "");
}

/// What a network that diverged left in the padding reaches none that comes to its place.
TEST(EmulatedCudaMemory, HoldsZerosInThePaddingWhereANetworkHasDiverged) {
  testing::Random random(4711);
  const Dataset data = testing::random_dataset(random, Task::regression, 20, 3, 2);
  Trial tame;
  tame.topology = {3, {5}, {Activation::relu}, 2};
  tame.hyperparameters.solver = Solver::sgd;
  tame.hyperparameters.alpha = 0;
  tame.hyperparameters.batch_size = 4;
  tame.hyperparameters.max_iter = 4;
  Trial wild = tame;
  wild.hyperparameters.learning_rate_init = 1e30;
  const std::vector<Gang> gangs{{gang_key(tame), 0, 1, true, true}};
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const auto place_and_train = [&](Engine& engine, const Trial& trial) {
    engine.place(0, trial, initial_state(trial));
    engine.train(std::vector<TrainTarget>{{0, 4}}, {}, records, lost);
    return engine.take(0);
  };
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    const auto fresh = make_cublas_engine(data, {.precision = precision});
    fresh->prepare(gangs);
    const TrialState expected = place_and_train(*fresh, tame);
    EXPECT_EQ(expected.status, TrialStatus::finished);
    const auto used = make_cublas_engine(data, {.precision = precision});
    used->prepare(gangs);
    EXPECT_EQ(place_and_train(*used, wild).status, TrialStatus::diverged);
    EXPECT_EQ(testing::first_difference(place_and_train(*used, tame), expected), "") << name(precision);
  }
}

/// Nothing is taken by any epoch of several calls, nor by what is asked of the networks between them.
void expect_nothing_taken(Engine& engine, const testing::Sweep& sweep) {
  engine.prepare(sweep.gangs);
  const std::uint64_t before = emulation::n_allocation_calls();
  std::vector<Slot> slots;
  for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
    engine.place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
    slots.push_back(slot);
  }
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (const std::uint32_t epoch : {1U, 3U, 4U}) {
    std::vector<TrainTarget> targets;
    for (const Slot slot : slots) targets.push_back({slot, epoch});
    engine.train(targets, {}, records, lost);
    EXPECT_EQ(emulation::n_allocation_calls(), before) << engine.name() << " trains to epoch " << epoch;
    static_cast<void>(engine.evaluate(slots, RowSet::validation));
    static_cast<void>(engine.evaluate(slots, RowSet::test));
    static_cast<void>(engine.read(0));
    EXPECT_EQ(emulation::n_allocation_calls(), before) << engine.name() << " evaluates";
  }
  EXPECT_GT(records.size(), sweep.trials.size());
}

/// Networks that end make cohorts record their graphs anew.
void let_none_end(testing::Sweep& sweep) {
  for (Trial& trial : sweep.trials) {
    Hyperparameters& h = trial.hyperparameters;
    h.max_iter = 9;
    h.n_iter_no_change = 0;
    h.learning_rate_init = 1e-4;
  }
}

void expect_nothing_taken_by_any_engine(testing::Sweep sweep) {
  expect_nothing_taken(*make_cuda_engine(sweep.data, sweep.options), sweep);
  let_none_end(sweep);
  for (const Precision precision : {Precision::fp32, Precision::bf16}) {
    sweep.options.precision = precision;
    expect_nothing_taken(*make_cublas_engine(sweep.data, sweep.options), sweep);
  }
}

TEST(EmulatedCudaMemory, IsNotTakenOnceAllIsPrepared) {
  for (const auto make : {testing::random_thread_sweep, testing::random_sweep}) {
    for (const std::uint32_t number : {0U, 5U, 9U}) {
      testing::Random random(4711);
      testing::Sweep sweep = make(random, number);
      sweep.data.test = {0, 1, 2, 3};
      expect_nothing_taken_by_any_engine(sweep);
      testing::watch(sweep, testing::host_metric(sweep.data.task()));
      expect_nothing_taken_by_any_engine(sweep);
    }
  }
}

}  // namespace
}  // namespace shoal
