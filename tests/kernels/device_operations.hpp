#pragma once

#include <cstdint>
#include <vector>

/// What the operations of kernels/cuda/device.hpp gave the threads of two warps, and the sums of two blocks' atomics.
struct WarpResults {
  std::vector<float> shuffle, shuffle_xor, shuffle_down, shuffle_up;
  std::vector<std::uint32_t> ballot, any, all, exchanged;
};
WarpResults run_warp_operations();

struct AtomicResults {
  int sum = 0;
  unsigned unsigned_sum = 0;
  unsigned long long wide_sum = 0;
  float float_sum = 0;
  double double_sum = 0;
  int max = 0;
  unsigned n_exchanges = 0;
};
AtomicResults run_atomic_operations();

/// 64 floats that went through shared memory by asynchronous copies of 16, 8 and 4 bytes, in two groups: of the first
/// one after the wait for it, and of both after that for all. Each thread reads what another one has copied.
struct CopyResults {
  std::vector<float> first, second;
};
CopyResults run_copies(const std::vector<float>& values);
