// The training kernel has no race: its source is compiled for RaceChecker here.
#include <gtest/gtest.h>

#include "engine/cuda/cuda_engine.hpp"
#include "tests/emulation/race_checker.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

TEST(TrainKernel, HasNoRaceInAnyShapeAndSchedule) {
  emulation::RaceChecker checker;
  testing::Random random(4711);
  for (std::uint32_t number = 0; number < 8; ++number) {
    const testing::Sweep sweep = testing::random_sweep(random, number);
    for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
      emulation::set_schedule(schedule);
      EXPECT_NO_THROW(static_cast<void>(testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4)))
          << "sweep " << number << ", schedule " << schedule;
    }
  }
  EXPECT_GT(checker.n_accesses(), 1'000'000U);
}

}  // namespace
}  // namespace shoal
