#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"
#include "kernels/math/sum32.hpp"

/// What thread_per_network needs of registers and shared memory, for kernels and for hosts that have none compiled.
namespace shoal::cuda {

/// What the compiler knows of a kernel's networks.
struct ThreadSizes {
  std::uint32_t n_in = 0, n_out = 0, n_parameters = 0;
  std::uint32_t n_moments = 2;  ///< of a parameter
  bool is_plain = false;        ///< see ThreadKernel
};

/// Rows in shared memory at a time: a multiple of the partial sums of a strict sum.
inline constexpr std::uint32_t kStagedRows = 128;
static_assert(kStagedRows % math::kPartials == 0);

/// A staged row: inputs, targets (in place of the first one a class), and where rows are not all alike, two weights.
constexpr std::uint32_t staged_floats(const ThreadSizes& s) { return s.n_in + s.n_out + (s.is_plain ? 0 : 2); }
/// Floats that are loaded at once, and from row to row.
constexpr std::uint32_t staged_at_once(const ThreadSizes& s) { return staged_floats(s) > 2 ? 4 : 2; }
constexpr std::uint32_t staged_stride(const ThreadSizes& s) {
  return (staged_floats(s) + staged_at_once(s) - 1) / staged_at_once(s) * staged_at_once(s);
}

/// Parameters, gradients and moments are in registers while that leaves three blocks room on a multiprocessor. What is
/// more has its moments in shared memory: a step touches them once, a row never.
constexpr bool has_moments_in_shared(const ThreadSizes& s) {
  return (2 + s.n_moments) * s.n_parameters > (s.is_plain ? 104U : 64U);
}

/// Blocks of a multiprocessor's 65536 registers, of which rows need some beside the network: 63 is the most that leaves
/// five blocks to 13 parameters, and less makes others spill.
constexpr std::uint32_t least_thread_blocks(const ThreadSizes& s) {
  if (!s.is_plain) return 2;
  return 65536 / kNetworksInBlock / ((has_moments_in_shared(s) ? 2 : 2 + s.n_moments) * s.n_parameters + 63);
}

/// A block's shared memory: a strict sum of each thread, the tile of rows, moments.
inline constexpr std::size_t kThreadSumBytes = math::kPartials * kNetworksInBlock * sizeof(double);
constexpr std::size_t tile_floats(const ThreadSizes& s) { return std::size_t{kStagedRows} * staged_stride(s); }
constexpr std::size_t thread_shared_bytes(const ThreadSizes& s) {
  const std::size_t moments =
      has_moments_in_shared(s) ? std::size_t{s.n_moments} * s.n_parameters * kNetworksInBlock : 0;
  return kThreadSumBytes + (tile_floats(s) + moments) * sizeof(float);
}

}  // namespace shoal::cuda
