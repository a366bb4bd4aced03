#include "engine/cuda/network_shape.hpp"

#include <algorithm>
#include <bit>

#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {

NetworkShape::NetworkShape(const Topology& topology, bool has_dropout) {
  const auto room = [this](std::uint32_t units) {
    const std::uint32_t first = tile_floats;
    tile_floats += kTileRows * units;
    return first;
  };
  std::uint32_t input = room(static_cast<std::uint32_t>(topology.n_inputs));
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    Layer layer;
    layer.n_in = static_cast<std::uint32_t>(topology.fan_in(l));
    layer.n_out = static_cast<std::uint32_t>(topology.fan_out(l));
    layer.activation = static_cast<Act>(topology.activation(l));
    layer.first_parameter = n_parameters;
    layer.input = input;
    layer.output = layer.from = input = room(layer.n_out);
    const bool is_hidden = l + 1 < topology.n_layers();
    if (is_hidden && (has_dropout || math::stores_slope(layer.activation))) layer.from = room(layer.n_out);
    if (is_hidden && has_dropout) layer.keep = room(layer.n_out);
    n_parameters += static_cast<std::uint32_t>(topology.n_parameters(l));
    n_units += layer.n_out;
    widest = std::max(widest, layer.n_out);
    layers.push_back(layer);
  }
  first_delta = room(2 * widest);
}

Shape NetworkShape::on_device(const Layer* device_layers) const {
  return {device_layers,
          static_cast<std::uint32_t>(layers.size()),
          n_parameters,
          {first_delta, first_delta + kTileRows * widest},
          tile_floats};
}

bool NetworkShape::tile_is_shared() const { return block_shared_bytes(tile_floats) <= kMostSharedBytes; }

/// Two threads a unit keep the widest layer's outputs of a tile busy for 16 rounds; not yet measured on a GPU.
std::uint32_t NetworkShape::n_threads() const {
  constexpr std::uint32_t kMostThreads = 256;
  const std::uint32_t whole_warps = (2 * widest + kWarpLanes - 1) / kWarpLanes * kWarpLanes;
  return std::min(std::bit_ceil(whole_warps), kMostThreads);
}

}  // namespace shoal::cuda
