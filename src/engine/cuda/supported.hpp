#pragma once

#include <cstddef>

#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Index into shapes() of the kernel that trains networks of this kind a thread each; shapes().size(): a block each.
[[nodiscard]] std::size_t thread_kernel_of(const GangKey& key);
[[nodiscard]] bool has_block_alone(const GangKey& key);
/// Whether shared memory does not hold a network of this gang, so that layers are trained one after another.
[[nodiscard]] bool goes_by_layers(const Gang& gang, WatchedMetric metric);
/// Whether the metric is counted or computed of what output_row() says of validation rows.
[[nodiscard]] bool reads_outputs(WatchedMetric metric);
/// How kernels come by a metric.
[[nodiscard]] WatchedMetric watched_metric(Metric metric);

}  // namespace shoal::cuda
