#include "bench/peak.hpp"

#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "bench/fma_probe.hpp"

namespace shoal::bench {
namespace {

using Clock = std::chrono::steady_clock;
constexpr double kProbeSeconds = 0.03;

/// Flops a second of one thread.
double probe(const FmaProbe& of_target) {
  const auto start = Clock::now();
  double flops = 0;
  double seconds = 0;
  while (seconds < kProbeSeconds) {
    of_target.run(0.5F, 0.25F);
    flops += of_target.flops;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return flops / seconds;
}

}  // namespace

double probe_peak(std::uint32_t n_threads) {
  const FmaProbe& widest = fma_probes().front();
  std::vector<double> rates(n_threads);
  std::atomic<bool> begin = false;
  {
    std::vector<std::jthread> threads;
    const auto let_them_begin = [&] {
      begin = true;
      begin.notify_all();
    };
    try {
      for (double& rate : rates) {
        threads.emplace_back([&] {
          begin.wait(false);
          rate = probe(widest);
        });
      }
    } catch (...) {
      let_them_begin();  // else those that are there are waited for
      throw;
    }
    let_them_begin();
  }
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace shoal::bench
