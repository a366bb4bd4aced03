// The CUDA engines train where host code cannot touch device memory, take none after their first epoch, and read none
// that nobody has written.
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

TEST(EmulatedCudaMemory, IsTouchedByTheDeviceAlone) {
  emulation::protect_device_memory(true);
  for (const auto make : {testing::random_plain_sweep, testing::random_sweep}) {
    testing::Random random(4711);
    const testing::Sweep sweep = make(random, 0);
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

TEST(EmulatedCudaMemory, IsNotTakenByAnEpochLikeTheLastOne) {
  for (const auto make : {testing::random_plain_sweep, testing::random_sweep}) {
    testing::Random random(4711);
    const testing::Sweep sweep = make(random, 0);
    const auto engine = make_cuda_engine(sweep.data, sweep.options);
    engine->prepare(sweep.gangs);
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    const auto train_to = [&](std::uint32_t epoch) {
      std::vector<TrainTarget> targets;
      for (Slot slot = 0; slot < sweep.trials.size(); ++slot) targets.push_back({slot, epoch});
      engine->train(targets, {}, records, lost);
    };
    for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
      engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
    }
    train_to(1);
    const std::uint64_t before = emulation::n_allocation_calls();
    train_to(2);
    EXPECT_EQ(emulation::n_allocation_calls(), before);
  }
}

}  // namespace
}  // namespace shoal
