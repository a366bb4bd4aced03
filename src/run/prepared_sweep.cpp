#include "run/prepared_sweep.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <iterator>
#include <optional>
#include <utility>

#include "engine/definition.hpp"
#include "run/memory_fault.hpp"
#include "run/memory_limit.hpp"
#include "run/sweep_trainer.hpp"
#include "search/population.hpp"
#include "shoal/error.hpp"

namespace shoal::run {
namespace {

/// The program itself, before it reads a table.
constexpr std::uint64_t kProgramBytes = 8U << 20U;

/// Until a GPU's driver and kernels are there; a sweep is not planned twice for less.
constexpr double kSecondsWorthAsking = 2;

std::string settings_text(const Trial& trial) {
  std::string text;
  for (const auto& [parameter, value] : parameters_of(trial)) {
    if (!value.empty()) text += (text.empty() ? "" : ", ") + std::string(parameter) + " = " + value;
  }
  return text;
}

/// The limit of what the engine predicts. What a person set is the limit as it is.
std::uint64_t limit_of(const PreparedSweep& sweep, const SweepSpec& spec) {
  const std::optional<std::uint64_t> device_bytes = sweep.engine->device_bytes();
  if (spec.trainer.memory_bytes > 0 || !device_bytes) return sweep.host_bytes;
  return device_limit(*device_bytes, sweep.host_bytes, plan::dataset_bytes(*sweep.dataset) + sweep.waiting_bytes);
}

/// Plans all trials with the sweep's engine; the first refusal, if any, ends it. InputError of the largest gang where
/// one does not fit alone.
std::optional<std::string> refusal(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  sweep.survey = {};
  std::optional<std::string> refused;
  std::optional<plan::GangTooLarge> largest;
  BesideNetworks beside_largest;
  const std::uint32_t n_cores = plan::n_cores();
  for_each_window(sweep, skip, [&](std::span<const Trial> window) {
    for (const Trial& trial : window) {
      const std::string why = sweep.engine->why_not(trial);
      if (why.empty()) continue;
      refused = "trial " + trial.id + " (" + settings_text(trial) + "): " + why;
      return false;
    }
    const std::vector<plan::Leg> legs = plan::all_epochs(window);
    const std::uint64_t record_bytes = plan::record_bytes(window, legs, n_cores);
    try {
      const auto chunks = plan::plan_window(window, legs, *sweep.dataset, *sweep.engine, sweep.memory_bytes,
                                            sweep.waiting_bytes + record_bytes);
      sweep.survey.add(window, chunks, *sweep.dataset, *sweep.engine);
    } catch (const plan::GangTooLarge& gang) {
      if (largest && gang.needed_bytes() <= largest->needed_bytes()) return true;
      largest = gang;
      const std::uint64_t trial_bytes = plan::record_bytes(window, std::vector<plan::Leg>(window.size()), n_cores);
      beside_largest = {plan::dataset_bytes(*sweep.dataset), trial_bytes, record_bytes - trial_bytes,
                        sweep.waiting_bytes};
    }
    return true;
  });
  if (largest && !refused) {
    const bool on_host = !sweep.engine->device_bytes();
    throw memory_fault(*largest, on_host ? beside_largest : BesideNetworks{}, sweep.memory_bytes, spec);
  }
  return refused;
}

bool is_available(std::string_view engine) {
  return std::ranges::any_of(engines(), [&](const EngineInfo& info) { return info.name == engine && info.available; });
}

std::string seconds_text(double seconds) { return fmt::format("{:.{}f} s", seconds, seconds < 10 ? 1 : 0); }

/// Plans the sweep, which engine cpu could train, for a GPU as well and leaves it to the sooner of both.
void consider_gpu(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  const double on_cpu = sweep.predicted_s();
  if (!is_available("cuda")) {
    sweep.engine_reason = "the only strict engine that is available here";
    return;
  }
  if (on_cpu < kSecondsWorthAsking) {
    sweep.engine_reason = "predicted " + seconds_text(on_cpu) + ", which a GPU takes to begin";
    return;
  }
  std::unique_ptr<Engine> cpu;
  const plan::Survey of_cpu = sweep.survey;
  const std::uint64_t cpu_memory = sweep.memory_bytes;
  std::optional<std::string> refused;
  try {
    cpu = std::exchange(sweep.engine, make_engine("cuda", *sweep.dataset, engine_options(spec, sweep.costs.costs)));
    sweep.memory_bytes = limit_of(sweep, spec);
    refused = refusal(sweep, spec, skip);
  } catch (const Error& error) {
    refused = error.what();
  }
  const double on_gpu = sweep.predicted_s();
  if (!refused && on_gpu < on_cpu) {
    sweep.engine_reason = "cuda: predicted " + seconds_text(on_gpu) + ", cpu " + seconds_text(on_cpu);
    return;
  }
  sweep.engine_reason = refused ? "cuda cannot train it: " + *refused
                                : "cpu: predicted " + seconds_text(on_cpu) + ", cuda " + seconds_text(on_gpu);
  if (cpu) sweep.engine = std::move(cpu);
  sweep.survey = of_cpu;
  sweep.memory_bytes = cpu_memory;
}

/// A metric that no network could have would end every trial as diverged.
void check_metric(const SweepSpec& spec, const Dataset& dataset) {
  for (std::size_t fold = 0; fold < dataset.splits.size(); ++fold) {
    const std::string why = why_undefined(spec.metric, dataset, dataset.splits[fold]);
    if (why.empty()) continue;
    const std::string rows = spec.data.cv ? "validation rows of fold " + std::to_string(fold) : "validation rows";
    throw InputError(Diagnostic{spec.file.string(), 0, "metric.name",
                                std::string(name(spec.metric)) + " is not defined: the " + rows + ' ' + why});
  }
}

/// The engine that trains. Where it is not there, names the key that asks for it.
std::unique_ptr<Engine> engine_of(const SweepSpec& spec, const Dataset& dataset, const Costs& costs) {
  const std::string& asked = spec.trainer.engine;
  try {
    return make_engine(asked, dataset, engine_options(spec, costs));
  } catch (const UnavailableError& error) {
    Diagnostic fault{"", 0, "trainer.engine", error.what()};
    if (asked == "auto") {
      fault.path = "trainer.precision";
      fault.message =
          fmt::format("'{}' is for GPUs, 'strict' for all engines: {}", name(spec.trainer.precision), error.what());
    } else if (is_available(asked)) {
      fault.path = "trainer.precision";
    }
    throw UnavailableError(placed(InputError(std::move(fault)), spec).what());
  }
}

PreparedSweep read_and_make(const SweepSpec& spec, const std::stop_token& stop) {
  // Before the table is read: the limit counts it.
  const std::uint64_t host_bytes = memory_limit(spec.trainer.memory_bytes);
  auto dataset = std::make_unique<const Dataset>(load_dataset(spec.data, spec.trainer.seed));
  check_metric(spec, *dataset);
  Trials trials(spec, shape_of(*dataset), stop);
  CostsHere costs = costs_here();
  std::unique_ptr<Engine> engine = engine_of(spec, *dataset, costs.costs);
  std::string reason = spec.trainer.engine == "auto" ? "the engine of this precision" : "asked for";
  return {std::move(dataset),
          std::move(trials),
          InitialParameters(spec),
          std::move(engine),
          std::move(reason),
          std::move(costs),
          host_bytes,
          0,
          0,
          {}};
}

/// What a sweep file asks for without effect, or against what is usual.
std::vector<std::string> notes_on(const SweepSpec& spec, const PreparedSweep& sweep) {
  std::vector<std::string> notes;
  if (spec.maximize != larger_is_better(spec.metric)) {
    notes.push_back(fmt::format("metric.goal: the {} {} is taken as the best", spec.maximize ? "highest" : "lowest",
                                name(spec.metric)));
  }
  const EarlyTerminate& rule = spec.early_terminate;
  if (rule.type == Terminator::none) return notes;
  if (brackets_of(sweep, spec).last_rung() == 0) {
    notes.push_back(fmt::format("early_terminate: no rung comes before the last of {} epochs: none is ended early",
                                search::most_epochs(spec)));
  }
  const std::uint64_t n_compared = std::min<std::uint64_t>(rule.group, sweep.trials.n_settings());
  if (rule.type == Terminator::pbt && search::n_copied(rule, n_compared) == 0) {
    notes.push_back(fmt::format("early_terminate: a quantile of {} of {} settings is none: no setting becomes a copy",
                                rule.quantile, n_compared));
  }
  return notes;
}

void plan_all(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  sweep.waiting_bytes = waiting_bytes(sweep, spec, skip);
  sweep.memory_bytes = limit_of(sweep, spec);
  const std::optional<std::string> refused = refusal(sweep, spec, skip);
  if (refused) throw UnavailableError("engine " + std::string(sweep.engine->name()) + " cannot train " + *refused);
  if (spec.trainer.engine == "auto" && spec.trainer.precision == Precision::strict) consider_gpu(sweep, spec, skip);
}

/// What `body` finds wrong names the places of keys.
template <class Body>
auto with_places(const SweepSpec& spec, Body body) {
  try {
    return body();
  } catch (const InputError& error) {
    throw placed(error, spec);
  }
}

}  // namespace

EngineOptions engine_options(const SweepSpec& spec, const Costs& costs) {
  return {spec.trainer.precision, spec.trainer.threads, spec.metric, spec.maximize, spec.trainer.memory_bytes, costs};
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

PreparedSweep prepare(const SweepSpec& spec, const std::stop_token& stop) {
  return with_places(spec, [&] { return read_and_make(spec, stop); });
}

void survey(PreparedSweep& sweep, const SweepSpec& spec, const Skip& skip) {
  with_places(spec, [&] { plan_all(sweep, spec, skip); });
}

double PreparedSweep::predicted_s(double share) const {
  const RunCosts& of_run = costs.costs.run;
  return survey.predicted_s() * share + of_run.row * static_cast<double>(survey.n_trials()) +
         of_run.curve_point * static_cast<double>(survey.n_epochs()) * share;
}

PlanSummary PreparedSweep::summary(const SweepSpec& spec) const {
  const double share = brackets_of(*this, spec).expected_share();
  PlanSummary summary;
  summary.engine = engine->name();
  summary.engine_reason = engine_reason;
  summary.precision = spec.trainer.precision;
  summary.n_settings = trials.n_settings();
  summary.n_trials = trials.size();
  summary.n_merged = trials.n_merged();
  summary.dropped_parameters = trials.dropped_parameters();
  summary.notes = dataset->notes;
  std::ranges::move(notes_on(spec, *this), std::back_inserter(summary.notes));
  summary.rows = survey.rows();
  summary.n_chunks = survey.n_chunks();
  summary.memory_bytes = memory_bytes;
  summary.on_device = engine->device_bytes().has_value();
  // Where the engine trains on a device, the table is read beside it.
  const std::uint64_t reading_bytes = summary.on_device ? 0 : kProgramBytes + dataset->reading_bytes;
  summary.predicted_bytes = std::max(survey.largest_chunk_bytes(), reading_bytes);
  summary.network_samples = static_cast<std::uint64_t>(static_cast<double>(survey.n_samples()) * share);
  summary.estimated_s = predicted_s(share);
  summary.costs = costs.source;
  return summary;
}

}  // namespace shoal::run
