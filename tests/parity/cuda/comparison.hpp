#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "tests/support/random_trials.hpp"

/// Random sweeps for the CUDA engine, and the comparison of two engines by bits.
namespace shoal::testing {

struct Sweep {
  Dataset data;
  std::vector<Trial> trials;
  std::vector<Gang> gangs;  ///< their places, in the order of trials
  EngineOptions options;
};
/// Sweep `number`, one gang of 1 to 6 or of 131 networks that train a thread each, with gaps. Sweeps 0 to
/// kThreadSweeps - 1 are of every compiled topology with everything that there are kernels for.
inline constexpr std::uint32_t kThreadSweeps = 13 * 16;
[[nodiscard]] Sweep random_thread_sweep(Random& random, std::uint32_t number);
/// Sweep `number` of six networks of every kind, a block each; one of them wide.
[[nodiscard]] Sweep random_sweep(Random& random, std::uint32_t number);

/// Lets the sweep watch a metric, all of its networks with patience.
void watch(Sweep& sweep, Metric metric);

/// What training left behind.
struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<EpochRecord>> records;  ///< of each network
  std::vector<MetricSums> sums, test_sums;
};
/// Trains for 4 epochs, `epochs` a call.
[[nodiscard]] Outcome train(Engine& engine, const Sweep& sweep, std::uint32_t epochs);

/// The first thing that differs in a bit, NaN being equal to NaN; empty if nothing does.
[[nodiscard]] std::string first_difference(const Outcome& a, const Outcome& b);

}  // namespace shoal::testing
