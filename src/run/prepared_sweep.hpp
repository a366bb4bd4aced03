#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "plan/plan.hpp"
#include "plan/survey.hpp"
#include "run/initial_parameters.hpp"
#include "shoal/calibration.hpp"
#include "shoal/run.hpp"

namespace shoal::run {

/// Whether a trial need not be trained.
using Skip = std::function<bool(const Trial&)>;

/// Everything of a sweep that is known before anything is trained.
struct PreparedSweep {
  std::unique_ptr<const Dataset> dataset;
  Trials trials;
  InitialParameters initial_parameters;
  std::unique_ptr<Engine> engine;   ///< over *dataset
  std::string engine_reason;        ///< why it was chosen
  CostsHere costs;                  ///< what the engine is given
  std::uint64_t host_bytes = 0;     ///< the limit of what lies in the host's memory
  std::uint64_t memory_bytes = 0;   ///< the limit of what the engine predicts
  std::uint64_t waiting_bytes = 0;  ///< of the host's memory: what waits at rungs
  plan::Survey survey;              ///< of the trials that are not skipped

  [[nodiscard]] PlanSummary summary(const SweepSpec& spec) const;
  /// Seconds to train `share` of the epochs that are planned, and to write what comes of it.
  [[nodiscard]] double predicted_s(double share = 1) const;
};

/// Reads the table and makes trials and engine; the survey is empty, what waits is not known. Throws what those throw.
[[nodiscard]] PreparedSweep prepare(const SweepSpec& spec, const std::stop_token& stop = {});
/// Plans every trial that is not skipped. Strict trials under `auto` are given to cpu or cuda, whichever is predicted
/// to be sooner. UnavailableError names a trial that the engine cannot train, and why.
void survey(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip);

/// Trials by windows of numbers, those to skip left out, with the parameters they begin with; stops when `visit`
/// returns false. Windows are never empty.
void for_each_window(const PreparedSweep& sweep, const Skip& skip,
                     const std::function<bool(std::span<const Trial>)>& visit);

[[nodiscard]] EngineOptions engine_options(const SweepSpec& spec, const Costs& costs);

}  // namespace shoal::run
