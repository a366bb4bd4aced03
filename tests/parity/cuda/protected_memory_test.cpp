// The CUDA engine trains where host code cannot touch device memory.
#include <gtest/gtest.h>

#include "engine/cpu/cpu_engine.hpp"
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

}  // namespace
}  // namespace shoal
