#include "run/prepared_sweep.hpp"

#include <algorithm>
#include <limits>
#include <optional>
#include <utility>

#include "run/memory_limit.hpp"
#include "shoal/error.hpp"

namespace shoal::run {
namespace {

std::string settings_text(const Trial& trial) {
  std::string text;
  for (const auto& [parameter, value] : parameters_of(trial)) {
    if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(parameter) + " = " + value;
  }
  return text;
}

/// The limit of what the engine predicts. What a person set is the limit as it is.
std::uint64_t limit_of(const Engine& engine, const Dataset& dataset, const SweepSpec& spec, std::uint64_t host_bytes) {
  const std::optional<std::uint64_t> device_bytes = engine.device_bytes();
  if (spec.trainer.memory_bytes > 0 || !device_bytes) return host_bytes;
  return device_limit(*device_bytes, host_bytes, plan::dataset_bytes(dataset));
}

/// Plans all trials with the sweep's engine; the first refusal, if any, ends it.
std::optional<std::string> refusal(PreparedSweep& sweep, const Skip& skip) {
  sweep.survey = {};
  std::optional<std::string> refused;
  for_each_window(sweep, skip, [&](std::span<const Trial> window) {
    for (const Trial& trial : window) {
      const std::string why = sweep.engine->why_not(trial);
      if (why.empty()) continue;
      refused = "trial " + trial.id + " (" + settings_text(trial) + "): " + why;
      return false;
    }
    const auto chunks =
        plan::plan_window(window, plan::all_epochs(window), *sweep.dataset, *sweep.engine, sweep.memory_bytes);
    sweep.survey.add(window, chunks, *sweep.dataset, *sweep.engine);
    return true;
  });
  return refused;
}

}  // namespace

EngineOptions engine_options(const SweepSpec& spec) {
  return {spec.trainer.precision, spec.trainer.threads, spec.metric, spec.maximize, spec.trainer.memory_bytes};
}

void for_each_window(const PreparedSweep& sweep, const Skip& skip,
                     const std::function<bool(std::span<const Trial>)>& visit) {
  const Trials& trials = sweep.trials;
  std::vector<Trial> window;
  for (std::uint64_t first = 0; first < trials.size(); first += plan::kWindowTrials) {
    window.clear();
    const std::uint64_t end = std::min(trials.size(), first + plan::kWindowTrials);
    for (std::uint64_t number = first; number < end; ++number) {
      Trial trial = trials.at(number);
      if (skip && skip(trial)) continue;
      sweep.initial_parameters.give(trial);
      window.push_back(std::move(trial));
    }
    if (!window.empty() && !visit(window)) return;
  }
}

PreparedSweep prepare(const SweepSpec& spec) {
  // Before the table is read: the limit counts it.
  const std::uint64_t host_bytes = memory_limit(spec.trainer.memory_bytes);
  auto dataset = std::make_unique<const Dataset>(load_dataset(spec.data, spec.trainer.seed));
  Trials trials(spec, shape_of(*dataset));
  std::unique_ptr<Engine> engine = make_engine(spec.trainer.engine, *dataset, engine_options(spec));
  const std::uint64_t memory_bytes = limit_of(*engine, *dataset, spec, host_bytes);
  const bool is_strict = spec.trainer.precision == Precision::strict;
  std::string reason = spec.trainer.engine != "auto" ? "asked for"
                       : is_strict                   ? "the fastest strict engine that is available here"
                                                     : "the engine of this precision";
  return {std::move(dataset),
          std::move(trials),
          InitialParameters(spec),
          std::move(engine),
          std::move(reason),
          host_bytes,
          memory_bytes,
          {}};
}

void survey(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  std::optional<std::string> refused = refusal(sweep, skip);
  const bool may_fall_back = spec.trainer.engine == "auto" && spec.trainer.precision == Precision::strict;
  if (refused && may_fall_back && sweep.engine->name() != "cpu") {
    sweep.engine_reason = "engine " + std::string(sweep.engine->name()) + " cannot train " + *refused;
    sweep.engine = make_engine("cpu", *sweep.dataset, engine_options(spec));
    sweep.memory_bytes = limit_of(*sweep.engine, *sweep.dataset, spec, sweep.host_bytes);
    refused = refusal(sweep, skip);
  }
  if (refused) throw UnavailableError("engine " + std::string(sweep.engine->name()) + " cannot train " + *refused);
}

PlanSummary PreparedSweep::summary(const SweepSpec& spec) const {
  PlanSummary summary;
  summary.engine = engine->name();
  summary.engine_reason = engine_reason;
  summary.precision = spec.trainer.precision;
  summary.n_settings = trials.n_settings();
  summary.n_trials = trials.size();
  summary.n_merged = trials.n_merged();
  summary.dropped_parameters = trials.dropped_parameters();
  summary.notes = dataset->notes;
  summary.rows = survey.rows();
  summary.n_chunks = survey.n_chunks();
  summary.memory_bytes = memory_bytes;
  summary.on_device = engine->device_bytes().has_value();
  summary.predicted_bytes = survey.largest_chunk_bytes();
  summary.network_samples = survey.n_samples();
  summary.estimated_s = std::numeric_limits<double>::quiet_NaN();
  return summary;
}

}  // namespace shoal::run
