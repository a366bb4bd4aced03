#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/run.hpp"
#include "shoal/sweep.hpp"

namespace shoal {

/// Everything a sweep needs before the first step: the table, the trials, the engine. Making it finds every error that
/// the user's files can hold, and touches no output.
struct Job {
  SweepSpec spec;
  Dataset dataset;
  Trials trials;
  std::string engine_reason;  ///< why this engine
  std::unique_ptr<Engine> engine;
  std::uint64_t memory_bytes = 0;  ///< the limit

  /// Trials planned at one time, so that a sweep of any length is planned in bounded memory.
  static constexpr std::uint64_t kWindow = 65536;

  /// Chunks of the trials `numbers`, under the memory limit.
  [[nodiscard]] std::vector<Chunk> chunks(const std::vector<Cohort>& cohorts) const;
  /// Numbers [first, first + kWindow) that there are.
  [[nodiscard]] std::vector<std::uint64_t> window(std::uint64_t first) const;
};

/// Not movable into place once the engine refers to its dataset, hence on the heap.
[[nodiscard]] std::unique_ptr<Job> make_job(const SweepSpec& spec);

/// Bytes that a process may still take: MemAvailable, or what the control group leaves where that is less.
[[nodiscard]] std::uint64_t available_memory();

/// A plan of the whole job, without the time estimate.
[[nodiscard]] PlanSummary summarize(const Job& job);

/// `16-64-64-26 relu, tanh`.
[[nodiscard]] std::string text(const Topology& topology);

}  // namespace shoal
