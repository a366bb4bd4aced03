#include "engine/cuda/network_shape.hpp"

#include <algorithm>
#include <bit>

#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {

NetworkShape::NetworkShape(const Topology& topology, bool has_dropout, bool keeps_outputs) {
  const auto room = [this](std::uint32_t stride) {
    const std::uint32_t first = value_floats;
    value_floats += kTileRows * stride;
    return first;
  };
  std::uint32_t stride = padded_stride(static_cast<std::uint32_t>(topology.n_inputs));
  std::uint32_t input = room(stride);
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    Layer layer;
    layer.n_in = static_cast<std::uint32_t>(topology.fan_in(l));
    layer.n_out = static_cast<std::uint32_t>(topology.fan_out(l));
    layer.activation = static_cast<Act>(topology.activation(l));
    layer.first_parameter = n_parameters;
    layer.weights = weight_floats;
    layer.weight_stride = padded_stride(layer.n_in + 1);
    layer.input = input;
    layer.input_stride = stride;
    layer.output_stride = stride = padded_stride(layer.n_out);
    layer.output = layer.from = layer.delta = input = room(stride);
    const bool is_hidden = l + 1 < topology.n_layers();
    if (!is_hidden && keeps_outputs) layer.delta = room(stride);
    if (is_hidden && (has_dropout || math::stores_slope(layer.activation))) layer.from = room(stride);
    if (is_hidden && has_dropout) layer.keep = room(stride);
    n_parameters += static_cast<std::uint32_t>(topology.n_parameters(l));
    weight_floats += layer.n_out * layer.weight_stride;
    n_units += layer.n_out;
    widest = std::max(widest, layer.n_out);
    layers.push_back(layer);
  }
}

Shape NetworkShape::on_device(const Layer* device_layers) const {
  return {device_layers, static_cast<std::uint32_t>(layers.size()), n_parameters, value_floats, weight_floats};
}

bool NetworkShape::is_shared() const {
  return block_shared_bytes(std::size_t{value_floats} + weight_floats) <= most_shared_bytes();
}

/// Only where that leaves room for six blocks on a multiprocessor: a gradient is touched once for every tile of rows,
/// and more blocks hide more of what they wait for.
bool NetworkShape::gradient_is_shared() const {
  constexpr std::size_t kMostBytes = std::size_t{36} * 1024;
  return is_shared() && block_shared_bytes(std::size_t{value_floats} + 2 * std::size_t{weight_floats}) <= kMostBytes;
}

std::size_t NetworkShape::shared_bytes() const {
  return block_shared_bytes(value_floats + (gradient_is_shared() ? 2U : 1U) * std::size_t{weight_floats});
}

/// A patch of the widest layer's outputs for each.
std::uint32_t NetworkShape::n_threads() const {
  return std::clamp(std::bit_floor(kTileRows / kPatch * ((widest + kPatch - 1) / kPatch)), kWarpLanes, kMostThreads);
}

}  // namespace shoal::cuda
