#include "engine/cpu/lane_layout.hpp"

#include <utility>

namespace shoal::cpu {

LaneLayout::LaneLayout(const Topology& topology) : n_parameters_(topology.n_parameters()) {
  std::size_t parameters = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const LaneLayer layer{.n_in = static_cast<std::size_t>(topology.fan_in(l)),
                          .n_out = static_cast<std::size_t>(topology.fan_out(l)),
                          .parameters = parameters,
                          .units = n_units_,
                          .activation = static_cast<Act>(topology.activation(l))};
    parameters += layer.n_out * (layer.n_in + 1);
    n_units_ += layer.n_out;
    layers_.push_back(layer);
  }
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
