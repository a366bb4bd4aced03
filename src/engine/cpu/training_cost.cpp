#include "engine/cpu/training_cost.hpp"

#include <cmath>

#include "engine/cpu/minibatch.hpp"
#include "kernels/cpu/core_per_network.hpp"

namespace shoal::cpu {
namespace {

/// Weights and gradients of all lanes, which every minibatch passes over, that stay in a second-level cache of 2 MiB
/// beside what rows make of them. A core alone reads a sixteenth of that.
constexpr std::size_t kLaneBytes = std::size_t{3} << 18U;

/// Whether an activation takes an exponential, by the target's own polynomials.
bool is_exponential(Activation f) {
  return f != Activation::identity && f != Activation::relu && f != Activation::leaky_relu;
}

bool is_exponential(Loss loss) { return loss == Loss::cross_entropy || loss == Loss::binary_cross_entropy; }

/// Of one row; widths are padded to whole vectors of `step`.
struct RowWork {
  double forward = 0, backward = 0;  ///< multiply-adds
  double units = 0, exponentials = 0, outputs = 0;
};

RowWork row_work(const GangKey& key, std::size_t step) {
  const auto up = [&](std::int32_t n) {
    const std::size_t n_vectors = (static_cast<std::size_t>(n) + step - 1) / step;
    return static_cast<double>(n_vectors * step);
  };
  const Topology& topology = key.topology;
  RowWork work;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const double n_in = topology.fan_in(l);
    const double n_out = topology.fan_out(l);
    work.forward += n_in * up(topology.fan_out(l));
    work.backward += n_in * up(topology.fan_out(l)) + (l == 0 ? 0 : up(topology.fan_in(l)) * n_out);
    work.units += n_out;
    const bool is_hidden = l + 1 < topology.n_layers();
    if (is_hidden && is_exponential(topology.activations[l])) work.exponentials += up(topology.fan_out(l));
  }
  work.outputs = topology.n_outputs;
  if (is_exponential(key.loss)) work.exponentials += work.outputs;
  return work;
}

/// Of rows that pass through the layers together.
double blocks(std::uint32_t n_rows) { return std::ceil(n_rows / static_cast<double>(kBlockRows)); }

/// Where kernels do not add up the metric.
double measured(const CpuCosts& costs, const RowWork& row, const EpochRows& rows) {
  return (costs.measured_row + costs.measured_output * row.outputs) * rows.n_validation;
}

}  // namespace

double core_epoch(const CpuCosts& costs, const GangKey& key, const EpochRows& rows, std::size_t n_lanes) {
  const RowWork row = row_work(key, kPadding);
  const auto lanes = static_cast<double>(n_lanes);
  const auto n_layers = static_cast<double>(key.topology.n_layers());
  const double n_rows = rows.n_training + rows.n_validation;
  const double n_parameters = static_cast<double>(key.topology.n_parameters()) / lanes;
  const double n_passes = rows.n_minibatches() * blocks(rows.batch) + blocks(rows.n_validation);
  return costs.core_vector * (row.forward * n_rows + row.backward * rows.n_training) / lanes +
         costs.core_layer * n_layers * n_rows + costs.core_exponential * row.exponentials * n_rows / lanes +
         costs.core_output * row.outputs * n_rows + costs.core_minibatch * n_layers * n_passes +
         (has_second_moment(key.solver) ? costs.core_moments : costs.core_sgd) * n_parameters * rows.n_minibatches() +
         costs.core_epoch + measured(costs, row, rows);
}

double lane_epoch(const CpuCosts& costs, const GangKey& key, const EpochRows& rows, std::size_t n_lanes,
                  std::size_t n_networks, bool collects) {
  const RowWork row = row_work(key, 1);
  const auto n_parameters = static_cast<double>(key.topology.n_parameters());
  const double n_rows = rows.n_training + rows.n_validation;
  const bool spills = 2 * key.topology.n_parameters() * n_lanes * sizeof(float) > kLaneBytes;
  const double of_collectors = collects ? measured(costs, row, rows) * static_cast<double>(n_networks) : 0;
  const double of_passes =
      (spills ? costs.lane_spilled : costs.lane_vector) * (row.forward * n_rows + row.backward * rows.n_training) +
      costs.lane_unit * row.units * n_rows + costs.lane_exponential * row.exponentials * n_rows +
      (has_second_moment(key.solver) ? costs.lane_moments : costs.lane_sgd) * n_parameters * rows.n_minibatches();
  return of_passes + costs.lane_epoch + of_collectors;
}

}  // namespace shoal::cpu
