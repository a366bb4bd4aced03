#pragma once

#include <cstdint>
#include <vector>

#include "kernels/cuda/training.cuh"
#include "shoal/network.hpp"

namespace shoal::cuda {

/// A topology as kernels see it, still on the host. A tile holds, one after another: inputs, each layer's outputs, of
/// each hidden layer what its derivative is taken from and dropout's factors where they are needed, and two layers'
/// deltas in turn.
struct NetworkShape {
  NetworkShape(const Topology& topology, bool has_dropout);

  /// layers: these ones in device memory.
  [[nodiscard]] Shape on_device(const Layer* device_layers) const;
  /// Whether a tile fits into a block's shared memory.
  [[nodiscard]] bool tile_is_shared() const;
  /// Threads of a block that trains it.
  [[nodiscard]] std::uint32_t n_threads() const;

  std::vector<Layer> layers;
  std::uint32_t n_parameters = 0;
  std::uint32_t n_units = 0;  ///< of all layers
  std::uint32_t widest = 0;   ///< units of a layer at most
  std::uint32_t first_delta = 0, tile_floats = 0;
};

}  // namespace shoal::cuda
