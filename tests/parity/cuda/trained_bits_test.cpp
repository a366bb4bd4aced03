// The CUDA engine trains to the hash of every strict engine; over the emulated device, or on a GPU.
#include <gtest/gtest.h>

#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "tests/strictness/trained_hash.hpp"

namespace shoal {
namespace {

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheOneHash) {
  constexpr std::uint32_t kSteps[] = {1, 3, 100};
  const std::vector<testing::HashedSweep> sweeps = testing::hashed_sweeps();
  const auto make = [](const Dataset& data) { return make_cuda_engine(data, {}); };
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const std::uint32_t step = kSteps[schedule % 3];
    EXPECT_EQ(testing::trained_hash(sweeps, make, step), testing::kTrainedHash)
        << "schedule " << schedule << ", " << step << " epochs a call";
  }
}

}  // namespace
}  // namespace shoal
