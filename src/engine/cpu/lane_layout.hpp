#pragma once

#include <cstddef>
#include <vector>

#include "engine/cpu/network_layout.hpp"
#include "kernels/cpu/lane_per_network.hpp"
#include "shoal/network.hpp"

namespace shoal::cpu {

/// Where everything of networks of one topology lies when each has a lane.
class LaneLayout {
 public:
  explicit LaneLayout(const Topology& topology);

  [[nodiscard]] std::size_t n_parameters() const noexcept { return n_parameters_; }
  [[nodiscard]] std::size_t n_layers() const noexcept { return layers_.size(); }
  [[nodiscard]] std::size_t n_outputs() const noexcept { return layers_.back().n_out; }
  [[nodiscard]] LaneShape shape() const noexcept { return {layers_, n_parameters_}; }

  [[nodiscard]] std::size_t workspace_floats(std::size_t n_lanes, bool has_dropout) const;
  /// Divides workspace_floats() at `memory`, aligned to kAlignment.
  [[nodiscard]] LaneWorkspace workspace(float* memory, std::size_t n_lanes, bool has_dropout) const;

 private:
  std::vector<LaneLayer> layers_;
  std::size_t n_parameters_ = 0;
  std::size_t n_units_ = 0;  ///< outputs of all layers
};

}  // namespace shoal::cpu
