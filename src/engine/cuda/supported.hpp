#pragma once

#include <cstddef>

#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Index into shapes() of the kernel that trains networks of this kind a thread each; shapes().size(): a block each.
[[nodiscard]] std::size_t thread_kernel_of(const GangKey& key);
[[nodiscard]] bool has_block_alone(const GangKey& key);
/// How kernels come by a metric.
[[nodiscard]] WatchedMetric watched_metric(Metric metric);

}  // namespace shoal::cuda
