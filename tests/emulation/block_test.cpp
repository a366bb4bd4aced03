#include "block.hpp"

#include <cmath>
#include <cstdint>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "expect_stopped.hpp"

namespace shoal::emulation {
namespace {

const char kKey = 0;

/// What the fault of this block says; empty if there is none.
std::string fault_of(Block block, const std::function<void()>& body) {
  try {
    block.run(body);
  } catch (const KernelFault& fault) {
    return fault.what();
  }
  return "";
}

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

TEST(Block, DivergentBarrierNamesBlockThreadAndLine) {
  constexpr int kLine = __LINE__ + 2;
  const auto diverge = [] {
    if (Block::current().thread() != 5) Block::current().barrier();
  };
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    EXPECT_EQ(fault_of(Block(7, 32, schedule), diverge),
              "thread exited while others wait at __syncthreads (block_test.cpp:" + std::to_string(kLine) +
                  ") (block 7, thread 5)");
  }
}

TEST(Block, BarriersAtTwoLinesAreNamed) {
  constexpr int kLine = __LINE__ + 3;
  const auto diverge = [] {
    if (Block::current().thread() < 32) {
      Block::current().barrier();
    } else {
      Block::current().barrier();
    }
  };
  const std::string lines[] = {"block_test.cpp:" + std::to_string(kLine),
                               "block_test.cpp:" + std::to_string(kLine + 2)};
  EXPECT_EQ(fault_of(Block(0, 64, 0), diverge), "thread came to __syncthreads at " + lines[1] +
                                                    " while others wait at " + lines[0] + " (block 0, thread 32)");
  EXPECT_EQ(fault_of(Block(0, 64, 1), diverge), "thread came to __syncthreads at " + lines[0] +
                                                    " while others wait at " + lines[1] + " (block 0, thread 31)");
}

/// Of thread 40, at `place` of 10 floats.
std::string fault_of_access(std::ptrdiff_t place, bool writes) {
  return fault_of(Block(2, 64, 3), [=] {
    auto* values = static_cast<volatile float*>(Block::current().shared(&kKey, 10 * sizeof(float)));
    Block::current().barrier();
    if (Block::current().thread() != 40) return;
    if (writes) {
      values[place] = 1.0F;
    } else {
      static_cast<void>(values[place]);
    }
  });
}

TEST(BlockDeathTest, WriteOutsideOfSharedMemoryNamesBlockAndThread) {
  for (const std::ptrdiff_t place : {-1, 10}) {
    expect_stopped_write([&] { return fault_of_access(place, true); },
                         "write outside of 40 bytes of shared memory (block 2, thread 40)");
  }
}

TEST(BlockDeathTest, ReadOutsideOfSharedMemoryIsStopped) {
  expect_stopped_read([] { return fault_of_access(10, false); });
}

TEST(Block, WildAccessNamesBlockAndThread) {
  const std::string what = fault_of(Block(1, 64, 5), [] {
    Block::current().barrier();
    auto* const nowhere = reinterpret_cast<volatile int*>(std::uintptr_t{1} << 42);
    if (Block::current().thread() == 9) *nowhere = 1;
  });
  EXPECT_EQ(what.find("access to memory at 0x"), 0U) << what;
  EXPECT_NE(what.find(", which is not there (block 1, thread 9)"), std::string::npos) << what;
  EXPECT_EQ(rotated(0, true)[0], 1.0F) << "the next block runs";
}

TEST(Block, SharedMemoryOfTwoSizesIsAFault) {
  EXPECT_EQ(fault_of(Block(0, 2, 0),
                     [] { static_cast<void>(Block::current().shared(&kKey, 4 + Block::current().thread())); }),
            "shared memory asked for with two sizes (block 0, thread 1)");
}

TEST(Block, PassesOnWhatAKernelThrows) {
  EXPECT_EQ(fault_of(Block(0, 4, 1), [] { throw KernelFault("planted"); }), "planted");
}

}  // namespace
}  // namespace shoal::emulation
