// The operations of kernels/cuda/device.hpp, over the emulated device or on a GPU.
#include "tests/kernels/device_operations.hpp"

#include <gtest/gtest.h>

#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

constexpr std::uint32_t kThreads = 64;

TEST(SHOAL_CUDA_SUITE, LanesOfAWarpSeeEachOther) {
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const WarpResults r = run_warp_operations();
    for (std::uint32_t t = 0; t < kThreads; ++t) {
      const std::uint32_t lane = t % 32;
      SCOPED_TRACE("schedule " + std::to_string(schedule) + ", thread " + std::to_string(t));
      EXPECT_EQ(r.shuffle[t], static_cast<float>(t - lane + 5));
      EXPECT_EQ(r.shuffle_xor[t], static_cast<float>(t ^ 3U));
      EXPECT_EQ(r.shuffle_down[t], static_cast<float>(lane < 28 ? t + 4 : t));
      EXPECT_EQ(r.shuffle_up[t], static_cast<float>(lane < 4 ? t : t - 4));
      EXPECT_EQ(r.ballot[t], t < 32 ? 0x49249249U : 0x92492492U);
      EXPECT_EQ(r.any[t], t < 32 ? 0U : 1U);
      EXPECT_EQ(r.all[t], t < 32 ? 1U : 0U);
      EXPECT_EQ(r.exchanged[t], (t ^ 1U) * 100 + 63 - t);
    }
  }
}

TEST(SHOAL_CUDA_SUITE, AtomicsLoseNothing) {
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const AtomicResults r = run_atomic_operations();
    EXPECT_EQ(r.sum, 127 * 64 - 1280);
    EXPECT_EQ(r.unsigned_sum, 127U * 64U);
    EXPECT_EQ(r.wide_sum, 128ULL << 40);
    EXPECT_EQ(r.float_sum, 64.0F);
    EXPECT_EQ(r.double_sum, 32.0);
    EXPECT_EQ(r.max, 127);
    EXPECT_EQ(r.n_exchanges, 128U);
  }
}

TEST(SHOAL_CUDA_SUITE, AsynchronousCopiesOfAllSizesReachOtherThreads) {
  std::vector<float> values(kThreads);
  for (std::uint32_t i = 0; i < kThreads; ++i) values[i] = static_cast<float>(i * i);
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const CopyResults r = run_copies(values);
    for (std::uint32_t t = 0; t < kThreads; ++t) {
      EXPECT_EQ(r.first[t], values[(t + 7) % 32]) << "schedule " << schedule << ", thread " << t;
      EXPECT_EQ(r.second[t], values[kThreads - 1 - t]) << "schedule " << schedule << ", thread " << t;
    }
  }
}

}  // namespace
}  // namespace shoal
