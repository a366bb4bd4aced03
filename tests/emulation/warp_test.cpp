// The warp's collective operations as kernels call them, and what is a fault.
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "kernels/cuda/device.hpp"

namespace shoal::cuda {
namespace {

using emulation::Block;
using emulation::KernelFault;

/// Its text, HERE standing for the line that this is called at.
std::string fault_of(std::uint32_t n_threads, const std::function<void()>& body, CallSite site = CallSite::current()) {
  const std::string line = emulation::line_of(site);
  std::string first;
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    std::string what;
    try {
      Block(1, n_threads, schedule).run(body);
    } catch (const KernelFault& fault) {
      what = fault.what();
      if (const std::size_t at = what.find(line); at != std::string::npos) what.replace(at, line.size(), "HERE");
    }
    if (schedule == 0) first = what;
    EXPECT_EQ(what.substr(0, what.find("(block")), first.substr(0, first.find("(block"))) << "schedule " << schedule;
  }
  return first;
}

TEST(Warp, DisjointPartsMeetOnTheirOwn) {
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    std::vector<std::uint32_t> votes(64);
    Block(0, 64, schedule).run([&] {
      const std::uint32_t mask = lane() < 8 ? 0xFFU : 0xFFFFFF00U;
      votes[thread()] = ballot(mask, thread() % 2 == 0);
      warp_barrier(mask);
    });
    for (std::uint32_t t = 0; t < 64; ++t) EXPECT_EQ(votes[t], t % 32 < 8 ? 0x55U : 0x55555500U) << t;
  }
}

TEST(Warp, LaneThatDoesNotComeIsNamed) {
  EXPECT_EQ(fault_of(64,
                     [] {
                       if (thread() != 37) static_cast<void>(shuffle_xor(kFullWarp, 1.0F, 1));
                     }),
            "thread did not reach a shuffle (HERE) in which thread 32 waits for it (block 1, thread 37)");
}

TEST(Warp, DeadlockOfABlockBarrierAndAWarpBarrierIsNamed) {
  EXPECT_EQ(fault_of(32,
                     [] {
                       if (thread() == 3) {
                         barrier();
                       } else {
                         warp_barrier(kFullWarp);
                       }
                     }),
            "thread did not reach __syncwarp (HERE) in which thread 0 waits for it (block 1, thread 3)");
}

TEST(Warp, LanesInDifferentOperationsDoNotMeet) {
  EXPECT_EQ(fault_of(32,
                     [] {
                       if (lane() == 9) {
                         static_cast<void>(any(kFullWarp, true));
                       } else {
                         static_cast<void>(shuffle(kFullWarp, 1, 0));
                       }
                     }),
            "thread did not reach a shuffle (HERE) in which thread 0 waits for it (block 1, thread 9)");
}

TEST(Warp, ReadingALaneThatTakesNoPartIsAFault) {
  EXPECT_EQ(fault_of(32,
                     [] {
                       if (lane() == 4) static_cast<void>(shuffle(0x30U, 1, 7));
                     }),
            "a shuffle at HERE reads lane 7, which does not take part (block 1, thread 4)");
}

TEST(Warp, MasksThatCannotBeMetAreFaults) {
  EXPECT_EQ(fault_of(32,
                     [] {
                       if (lane() == 4) warp_barrier(0x1U);
                     }),
            "__syncwarp at HERE by a lane that its own mask does not name (block 1, thread 4)");
  EXPECT_EQ(fault_of(40,
                     [] {
                       if (thread() == 32) static_cast<void>(ballot(kFullWarp, true));
                     }),
            "the mask of a vote at HERE names lanes that the block does not have (block 1, thread 32)");
}

}  // namespace
}  // namespace shoal::cuda
