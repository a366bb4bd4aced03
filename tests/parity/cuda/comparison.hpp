#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "tests/support/random_trials.hpp"

/// Random sweeps for the CUDA engine, and the comparison of two engines by bits.
namespace shoal::testing {

/// Costs under which a gang has threads where there is a kernel for it, else blocks where they hold it.
[[nodiscard]] inline Costs threads_first() {
  return slowed(slowed({}, "thread_per_network", 1e-4), "strict_layers", 1e8);
}

struct Sweep {
  Dataset data;
  std::vector<Trial> trials;
  std::vector<Gang> gangs;  ///< their places, in the order of trials
  EngineOptions options = {.costs = threads_first()};
};
/// Sweep `number`, one gang of 1 to 6 or of 131 networks that train a thread each, with gaps. Sweeps 0 to
/// kThreadSweeps - 1 are of every compiled topology with everything that there are kernels for.
inline constexpr std::uint32_t kThreadSweeps = 13 * 16;
[[nodiscard]] Sweep random_thread_sweep(Random& random, std::uint32_t number);
/// Networks of a random_sweep(), and the one among them whose rate makes it diverge.
inline constexpr Slot kNetworks = 8;
inline constexpr Slot kDiverging = 4;
/// Sweep `number` of networks of every kind over two folds of one table, of 0 to 5 hidden layers; two and two have the
/// same number of layers and see the same rows. In every fifth one is wide, every tenth has many rows.
[[nodiscard]] Sweep random_sweep(Random& random, std::uint32_t number);

/// A metric of the task that no kernel of the CUDA engines computes.
[[nodiscard]] Metric host_metric(Task task);
/// Lets the sweep watch a metric, all of its networks with patience.
void watch(Sweep& sweep, Metric metric);

/// Sweep `number` of four networks that shared memory does not hold, two of them in one cohort.
[[nodiscard]] Sweep random_wide_sweep(Random& random, std::uint32_t number);

/// What training left behind.
struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<EpochRecord>> records;  ///< of each network
  std::vector<MetricSums> sums, test_sums;
};
/// Trains for n_epochs, `epochs` a call.
[[nodiscard]] Outcome train(Engine& engine, const Sweep& sweep, std::uint32_t epochs, std::uint32_t n_epochs = 4);

[[nodiscard]] std::string first_difference(const TrialState& a, const TrialState& b);

/// The first thing that differs in a bit, NaN being equal to NaN; empty if nothing does.
[[nodiscard]] std::string first_difference(const Outcome& a, const Outcome& b);

}  // namespace shoal::testing
