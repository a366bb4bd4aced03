#include <bit>

#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/cuda/cub_api.hpp"
#include "kernels/cuda/survivors.cuh"

namespace shoal::cuda {
namespace {

/// A network a thread.
SHOAL_KERNEL void survivor_keys_kernel(SurvivorOrder of) {
  const std::uint32_t network = block() * n_threads() + thread();
  if (network >= of.n_networks) return;
  const bool has_ended = of.states[network].verdict != math::EpochVerdict::go_on;
  of.keys[network] = 2 * of.buckets[network] + (has_ended ? 1U : 0U);
  of.networks[network] = network;
}

/// To the scratch memory, where it stands in the new order, and from there back: in place a block would overwrite what
/// another has not read. Networks that stay where they are cost a look.
SHOAL_KERNEL void move_vector_kernel(VectorMove move, const float* from, float* to, bool back, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = move.networks[move.order[part.network]];
  const std::size_t new_first = move.rooms[part.network].parameters;
  if (net.parameters == new_first) return;
  const std::size_t first = back ? new_first : net.parameters;
  each_of_part(part, net.n_parameters, [&](std::uint32_t i) { to[new_first + i] = from[first + i]; });
}

/// Stable. Without temporary memory it only says how many bytes of it are needed.
void sort_survivors(const SurvivorOrder& of, void* temporary, std::size_t& temporary_bytes, cudaStream_t stream) {
  // There are at most as many buckets as networks.
  const int end_bit = std::bit_width(2 * of.n_networks);
  check(cub::DeviceRadixSort::SortPairs(temporary, temporary_bytes, of.keys, of.sorted_keys, of.networks, of.order,
                                        static_cast<int>(of.n_networks), 0, end_bit, stream),
        "cub::DeviceRadixSort::SortPairs");
}

}  // namespace

std::size_t survivor_order_bytes(std::uint32_t n_networks) {
  SurvivorOrder of;
  of.n_networks = n_networks;
  std::size_t bytes = 0;
  sort_survivors(of, nullptr, bytes, nullptr);
  return bytes;
}

void launch_survivor_order(const SurvivorOrder& of, void* temporary, std::size_t temporary_bytes, cudaStream_t stream) {
  const std::uint32_t threads = n_threads_for(of.n_networks);
  launch({"survivor_keys_kernel", n_parts(of.n_networks, threads), threads, 0, stream}, &survivor_keys_kernel, of);
  sort_survivors(of, temporary, temporary_bytes, stream);
}

void launch_move_vector(const VectorMove& move, float* vector, float* scratch, cudaStream_t stream) {
  const std::uint32_t parts = n_parts(move.largest_parameters, kElementsInBlock);
  const Launch l{"move_vector_kernel", n_blocks(move.n_networks, parts), n_threads_for(move.largest_parameters), 0,
                 stream};
  launch(l, &move_vector_kernel, move, vector, scratch, false, WideDivisor(parts));
  launch(l, &move_vector_kernel, move, scratch, vector, true, WideDivisor(parts));
}

}  // namespace shoal::cuda
