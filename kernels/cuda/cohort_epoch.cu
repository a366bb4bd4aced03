#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/math/epoch_decision.hpp"

namespace shoal::cuda {
namespace {

SHOAL_DEVICE bool is_finite(double x) { return x - x == 0.0; }

/// Whether every parameter and optimizer state of the network is; called by all threads of its block.
template <class T>
SHOAL_DEVICE bool all_finite(const CohortTask<T>& task, const CohortNetwork& net, const NetworkRules& rules) {
  auto* const n_broken = dynamic_shared<std::uint32_t>();
  if (thread() == 0) *n_broken = 0;
  barrier();
  bool finite = true;
  for (std::uint32_t i = thread(); i < net.n_parameters; i += n_threads()) {
    const std::size_t p = net.parameters + i;
    finite = finite && task.weights[p] - task.weights[p] == 0.0F;
    if (rules.has_first_moment) finite = finite && task.first_moment[p] - task.first_moment[p] == 0.0F;
    if (net.solver != SolverKind::sgd) finite = finite && task.second_moment[p] - task.second_moment[p] == 0.0F;
  }
  if (!finite) atomic_max(n_broken, 1U);
  barrier();
  return *n_broken == 0;
}

template <class T>
SHOAL_DEVICE NetworkRecord record_of(const CohortTask<T>& task, std::uint32_t network) {
  NetworkRecord record;
  std::uint64_t n_right = 0;
  for (std::uint32_t k = 0; k < task.n_row_blocks; ++k) {
    const CohortSums& sums = task.sums[static_cast<std::size_t>(network) * task.n_row_blocks + k];
    record.train_loss += sums.train_loss;
    record.train_weight += sums.train_weight;
    record.val_loss += sums.val_loss;
    n_right += sums.n_right;
  }
  record.ran = 1;
  switch (task.metric) {
    case WatchedMetric::val_loss:
      record.metric = record.val_loss / task.validation_weight;
      break;
    case WatchedMetric::train_loss:
      record.metric = record.train_loss / record.train_weight;
      break;
    case WatchedMetric::val_accuracy: {
      const CohortNetwork& net = task.networks[network];
      const std::uint64_t labels = task.rows.labels == nullptr ? net.layers[task.n_layers - 1].n_out : 1;
      record.metric = static_cast<double>(n_right) / static_cast<double>(labels * task.n_validation);
      break;
    }
  }
  return record;
}

/// A network a block.
template <class T>
SHOAL_KERNEL void finish_epoch_kernel(CohortTask<T> task) {
  const std::uint32_t network = block();
  const CohortNetwork& net = task.networks[network];
  const NetworkRules& rules = task.rules[network];
  NetworkState state = task.states[network];
  const bool active = is_active(task, state);
  const NetworkRecord record = record_of(task, network);
  const bool finite = all_finite(task, net, rules) && is_finite(record.train_loss) && is_finite(record.val_loss);
  for (std::uint32_t k = thread(); k < task.n_row_blocks; k += n_threads()) {
    task.sums[static_cast<std::size_t>(network) * task.n_row_blocks + k] = {};
  }
  if (!active) return;
  ++state.progress.epoch;
  const math::EpochDecision decision =
      math::decide_epoch(state.progress, rules.epoch, record.metric, record.train_loss / record.train_weight, finite);
  state.verdict = decision.verdict;
  const bool ended =
      decision.verdict == math::EpochVerdict::finished || decision.verdict == math::EpochVerdict::stopped;
  for (std::uint32_t i = thread(); i < net.n_parameters; i += n_threads()) {
    const std::size_t p = net.parameters + i;
    if (decision.is_best) task.best[p] = task.weights[p];
    if (!ended || rules.epoch.n_iter_no_change == 0) continue;
    task.weights[p] = task.best[p];
    if constexpr (sizeof(T) != sizeof(float)) task.operands[p] = math::stored_as<T>(task.weights[p]);
  }
  if (thread() != 0) return;
  task.states[network] = state;
  task.records[static_cast<std::size_t>(task.cursor->epoch) * task.n_networks + network] = record;
}

template <class T>
SHOAL_KERNEL void store_operands_kernel(CohortTask<T> task, std::size_t n_parameters) {
  const std::size_t p = static_cast<std::size_t>(block()) * n_threads() + thread();
  if (p < n_parameters) task.operands[p] = math::stored_as<T>(task.weights[p]);
}

SHOAL_KERNEL void next_epoch_kernel(Cursor* cursor) {
  ++cursor->epoch;
  cursor->row = 0;
}

}  // namespace

template <class T>
void launch_finish_epoch(const CohortTask<T>& task, std::uint32_t largest_parameters, cudaStream_t stream) {
  launch({"finish_epoch_kernel", task.n_networks, n_threads_for(largest_parameters), sizeof(std::uint32_t), stream},
         &finish_epoch_kernel<T>, task);
  launch({"next_epoch_kernel", 1, 1, 0, stream}, &next_epoch_kernel, task.cursor);
}

template <class T>
void launch_store_operands(const CohortTask<T>& task, std::size_t n_parameters, cudaStream_t stream) {
  launch({"store_operands_kernel", n_parts(n_parameters, kCohortThreads), kCohortThreads, 0, stream},
         &store_operands_kernel<T>, task, n_parameters);
}

template void launch_finish_epoch(const CohortTask<float>&, std::uint32_t, cudaStream_t);
template void launch_finish_epoch(const CohortTask<math::Bfloat16>&, std::uint32_t, cudaStream_t);
template void launch_store_operands(const CohortTask<math::Bfloat16>&, std::size_t, cudaStream_t);

}  // namespace shoal::cuda
