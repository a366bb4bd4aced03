#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/survivors.cuh"

namespace shoal::cuda {

/// What networks have, by the places that they come to. before: the place that each of them had.
template <class Value>
[[nodiscard]] std::vector<Value> by_new_places(const std::vector<Value>& values,
                                               std::span<const std::uint32_t> before) {
  std::vector<Value> moved;
  moved.reserve(before.size());
  for (const std::uint32_t place : before) moved.push_back(values[place]);
  return moved;
}

/// Sorts the networks of a cohort on the device so that in each bucket those that still train come first, and moves
/// their parameters so. What it needs for that is allocated once.
class Survivors {
 public:
  /// rooms: [room], their offsets, bucket by bucket. `stream` outlives it.
  Survivors(std::span<const CohortNetwork> rooms, const Stream& stream);

  /// Device bytes for one network, and for all that are sorted together.
  [[nodiscard]] static std::uint64_t network_bytes() { return sizeof(CohortNetwork) + 5 * sizeof(std::uint32_t); }
  [[nodiscard]] static std::uint64_t shared_bytes(std::uint32_t n_networks) { return survivor_order_bytes(n_networks); }

  /// [room]: the network that is to come there. states: [network], on the device; buckets: [network]. Waits.
  [[nodiscard]] std::span<const std::uint32_t> sort(const NetworkState* states, std::span<const std::uint32_t> buckets);
  /// Moves a vector as sort() said. networks: [network], on the device, where each lies now. Asynchronous.
  void move(const CohortNetwork* networks, float* vector, float* scratch) const;

 private:
  std::uint32_t n_networks_, largest_parameters_;
  const Stream* stream_;
  DeviceBuffer<CohortNetwork> rooms_;
  DeviceBuffer<std::uint32_t> buckets_, keys_, networks_, sorted_keys_, order_;
  DeviceBuffer<std::byte> temporary_;
  std::vector<std::uint32_t> host_order_;
};

}  // namespace shoal::cuda
