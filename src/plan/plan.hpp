#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "shoal/engine.hpp"
#include "shoal/sweep.hpp"

namespace shoal {

/// A trial and the place that it takes.
struct Placement {
  std::uint64_t trial = 0;  ///< number
  Slot slot = 0;
};

/// What an engine holds at one time: gangs, and who sits where. Slots are consecutive from 0.
struct Chunk {
  std::vector<Gang> gangs;
  std::vector<Placement> placements;  ///< in the order in which they should be trained: longest first
  std::uint64_t bytes = 0;            ///< places and workspace
};

/// Trials of one key: they can sit in one gang. One shape class has as many cohorts as it has batch sizes, folds, ...
struct Cohort {
  GangKey key;
  bool keeps_best = false;            ///< a member has patience
  std::vector<std::uint64_t> trials;  ///< numbers, ascending
  double cost = 0;                    ///< multiply-adds of its longest trial
};

/// Multiply-adds of a trial's whole training: 3 products a layer and row (2 for the first layer) and epoch.
[[nodiscard]] double training_cost(const Trial& trial, std::size_t n_training_rows);

/// Groups trials by key. Cohorts come in the order of their costs, the largest first; equal ones by their first trial.
[[nodiscard]] std::vector<Cohort> group_into_cohorts(std::span<const std::uint64_t> numbers, const Trials& trials,
                                                     const Dataset& dataset);

/// Divides cohorts into chunks that take at most `limit_bytes` each, whole gangs at a time. Results of training do not
/// depend on the division. Throws Error (path trainer.memory) where one gang alone needs more.
[[nodiscard]] std::vector<Chunk> divide_into_chunks(const std::vector<Cohort>& cohorts, const Engine& engine,
                                                    std::uint64_t limit_bytes);

/// Bytes of the dataset in memory.
[[nodiscard]] std::uint64_t dataset_bytes(const Dataset& dataset);

}  // namespace shoal
