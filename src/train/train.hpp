#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <vector>

#include "plan/plan.hpp"
#include "shoal/engine.hpp"
#include "shoal/run.hpp"

namespace shoal {

/// Where the training loop delivers.
class ResultSink {
 public:
  virtual ~ResultSink() = default;
  /// A trial has ended. `state` holds its parameters (the best ones where patience is on).
  virtual void finished(TrialResult&& result, TrialState&& state) = 0;
  /// After every round, a few times a second. n_trials, epochs_total and best_* are the sink's to know.
  virtual void advanced(std::uint64_t network_epochs, std::uint64_t network_samples) = 0;
};

/// How long a round of training may take before the loop looks up: progress, checkpoints.
inline constexpr std::chrono::milliseconds kRound{250};

/// Trains every trial of a chunk to its end. Returns early, with what is finished delivered, once `stop` is requested.
/// How the epochs are cut into rounds does not change a result.
void train_chunk(Engine& engine, const Chunk& chunk, const Trials& trials, const Dataset& dataset, std::stop_token stop,
                 ResultSink& sink);

}  // namespace shoal
