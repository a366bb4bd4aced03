#include "bench/peak.hpp"

#include <barrier>
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
  std::barrier all_there(static_cast<std::ptrdiff_t>(n_threads));
  {
    std::vector<std::jthread> threads;
    for (double& rate : rates) {
      threads.emplace_back([&] {
        all_there.arrive_and_wait();
        rate = probe(widest);
      });
    }
  }
  double sum = 0;
  for (const double rate : rates) sum += rate;
  return sum;
}

}  // namespace shoal::bench
