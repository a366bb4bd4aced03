#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/cohort.cuh"

/// Packs the networks of a cohort that still train, so that products and kernels can pass over those alone. A bucket is
/// the networks of equal extents; what a network has of the arrays of parameters is its room, and the rooms of a bucket
/// lie one after another, at equal distances: any network of the bucket fits into each.
namespace shoal::cuda {

/// Finds which network comes to which room: bucket by bucket, in each first those that still train, apart from that in
/// the order of the networks.
struct SurvivorOrder {
  const NetworkState* states = nullptr;    ///< [network]
  const std::uint32_t* buckets = nullptr;  ///< [network], in any order
  std::uint32_t n_networks = 0;
  std::uint32_t* keys = nullptr;      ///< [network], what they are sorted by
  std::uint32_t* networks = nullptr;  ///< [network], their numbers
  std::uint32_t* sorted_keys = nullptr;
  std::uint32_t* order = nullptr;  ///< [room], the result: the network that comes there
};
/// Bytes of temporary memory that it needs.
[[nodiscard]] std::size_t survivor_order_bytes(std::uint32_t n_networks);
/// Asynchronous, allocates nothing.
void launch_survivor_order(const SurvivorOrder& of, void* temporary, std::size_t temporary_bytes, cudaStream_t stream);

struct VectorMove {
  const CohortNetwork* networks = nullptr;  ///< [network], where it lies
  const CohortNetwork* rooms = nullptr;     ///< [room], its offsets
  const std::uint32_t* order = nullptr;     ///< [room], as above
  std::uint32_t n_networks = 0;
  std::uint32_t largest_parameters = 0;  ///< of any network
};
/// Brings each network's part of a vector of all parameters to its new room; `scratch` is as long. Asynchronous.
void launch_move_vector(const VectorMove& move, float* vector, float* scratch, cudaStream_t stream);

}  // namespace shoal::cuda
