// Engines on the device train where host code cannot touch its memory, and take none once they are prepared.
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

TEST(EmulatedCudaMemory, IsNotTakenOnceAllIsPrepared) {
  for (const auto make : {testing::random_plain_sweep, testing::random_sweep}) {
    for (const std::uint32_t number : {0U, 5U, 9U}) {
      testing::Random random(4711);
      testing::Sweep sweep = make(random, number);
      sweep.data.test = {0, 1, 2, 3};
      expect_nothing_taken(*make_cuda_engine(sweep.data, sweep.options), sweep);
      for (const Precision precision : {Precision::fp32, Precision::bf16}) {
        sweep.options.precision = precision;
        expect_nothing_taken(*make_cublas_engine(sweep.data, sweep.options), sweep);
      }
    }
  }
}

}  // namespace
}  // namespace shoal
