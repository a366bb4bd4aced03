#pragma once

#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// What a kernel of a thread a network has to train for networks of this kind. weighted_rows: the table's rows do not
/// all weigh 1.
[[nodiscard]] ThreadVariant thread_variant(const GangKey& key, bool weighted_rows);
/// The program's kernel that trains networks of this kind a thread each; null where it has none.
[[nodiscard]] const ThreadKernel* compiled_thread_kernel(const GangKey& key, bool weighted_rows);
/// Whether networks of this kind are trained a thread each where there are many of them, by the program's kernel or by
/// one that is built for them.
[[nodiscard]] bool may_have_threads(const GangKey& key, bool weighted_rows);
/// Whether threads train this gang's networks by a kernel that is built for them: the program has none, or none as
/// plain as they are.
[[nodiscard]] bool has_built_kernel(const Gang& gang, bool weighted_rows);
/// Whether there is a kernel that trains this gang's networks a thread each, the program's or one to be built.
[[nodiscard]] bool can_have_threads(const Gang& gang, bool weighted_rows);
/// Whether the metric is counted or computed of what output_row() says of validation rows.
[[nodiscard]] bool reads_outputs(WatchedMetric metric);
/// What a precision's products are made of in a block: fp32 is no less exact in strict order.
[[nodiscard]] Operands operands_of(Precision precision);
/// How kernels come by a metric.
[[nodiscard]] WatchedMetric watched_metric(Metric metric);

}  // namespace shoal::cuda
