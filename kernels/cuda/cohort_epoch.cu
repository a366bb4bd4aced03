#include "kernels/cuda/accuracy.cuh"
#include "kernels/cuda/cohort_parts.cuh"
#include "kernels/math/epoch_decision.hpp"

namespace shoal::cuda {
namespace {

SHOAL_DEVICE bool is_finite(double x) { return x - x == 0.0; }

/// Marks networks of which a parameter or an optimizer state is not finite.
template <class T>
SHOAL_KERNEL void check_finite_kernel(CohortTask<T> task, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortNetwork& net = task.networks[part.network];
  const NetworkRules& rules = task.rules[part.network];
  bool finite = true;
  each_of_part(part, net.n_parameters, [&](std::uint32_t i) {
    const std::size_t p = net.parameters + i;
    finite = finite && task.weights[p] - task.weights[p] == 0.0F;
    if (rules.has_first_moment) finite = finite && task.first_moment[p] - task.first_moment[p] == 0.0F;
    if (net.solver != SolverKind::sgd) finite = finite && task.second_moment[p] - task.second_moment[p] == 0.0F;
  });
  if (!finite) atomic_max(&task.broken[part.network], 1U);
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
    case WatchedMetric::val_accuracy:
      record.metric =
          accuracy(task.rows, n_right, task.n_validation, task.networks[network].layers[task.n_layers - 1].n_out);
      break;
    case WatchedMetric::by_host:
      record.metric = task.records[static_cast<std::size_t>(task.cursor->epoch) * task.n_networks + network].metric;
      break;
  }
  return record;
}

/// A network a thread.
template <class T>
SHOAL_KERNEL void finish_epoch_kernel(CohortTask<T> task) {
  const std::uint32_t network = block() * n_threads() + thread();
  if (network >= task.n_networks) return;
  const NetworkRules& rules = task.rules[network];
  NetworkState& state = task.states[network];
  CohortDecision& todo = task.decisions[network];
  const NetworkRecord record = record_of(task, network);
  const bool finite = task.broken[network] == 0 && is_finite(record.train_loss) && is_finite(record.val_loss);
  task.broken[network] = 0;
  for (std::uint32_t k = 0; k < task.n_row_blocks; ++k) {
    task.sums[static_cast<std::size_t>(network) * task.n_row_blocks + k] = {};
  }
  todo = {};
  if (!is_active(task, state)) return;
  ++state.progress.epoch;
  const math::EpochDecision decision =
      math::decide_epoch(state.progress, rules.epoch, record.metric, record.train_loss / record.train_weight, finite);
  state.verdict = decision.verdict;
  todo = {decision.is_best, math::takes_best(decision, rules.epoch)};
  task.records[static_cast<std::size_t>(task.cursor->epoch) * task.n_networks + network] = record;
}

/// Does what was decided.
template <class T>
SHOAL_KERNEL void keep_best_kernel(CohortTask<T> task, WideDivisor parts) {
  const Part part = part_of(parts);
  const CohortDecision todo = task.decisions[part.network];
  if (!todo.keep && !todo.restore) return;
  const CohortNetwork& net = task.networks[part.network];
  each_of_part(part, net.n_parameters, [&](std::uint32_t i) {
    const std::size_t p = net.parameters + i;
    if (todo.keep) task.best[p] = task.weights[p];
    if (!todo.restore) return;
    task.weights[p] = task.best[p];
    if constexpr (sizeof(T) != sizeof(float)) task.operands[p] = math::stored_as<T>(task.weights[p]);
  });
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
  const std::uint32_t parts = n_parts(largest_parameters, kElementsInBlock);
  const std::uint32_t threads = n_threads_for(largest_parameters);
  const std::uint32_t a_network = n_threads_for(task.n_networks);
  launch({"check_finite_kernel", n_blocks(task.n_networks, parts), threads, 0, stream}, &check_finite_kernel<T>, task,
         WideDivisor(parts));
  launch({"finish_epoch_kernel", n_parts(task.n_networks, a_network), a_network, 0, stream}, &finish_epoch_kernel<T>,
         task);
  if (task.best != nullptr) {
    launch({"keep_best_kernel", n_blocks(task.n_networks, parts), threads, 0, stream}, &keep_best_kernel<T>, task,
           WideDivisor(parts));
  }
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
