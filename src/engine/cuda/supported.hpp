#pragma once

#include <cstddef>

#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Index into thread_kernels() of the one that trains networks of this kind a thread each; their number: a block each.
/// weighted_rows: the table's rows do not all weigh 1.
[[nodiscard]] std::size_t thread_kernel_of(const GangKey& key, bool weighted_rows);
[[nodiscard]] bool has_block_alone(const GangKey& key, bool weighted_rows);
/// Whether shared memory does not hold a network of this gang, so that layers are trained one after another.
[[nodiscard]] bool goes_by_layers(const Gang& gang, WatchedMetric metric, bool weighted_rows);
/// Whether the metric is counted or computed of what output_row() says of validation rows.
[[nodiscard]] bool reads_outputs(WatchedMetric metric);
/// How kernels come by a metric.
[[nodiscard]] WatchedMetric watched_metric(Metric metric);

}  // namespace shoal::cuda
