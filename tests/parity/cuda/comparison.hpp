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
  std::vector<Trial> trials;  ///< of one gang
  EngineOptions options;
};
/// Sweep `number` of every compiled shape in turn: weighted or not, with gaps, of 1 to 6 or of 131 networks.
[[nodiscard]] Sweep random_sweep(Random& random, std::uint32_t number);

/// What training left behind.
struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<EpochRecord>> records;  ///< of each network
  std::vector<MetricSums> sums;
};
/// Trains for 4 epochs, `epochs` a call.
[[nodiscard]] Outcome train(Engine& engine, const Sweep& sweep, std::uint32_t epochs);

/// The first thing that differs in a bit, NaN being equal to NaN; empty if nothing does.
[[nodiscard]] std::string first_difference(const Outcome& a, const Outcome& b);

}  // namespace shoal::testing
