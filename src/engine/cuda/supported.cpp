#include "engine/cuda/supported.hpp"

#include <algorithm>

#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/kernel_builder.hpp"
#include "kernels/cuda/thread_memory.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {

namespace {

/// Building a kernel takes seconds; fewer networks are trained before it is there.
constexpr std::uint32_t kFewestToBuildFor = kNetworksInBlock / 2;

bool has_sizes(const Topology& topology, std::span<const std::uint32_t> sizes) {
  if (topology.n_layers() + 1 != sizes.size() || topology.n_inputs != static_cast<std::int32_t>(sizes[0])) return false;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    if (topology.fan_out(l) != static_cast<std::int32_t>(sizes[l + 1])) return false;
  }
  return true;
}

bool is_plain(const GangKey& key, bool weighted_rows) {
  const std::vector<Activation>& all = key.topology.activations;
  return key.plain && !weighted_rows && (key.loss == Loss::squared_error || key.loss == Loss::half_squared_error) &&
         (key.solver == Solver::sgd || key.solver == Solver::adam) &&
         std::ranges::all_of(all, [&](Activation f) { return f == all.front(); });
}

bool can_build(const GangKey& key, bool weighted_rows) {
  return key.shuffle != Shuffle::per_trial && fits_registers(key.topology) &&
         thread_shared_bytes(built_sizes(key.topology, thread_variant(key, weighted_rows))) <= most_shared_bytes() &&
         why_no_builder().empty();
}

}  // namespace

ThreadVariant thread_variant(const GangKey& key, bool weighted_rows) {
  if (!is_plain(key, weighted_rows)) return {};
  const std::vector<Activation>& all = key.topology.activations;
  // Without hidden layers all activations are one.
  return {true, all.empty() ? Act::relu : static_cast<Act>(all.front()), static_cast<SolverKind>(key.solver)};
}

const ThreadKernel* compiled_thread_kernel(const GangKey& key, bool weighted_rows) {
  if (key.shuffle == Shuffle::per_trial) return nullptr;
  const std::span<const ThreadKernel> all = compiled_thread_kernels();
  const ThreadVariant variant = thread_variant(key, weighted_rows);
  const auto found = std::ranges::find_if(all, [&](const ThreadKernel& kernel) {
    return has_sizes(key.topology, kernel.sizes) && kernel.shared_bytes <= most_shared_bytes() &&
           (!kernel.variant.is_plain || kernel.variant == variant);
  });
  return found == all.end() ? nullptr : &*found;
}

bool may_have_threads(const GangKey& key, bool weighted_rows) {
  return compiled_thread_kernel(key, weighted_rows) != nullptr || can_build(key, weighted_rows);
}

bool has_built_kernel(const Gang& gang, bool weighted_rows) {
  const ThreadKernel* const compiled = compiled_thread_kernel(gang.key, weighted_rows);
  if (compiled != nullptr && compiled->variant == thread_variant(gang.key, weighted_rows)) return false;
  return gang.n_slots >= kFewestToBuildFor && can_build(gang.key, weighted_rows);
}

bool can_have_threads(const Gang& gang, bool weighted_rows) {
  return compiled_thread_kernel(gang.key, weighted_rows) != nullptr || has_built_kernel(gang, weighted_rows);
}

bool reads_outputs(WatchedMetric metric) {
  return metric == WatchedMetric::val_accuracy || metric == WatchedMetric::by_host;
}

Operands operands_of(Precision precision) {
  if (precision == Precision::tf32) return Operands::tf32;
  return precision == Precision::bf16 ? Operands::bf16 : Operands::fp32;
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
