#include "kernels/cuda/each.cuh"
#include "kernels/cuda/take_decisions.cuh"

namespace shoal::cuda {
namespace {

constexpr std::uint32_t kDecisionThreads = 256;

/// Neighbouring threads take one parameter of neighbouring networks, which lie side by side.
SHOAL_KERNEL void take_decisions_kernel(const TrainTask* tasks) {
  const TrainTask& task = tasks[block()];
  each(task.shape.n_parameters * task.n_in_block, [&](std::uint32_t element) {
    const std::uint32_t n = task.first_network + element % task.n_in_block;
    const math::EpochDecision decision = task.decisions[n];
    const std::size_t at = static_cast<std::size_t>(element / task.n_in_block) * task.n_networks + n;
    if (decision.is_best) task.best[at] = task.weights[at];
    if (math::takes_best(decision, task.rules[n].epoch)) task.weights[at] = task.best[at];
  });
}

}  // namespace

void launch_take_decisions(const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream) {
  launch({"take_decisions_kernel", n_tasks, kDecisionThreads, 0, stream}, &take_decisions_kernel, tasks);
}

}  // namespace shoal::cuda
