#include "engine/cuda/task_launches.hpp"

#include <algorithm>

#include "kernels/cuda/block_per_network.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {

void TaskLaunches::clear() {
  number_of_.clear();
  launches_.clear();
}

void TaskLaunches::add(const DeviceGang& gang, const TrainTask& task, double seconds) {
  const bool alone = gang.has_block_alone();
  const Kernel kernel{gang.thread_kernel, gang.block_function, alone ? gang.shape->n_threads() : kNetworksInBlock};
  const auto [found, is_new] = number_of_.try_emplace(kernel, launches_.size());
  if (is_new) launches_.push_back({.kernel = kernel, .shared_bytes = 0, .tasks = {}});
  Launch& launch = launches_[found->second];
  if (alone) launch.shared_bytes = std::max(launch.shared_bytes, gang.shape->shared_bytes());
  launch.tasks.push_back({seconds, task});
}

void TaskLaunches::order(std::vector<TrainTask>& tasks) {
  for (Launch& launch : launches_) std::ranges::stable_sort(launch.tasks, std::ranges::greater{}, &Timed::seconds);
  std::ranges::stable_sort(launches_, std::ranges::greater{}, [](const Launch& l) { return l.tasks.front().seconds; });
  number_of_.clear();
  tasks.clear();
  for (const Launch& launch : launches_) {
    for (const Timed& timed : launch.tasks) tasks.push_back(timed.task);
  }
}

void TaskLaunches::launch(Operands operands, const Launch& launch, const TrainTask* tasks, const Stream& stream) {
  const auto n = static_cast<std::uint32_t>(launch.tasks.size());
  const auto [of_threads, of_blocks, n_threads] = launch.kernel;
  if (of_threads != nullptr) {
    launch_train_threads(*of_threads, tasks, n, stream.get());
  } else if (of_blocks != nullptr) {
    launch_built_blocks(of_blocks, tasks, n, n_threads, launch.shared_bytes, stream.get());
  } else {
    launch_train_blocks(operands, tasks, n, n_threads, launch.shared_bytes, stream.get());
  }
}

void TaskLaunches::launch(Operands operands, const TrainTask* tasks, const Stream& stream) const {
  begin_.record(stream);
  for (std::size_t i = 0; i < launches_.size(); ++i) {
    const std::size_t k = (i - 1) % beside_.size();  // not for the first
    if (i > 0 && i <= beside_.size()) begin_.hold(beside_[k]);
    launch(operands, launches_[i], tasks, i == 0 ? stream : beside_[k]);
    tasks += launches_[i].tasks.size();
  }
  for (std::size_t k = 0; k < beside_.size() && k + 1 < launches_.size(); ++k) {
    ends_[k].record(beside_[k]);
    ends_[k].hold(stream);
  }
}

}  // namespace shoal::cuda
