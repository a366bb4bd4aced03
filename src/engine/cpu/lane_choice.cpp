#include "engine/cpu/lane_choice.hpp"

#include "kernels/cpu/core_per_network.hpp"

namespace shoal::cpu {
namespace {

/// Weights and gradients of all lanes, which a minibatch passes over for every block of rows: a quarter of a
/// second-level cache of 2 MiB. Beyond it a core alone is faster, which reads a sixteenth of that.
constexpr std::size_t kLaneBytes = std::size_t{512} * 1024;

/// What beginning and ending the loops of a layer costs a core for each row, in multiply-adds.
constexpr std::size_t kLayerCost = 256;

}  // namespace

bool has_lanes(const GangKey& key, std::size_t n_lanes) {
  return 2 * key.topology.n_parameters() * n_lanes * sizeof(float) <= kLaneBytes;
}

std::size_t fewest_lanes(const Topology& topology, std::size_t n_lanes) {
  std::size_t on_lanes = 0;  // multiply-adds of a row
  std::size_t on_core = 0;   // the same with outputs padded
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const auto n_in = static_cast<std::size_t>(topology.fan_in(l));
    const auto n_out = static_cast<std::size_t>(topology.fan_out(l));
    on_lanes += (l == 0 ? 2 : 3) * n_in * n_out;
    on_core += 2 * n_in * padded(n_out) + (l == 0 ? 0 : padded(n_in) * n_out) + kLayerCost;
  }
  return n_lanes * on_lanes / on_core + 1;
}

}  // namespace shoal::cpu
