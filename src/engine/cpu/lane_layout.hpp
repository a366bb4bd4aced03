#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/cpu/network_layout.hpp"
#include "kernels/cpu/lane_per_network.hpp"
#include "shoal/network.hpp"

namespace shoal::cpu {

/// The least topology of which all of these are a part. They differ in widths of hidden layers alone.
[[nodiscard]] Topology widest(std::span<const Topology> topologies);

/// Where everything of networks lies when each has a lane.
class LaneLayout {
 public:
  /// Of networks of one topology.
  explicit LaneLayout(const Topology& topology) : LaneLayout({&topology, 1}, 1) {}
  /// Lane l is a network of of_lanes[l]; the lanes beyond them, of n_lanes, are unused. What a lane's layer has not
  /// of the widest one is there, and 0.
  LaneLayout(std::span<const Topology> of_lanes, std::size_t n_lanes);

  /// What a lane of a mixed vector takes of the layout itself.
  [[nodiscard]] static std::size_t mixed_bytes(const Topology& topology);

  [[nodiscard]] std::size_t n_parameters() const noexcept { return n_parameters_; }
  [[nodiscard]] std::size_t n_layers() const noexcept { return layers_.size(); }
  [[nodiscard]] std::size_t n_outputs() const noexcept { return layers_.back().n_out; }
  [[nodiscard]] LaneShape shape() const noexcept { return {layers_, n_parameters_, is_mixed()}; }
  [[nodiscard]] std::size_t n_parameters(std::size_t lane) const { return topology(lane).n_parameters(); }

  /// Calls visit(canonical, element) for the parameters of a lane's network: where each lies there, and here.
  template <class Visit>
  void each_parameter(std::size_t lane, Visit visit) const {
    const Topology& narrow = topology(lane);
    std::size_t canonical = 0;
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      const auto n_in = static_cast<std::size_t>(narrow.fan_in(l));
      const auto n_out = static_cast<std::size_t>(narrow.fan_out(l));
      std::size_t row = layers_[l].parameters;
      for (std::size_t o = 0; o < n_out; ++o, row += layers_[l].n_in + 1) {
        for (std::size_t i = 0; i < n_in; ++i) visit(canonical++, row + i);
        visit(canonical++, row + layers_[l].n_in);
      }
    }
  }

  [[nodiscard]] std::size_t workspace_floats(std::size_t n_lanes, bool has_dropout) const;
  /// Divides workspace_floats() at `memory`, aligned to kAlignment.
  [[nodiscard]] LaneWorkspace workspace(float* memory, std::size_t n_lanes, bool has_dropout) const;

 private:
  [[nodiscard]] bool is_mixed() const noexcept { return topologies_.size() > 1; }
  [[nodiscard]] const Topology& topology(std::size_t lane) const {
    return is_mixed() ? topologies_.at(lane) : topologies_.front();
  }

  std::vector<Topology> topologies_;  ///< of the lanes; one where they have the same
  std::vector<LaneLayer> layers_;
  AlignedFloats present_;  ///< [units] x lanes, as LaneLayer has it
  std::size_t n_parameters_ = 0;
  std::size_t n_units_ = 0;  ///< outputs of all layers
};

}  // namespace shoal::cpu
