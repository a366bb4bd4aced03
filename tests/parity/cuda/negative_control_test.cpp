// The parity test must fail for a kernel that is wrong: this program holds one (unfused_kernel.cpp).
#include <gtest/gtest.h>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

TEST(NegativeControl, KernelThatRoundsTwiceIsFound) {
  for (const auto make : {testing::random_thread_sweep, testing::random_sweep}) {
    testing::Random random(4711);
    for (std::uint32_t number = 0; number < 16; ++number) {
      const testing::Sweep sweep = make(random, number);
      EXPECT_NE(testing::first_difference(testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4),
                                          testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4)),
                "")
          << "sweep " << number;
    }
  }
}

}  // namespace
}  // namespace shoal
