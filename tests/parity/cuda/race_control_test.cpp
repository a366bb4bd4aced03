// RaceChecker must find the race of a training kernel without barriers (unordered_kernel.cpp).
#include <gtest/gtest.h>

#include "engine/cuda/cuda_engine.hpp"
#include "tests/emulation/race_checker.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

TEST(NegativeControl, KernelWithoutBarriersIsAFaultInEverySchedule) {
  emulation::RaceChecker checker;
  for (const auto make : {testing::random_thread_sweep, testing::random_sweep}) {
    testing::Random random(4711);
    const testing::Sweep sweep = make(random, 0);
    for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
      emulation::set_schedule(schedule);
      EXPECT_THROW(static_cast<void>(testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4)),
                   emulation::KernelFault)
          << "schedule " << schedule;
    }
  }
}

}  // namespace
}  // namespace shoal
