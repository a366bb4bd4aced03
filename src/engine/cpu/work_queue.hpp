#pragma once

#include <algorithm>
#include <atomic>
#include <exception>
#include <thread>
#include <vector>

namespace shoal::cpu {

/// Calls work(i, a worker of its own) for i in [0, n), in order of i as workers become free. One of them is the caller.
/// Throws what a worker's first failure was.
template <class Worker, class Work>
void each_in_parallel(std::vector<Worker>& workers, std::size_t n, Work work) {
  std::atomic<std::size_t> next = 0;
  std::vector<std::exception_ptr> failures(workers.size());
  const auto run = [&](std::size_t worker) {
    try {
      for (std::size_t i = next++; i < n; i = next++) work(i, workers[worker]);
    } catch (...) {
      failures[worker] = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> threads;
    for (std::size_t worker = 1; worker < std::min(workers.size(), n); ++worker) threads.emplace_back(run, worker);
    run(0);
  }
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

}  // namespace shoal::cpu
