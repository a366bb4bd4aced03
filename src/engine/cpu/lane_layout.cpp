#include "engine/cpu/lane_layout.hpp"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace shoal::cpu {

Topology widest(std::span<const Topology> topologies) {
  Topology all = topologies.front();
  for (const Topology& topology : topologies) {
    for (std::size_t l = 0; l < all.hidden_layer_sizes.size(); ++l) {
      all.hidden_layer_sizes[l] = std::max(all.hidden_layer_sizes[l], topology.hidden_layer_sizes[l]);
    }
  }
  return all;
}

LaneLayout::LaneLayout(std::span<const Topology> of_lanes, std::size_t n_lanes)
    : topologies_(of_lanes.begin(), of_lanes.end()) {
  const Topology topology = widest(of_lanes);
  n_parameters_ = topology.n_parameters();
  std::size_t parameters = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const LaneLayer layer{.n_in = static_cast<std::size_t>(topology.fan_in(l)),
                          .n_out = static_cast<std::size_t>(topology.fan_out(l)),
                          .parameters = parameters,
                          .units = n_units_,
                          .activation = static_cast<Act>(topology.activation(l)),
                          .n_common = static_cast<std::size_t>(topology.fan_out(l)),
                          .present = nullptr};
    parameters += layer.n_out * (layer.n_in + 1);
    n_units_ += layer.n_out;
    layers_.push_back(layer);
  }
  if (!is_mixed()) return;
  present_ = AlignedFloats(n_units_ * n_lanes);
  for (std::size_t l = 0; l < layers_.size(); ++l) {
    LaneLayer& layer = layers_[l];
    float* const present = present_.data() + layer.units * n_lanes;
    layer.present = present;
    for (std::size_t lane = 0; lane < of_lanes.size(); ++lane) {
      const auto n_out = static_cast<std::size_t>(of_lanes[lane].fan_out(l));
      layer.n_common = std::min(layer.n_common, n_out);
      for (std::size_t unit = 0; unit < n_out; ++unit) present[unit * n_lanes + lane] = 1.0F;
    }
  }
}

std::size_t LaneLayout::mixed_bytes(const Topology& topology) {
  std::size_t units = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) units += static_cast<std::size_t>(topology.fan_out(l));
  const std::size_t of_lists = topology.hidden_layer_sizes.size() * (sizeof(std::int32_t) + sizeof(Activation));
  return units * sizeof(float) + sizeof(Topology) + of_lists;
}

std::size_t LaneLayout::workspace_floats(std::size_t n_lanes, bool has_dropout) const {
  const std::size_t units = kLaneColumn * n_units_ * n_lanes;
  return padded(kLaneBlock * layers_.front().n_in) + padded(n_parameters_ * n_lanes) + (has_dropout ? 4 : 3) * units;
}

LaneWorkspace LaneLayout::workspace(float* memory, std::size_t n_lanes, bool has_dropout) const {
  const auto next = [&](std::size_t n) { return std::exchange(memory, memory + padded(n)); };
  const std::size_t units = kLaneColumn * n_units_ * n_lanes;
  LaneWorkspace space{};
  space.inputs = next(kLaneBlock * layers_.front().n_in);
  space.gradient = next(n_parameters_ * n_lanes);
  space.activations = next(units);
  space.errors = next(units);
  space.slopes = next(units);
  if (has_dropout) space.factors = next(units);
  return space;
}

}  // namespace shoal::cpu
