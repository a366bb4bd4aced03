#include "block.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

namespace shoal::emulation {
namespace {

const char kKey = 0;

/// Each thread writes its number and reads its right neighbour's.
std::vector<float> rotated(std::uint32_t schedule, bool with_barrier) {
  constexpr std::uint32_t kThreads = 64;
  std::vector<float> out(kThreads);
  Block(3, kThreads, schedule).run([&] {
    Block& block = Block::current();
    auto* values = static_cast<float*>(block.shared(&kKey, kThreads * sizeof(float)));
    const std::uint32_t t = block.thread();
    values[t] = static_cast<float>(t);
    if (with_barrier) block.barrier();
    out[t] = values[(t + 1) % kThreads];
  });
  return out;
}

TEST(Block, BarrierOrdersSharedMemoryInEverySchedule) {
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    const std::vector<float> out = rotated(schedule, true);
    for (std::size_t t = 0; t < out.size(); ++t) EXPECT_EQ(out[t], static_cast<float>((t + 1) % out.size()));
  }
}

TEST(Block, MissingBarrierReadsPoison) {
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    bool poisoned = false;
    for (const float value : rotated(schedule, false)) poisoned = poisoned || std::isnan(value);
    EXPECT_TRUE(poisoned) << "schedule " << schedule;
  }
}

TEST(Block, DivergentBarrierNamesBlockAndThread) {
  const auto run = [] {
    Block(7, 32, 0).run([] {
      if (Block::current().thread() != 5) Block::current().barrier();
    });
  };
  try {
    run();
    FAIL() << "no fault";
  } catch (const KernelFault& fault) {
    EXPECT_STREQ(fault.what(), "thread exited while others wait at __syncthreads (block 7, thread 5)");
  }
}

TEST(Block, PassesOnWhatAKernelThrows) {
  EXPECT_THROW(Block(0, 4, 1).run([] { throw KernelFault("planted"); }), KernelFault);
}

}  // namespace
}  // namespace shoal::emulation
