#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "kernels/cuda/cohort.cuh"
#include "shoal/network.hpp"

namespace shoal::cuda {

/// A topology with its matrices padded, and what a network of it takes for `rows` rows at a time. Layers are what
/// kernels see, still on the host.
struct CohortShape {
  CohortShape(const Topology& topology, std::size_t rows);

  /// Canonical parameters -> padded ones, and back. Padding becomes zeros, whatever a network that diverged left there.
  void pack(std::span<const float> canonical, std::span<float> padded) const;
  [[nodiscard]] std::vector<float> unpack(std::span<const float> padded) const;

  std::size_t most_rows = 0;
  std::vector<CohortLayer> layers;
  std::uint32_t n_parameters = 0;  ///< padded
  std::size_t n_canonical = 0;
  std::size_t n_values = 0, n_z = 0, n_delta = 0;  ///< elements of CohortTask's arrays
  std::uint32_t largest_stride = 0;                ///< of a hidden layer

  /// Rows and columns of its matrices: networks of equal extents lie at equal distances.
  using Extents = std::vector<std::pair<std::uint32_t, std::uint32_t>>;
  [[nodiscard]] Extents extents() const;
};

}  // namespace shoal::cuda
