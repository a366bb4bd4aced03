#include "engine/cuda/supported.hpp"

#include <algorithm>

#include "engine/cuda/network_shape.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/math/kinds.hpp"

namespace shoal::cuda {

std::size_t thread_kernel_of(const GangKey& key) {
  const std::span<const ShapeSize> all = shapes();
  const Topology& t = key.topology;
  const bool is_known = key.plain && key.solver == Solver::sgd && key.shuffle != Shuffle::per_trial &&
                        (key.loss == Loss::squared_error || key.loss == Loss::half_squared_error);
  const bool keeps_slopes =
      std::ranges::any_of(t.activations, [](Activation f) { return math::stores_slope(static_cast<math::Act>(f)); });
  if (!is_known || keeps_slopes || t.hidden_layer_sizes.size() != 2) return all.size();
  const auto equal = [](std::uint32_t a, std::int32_t b) { return static_cast<std::int64_t>(a) == b; };
  const auto found = std::ranges::find_if(all, [&](const ShapeSize& s) {
    return equal(s.n_inputs, t.n_inputs) && equal(s.n_hidden_1, t.hidden_layer_sizes[0]) &&
           equal(s.n_hidden_2, t.hidden_layer_sizes[1]) && equal(s.n_outputs, t.n_outputs);
  });
  return static_cast<std::size_t>(found - all.begin());
}

bool has_block_alone(const GangKey& key) { return thread_kernel_of(key) == shapes().size(); }

bool reads_outputs(WatchedMetric metric) {
  return metric == WatchedMetric::val_accuracy || metric == WatchedMetric::by_host;
}

bool goes_by_layers(const Gang& gang, WatchedMetric metric) {
  return has_block_alone(gang.key) &&
         !NetworkShape(gang.key.topology, gang.has_dropout, reads_outputs(metric)).is_shared();
}

WatchedMetric watched_metric(Metric metric) {
  switch (metric) {
    case Metric::val_loss:
      return WatchedMetric::val_loss;
    case Metric::train_loss:
      return WatchedMetric::train_loss;
    case Metric::val_accuracy:
      return WatchedMetric::val_accuracy;
    default:
      return WatchedMetric::by_host;
  }
}

}  // namespace shoal::cuda
