// Planted races. This source is compiled with -fsanitize=thread and linked to RaceChecker in place of its library.
#include <gtest/gtest.h>
#include <string>

#include "kernels/cuda/async_copy.cuh"
#include "kernels/cuda/device.hpp"
#include "race_checker.hpp"

namespace shoal::cuda {
namespace {

SHOAL_KERNEL void neighbour(float* out, bool with_barrier) {
  auto* const values = dynamic_shared<float>();
  values[thread()] = static_cast<float>(thread());
  if (with_barrier) barrier();
  out[block() * n_threads() + thread()] = values[(thread() + 1) % n_threads()];
}

/// Each lane reads what its warp's next lane wrote; `order`: 0 nothing, 1 a shuffle, 2 __syncwarp.
SHOAL_KERNEL void neighbour_in_warp(float* out, int order) {
  auto* const values = dynamic_shared<float>();
  values[thread()] = static_cast<float>(thread());
  if (order == 1) static_cast<void>(shuffle_xor(kFullWarp, 1, 1));
  if (order == 2) warp_barrier(kFullWarp);
  const std::uint32_t first = thread() - lane();
  out[thread()] = values[first + (lane() + 1) % kWarpLanes];
}

SHOAL_KERNEL void half_warps(float* out) {
  auto* const values = dynamic_shared<float>();
  values[thread()] = 1.0F;
  warp_barrier(lane() < 16 ? 0xFFFFU : 0xFFFF0000U);
  out[thread()] = values[(thread() + 16) % kWarpLanes];
}

/// The tile is written again while slower threads still read it.
SHOAL_KERNEL void reused_tile(float* out, bool with_second_barrier) {
  auto* const tile = dynamic_shared<float>();
  float sum = 0;
  for (int step = 0; step < 3; ++step) {
    if (thread() == 0) tile[0] = static_cast<float>(step);
    barrier();
    sum += tile[0];
    if (with_second_barrier) barrier();
  }
  out[thread()] = sum;
}

/// All threads read a value, over and over; then, after a vote that orders no memory, one changes a byte of it.
SHOAL_KERNEL void crowd_of_readers(float* out, std::uint32_t writer, bool with_barrier) {
  auto* const values = dynamic_shared<float>();
  if (thread() == 0) values[0] = 1.0F;
  barrier();
  volatile const float* const value = values;
  float sum = 0;
  for (int i = 0; i < 3; ++i) sum += *value;
  out[thread()] = sum;
  static_cast<void>(any(kFullWarp, true));
  if (with_barrier) barrier();
  if (thread() == writer) reinterpret_cast<unsigned char*>(values)[2] = 1;
}

/// Each thread reads what its neighbour has copied and waited for.
SHOAL_KERNEL void neighbours_copy(float* out, bool with_barrier) {
  auto* const values = dynamic_shared<float>();
  copy_async<4>(values + thread(), out + thread());
  wait_for_copies<0>();
  if (with_barrier) barrier();
  out[kWarpLanes * 2 + thread()] = values[(thread() + 1) % n_threads()];
}

SHOAL_KERNEL void count(int* counter, bool atomically) {
  if (atomically) {
    atomic_add(counter, 1);
  } else {
    *counter += 1;
  }
}
SHOAL_KERNEL void count_and_look(int* counter, int* out) {
  atomic_add(counter, 1);
  out[block() * n_threads() + thread()] = *counter;
}
SHOAL_KERNEL void one_byte_each(unsigned char* bytes) { bytes[thread()] = 1; }

constexpr std::uint32_t kThreads = 64;

/// Schedules out of 8 under which the checker finds a race; `what`: the last one's text.
template <class Run>
std::uint32_t n_found(Run run, std::string* what = nullptr) {
  emulation::RaceChecker checker;
  void* memory = nullptr;
  check(cudaMalloc(&memory, 2 * kThreads * sizeof(float)), "cudaMalloc");
  std::uint32_t found = 0;
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    emulation::set_schedule(schedule);
    try {
      run(memory);
      check(cudaStreamSynchronize(nullptr), "cudaStreamSynchronize");
    } catch (const emulation::KernelFault& fault) {
      ++found;
      if (what != nullptr) *what = fault.what();
    }
  }
  emulation::set_schedule(0);
  EXPECT_GT(checker.n_accesses(), 0U);
  check(cudaFree(memory), "cudaFree");
  return found;
}

Launch launch_of(std::uint32_t n_blocks, std::uint32_t n_threads = kThreads) {
  return {"kernel", n_blocks, n_threads, kThreads * sizeof(float), nullptr};
}
float* floats(void* memory) { return static_cast<float*>(memory); }
int* ints(void* memory) { return static_cast<int*>(memory); }

TEST(RaceChecker, FindsAMissingBarrierInEverySchedule) {
  std::string what;
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbour, floats(m), false); }, &what), 8U);
  EXPECT_EQ(what.find("kernel: race in shared memory: a byte is "), 0U) << what;
  EXPECT_NE(what.find("block 0 thread "), std::string::npos) << what;
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(2), neighbour, floats(m), true); }), 0U);
}

TEST(RaceChecker, FindsAMissingBarrierBeforeATileIsReused) {
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), reused_tile, floats(m), false); }), 8U);
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), reused_tile, floats(m), true); }), 0U);
}

TEST(RaceChecker, FindsWhoeverWritesAmongManyReaders) {
  for (const std::uint32_t n_threads : {32U, kThreads}) {
    for (const std::uint32_t writer : {0U, n_threads / 2, n_threads - 1}) {
      const auto run = [&](bool with_barrier) {
        return n_found(
            [&](void* m) { launch(launch_of(1, n_threads), crowd_of_readers, floats(m), writer, with_barrier); });
      };
      EXPECT_EQ(run(false), 8U) << writer << " of " << n_threads;
      EXPECT_EQ(run(true), 0U) << writer << " of " << n_threads;
    }
  }
}

TEST(RaceChecker, OnlyTheWarpBarrierOrdersMemoryOfAWarp) {
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbour_in_warp, floats(m), 0); }), 8U);
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbour_in_warp, floats(m), 1); }), 8U);
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbour_in_warp, floats(m), 2); }), 0U);
}

TEST(RaceChecker, BarrierOfHalfAWarpDoesNotOrderTheOtherHalf) {
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1, 32), half_warps, floats(m)); }), 8U);
}

TEST(RaceChecker, WaitForCopiesDoesNotOrderOtherThreads) {
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbours_copy, floats(m), false); }), 8U);
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), neighbours_copy, floats(m), true); }), 0U);
}

TEST(RaceChecker, FindsRacesBetweenBlocks) {
  std::string what;
  EXPECT_EQ(n_found(
                [](void* m) {
                  launch(launch_of(1), one_byte_each, static_cast<unsigned char*>(m));
                  launch(launch_of(2, 1), count, ints(m), false);
                },
                &what),
            8U);
  EXPECT_EQ(what.find("kernel: race in global memory: a byte is "), 0U) << what;
  EXPECT_NE(what.find("by block 0 thread 0"), std::string::npos) << what;
  EXPECT_NE(what.find("by block 1 thread 0"), std::string::npos) << what;
}

TEST(RaceChecker, AtomicOperationsDoNotRaceWithEachOtherButWithPlainReads) {
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(2), count, ints(m), true); }), 0U);
  EXPECT_EQ(n_found([](void* m) { launch(launch_of(1), count_and_look, ints(m), ints(m) + 1); }), 8U);
}

TEST(RaceChecker, NeighbouringBytesAndFollowingLaunchesDoNotRace) {
  EXPECT_EQ(n_found([](void* m) {
              launch(launch_of(1), one_byte_each, static_cast<unsigned char*>(m));
              launch(launch_of(1), one_byte_each, static_cast<unsigned char*>(m));
            }),
            0U);
}

}  // namespace
}  // namespace shoal::cuda
