#pragma once

#include <cstdint>

#include "kernels/cuda/cohort.cuh"
#include "kernels/cuda/pack.cuh"
#include "kernels/math/dropout.hpp"

/// How the blocks of a cohort's kernels share the networks.
namespace shoal::cuda {

/// Threads of a block at most.
inline constexpr std::uint32_t kCohortThreads = 256;
/// Elements of one network that a block takes.
inline constexpr std::uint32_t kElementsInBlock = 8 * kCohortThreads;
static_assert(kMostElements <= UINT32_MAX - kElementsInBlock);  // neither a part's end nor a step beyond it wraps

SHOAL_HD constexpr std::uint32_t n_parts(std::uint64_t n_elements, std::uint32_t per_block) {
  return static_cast<std::uint32_t>((n_elements + per_block - 1) / per_block);
}

/// Blocks of a launch that has for each network as many as the largest one needs. OutOfMemoryError where a grid holds
/// less: fewer networks can be prepared, as where memory ends.
inline std::uint32_t n_blocks(std::uint32_t n_networks, std::uint32_t parts) {
  constexpr std::uint64_t kMostBlocks = (std::uint64_t{1} << 31) - 1;
  const std::uint64_t n = std::uint64_t{n_networks} * parts;
  if (n <= kMostBlocks) return static_cast<std::uint32_t>(n);
  throw OutOfMemoryError(std::to_string(n_networks) + " networks of up to " + std::to_string(parts) +
                         " blocks are more than the " + std::to_string(kMostBlocks) + " blocks of a launch");
}

/// Threads of blocks that have n things to do each: whole warps, a power of two of them.
constexpr std::uint32_t n_threads_for(std::uint64_t n) {
  std::uint32_t threads = kWarpLanes;
  while (threads < n && threads < kCohortThreads) threads *= 2;
  return threads;
}

/// A block's network and its number among the network's blocks.
struct Part {
  std::uint32_t network, number;
};
SHOAL_DEVICE Part part_of(const WideDivisor& parts) {
  const auto [network, number] = parts.split(block());
  return {network, number};
}

/// work(i) for the elements of [0, n) that are this part's.
template <class Work>
SHOAL_DEVICE void each_of_part(const Part& part, std::uint32_t n, Work work) {
  const std::uint32_t first = part.number * kElementsInBlock;
  const std::uint32_t end = n < first + kElementsInBlock ? n : first + kElementsInBlock;
  for (std::uint32_t i = first + thread(); i < end; i += n_threads()) work(i);
}

using Four = Pack<kAtOnce>;

/// Likewise by fours: work(first of four, what load(first of four) gave). Two fours of a thread are loaded before
/// either is stored, so that a thread waits for memory once.
template <class Load, class Work>
SHOAL_DEVICE void each_four_of_part(const Part& part, std::uint32_t n, Load load, Work work) {
  const std::uint32_t first = part.number * kElementsInBlock;
  const std::uint32_t end = n < first + kElementsInBlock ? n : first + kElementsInBlock;
  const std::uint32_t step = kAtOnce * n_threads();
  for (std::uint32_t i = first + kAtOnce * thread(); i < end; i += 2 * step) {
    const bool has_other = i + step < end;
    const auto loaded = load(i);
    const auto other = load(has_other ? i + step : i);
    work(i, loaded);
    if (has_other) work(i + step, other);
  }
}

/// Where a four stands in rows of so many.
struct FourPlace {
  std::uint32_t row, column;
};
SHOAL_DEVICE FourPlace place_of_four(std::uint32_t element, const WideDivisor& fours_in_row) {
  const auto [row, four] = fours_in_row.split(element / kAtOnce);
  return {row, four * kAtOnce};
}

/// What units a network drops; where it drops none, nothing is read to know it.
template <class T>
SHOAL_DEVICE math::Dropout dropout_of(const CohortTask<T>& task, std::uint32_t network, bool drops,
                                      std::uint64_t minibatches_since) {
  if (!drops) return {0.0, 0, 0};
  const NetworkRules& rules = task.rules[network];
  return {rules.dropout, rules.seed, task.states[network].step - minibatches_since};
}

template <class T>
SHOAL_DEVICE Four load_floats(const T* at) {
  const Pack<kAtOnce, T> stored = load<kAtOnce>(at);
  Four floats;
  SHOAL_UNROLL
  for (std::uint32_t k = 0; k < kAtOnce; ++k) floats.x[k] = math::to_float(stored.x[k]);
  return floats;
}
template <class T>
SHOAL_DEVICE void store_floats(T* at, const Four& floats) {
  Pack<kAtOnce, T> stored;
  SHOAL_UNROLL
  for (std::uint32_t k = 0; k < kAtOnce; ++k) stored.x[k] = math::stored_as<T>(floats.x[k]);
  store(at, stored);
}

template <class T>
SHOAL_DEVICE bool is_active(const CohortTask<T>& task, const NetworkState& state) {
  const std::uint32_t epoch = task.cursor->first_epoch + task.cursor->epoch;
  return state.verdict == math::EpochVerdict::go_on && state.progress.epoch == epoch && epoch < state.target_epoch;
}

}  // namespace shoal::cuda
