// The CUDA engine trains where host code cannot touch device memory, and takes none after its first epoch.
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
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

TEST(EmulatedCudaMemory, IsNotTakenByAnEpochLikeTheLastOne) {
  for (const testing::Sweep& sweep : sweeps_of_every_kind()) {
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
