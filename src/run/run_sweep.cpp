// The main job, in the order of a run: check everything, open the directory, train, find the winner.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <optional>
#include <utility>

#include "data/preprocessing.hpp"
#include "run/kept_networks.hpp"
#include "run/prepared_sweep.hpp"
#include "run/result_writer.hpp"
#include "run/resume.hpp"
#include "shoal/error.hpp"
#include "store/run_directory.hpp"
#include "train/training_loop.hpp"
#include "train/trial_result.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

constexpr double kRoundSeconds = 0.2;

std::string detail_of(std::string_view engine) {
  for (const EngineInfo& info : engines()) {
    if (info.name == engine) return info.detail;
  }
  return {};
}

store::Manifest new_manifest(const run::PreparedSweep& sweep, const SweepSpec& spec) {
  const Dataset& dataset = *sweep.dataset;
  store::Manifest manifest;
  manifest.sweep_yaml = spec.resolved;
  manifest.sweep_file = spec.file.string();
  manifest.precision = spec.trainer.precision;
  manifest.version = version().version;
  manifest.metric = spec.metric;
  manifest.maximize = spec.maximize;
  manifest.task = dataset.task();
  manifest.dataset_name = dataset.name;
  manifest.dataset_hash = dataset.hash;
  manifest.initial_parameters = sweep.initial_parameters.hashes();
  manifest.n_trials = sweep.trials.size();
  manifest.n_settings = sweep.trials.n_settings();
  manifest.preprocessing = to_json(dataset.preprocessing);
  manifest.splits = nlohmann::json::array();
  for (const Split& split : dataset.splits) manifest.splits.push_back(to_json(split));
  return manifest;
}

/// The run directory, what is already in it, and what the manifest will say of this run.
struct OpenRun {
  std::optional<store::RunDirectory> directory;  ///< empty until a new run has passed every check
  store::Manifest manifest;
  Progress start;
  run::KeptNetworks kept;
};

bool holds_run(const fs::path& path) { return fs::exists(path / "manifest.json"); }

void check_place(const RunOptions& options) {
  if (options.resume && options.out.empty()) {
    throw InputError(Diagnostic{"", 0, "", "to resume, name the run's directory"});
  }
  if (!options.resume && !options.out.empty() && fs::exists(options.out) && !fs::is_empty(options.out)) {
    throw InputError(Diagnostic{options.out.string(), 0, "",
                                "exists and is not empty; use another directory, or resume to continue its run"});
  }
}

/// Takes over what an earlier run finished.
void take_over(OpenRun& open, const SweepSpec& spec) {
  const store::RunDirectory& directory = *open.directory;
  std::uint64_t epochs_of_rows = 0;
  for (const store::StoredRow& row : directory.best(directory.size(), spec.metric, spec.maximize)) {
    ++open.start.n_done;
    if (row.status == TrialStatus::diverged) ++open.start.n_diverged;
    epochs_of_rows += row.epochs;
  }
  open.start.epochs_done = epochs_of_rows;
  for (const std::string& id : directory.kept()) {
    const double metric = directory.network(id).metric;
    // A network whose row was lost with the process is trained again and stored again.
    if (directory.has(id)) open.kept.offer(id, metric);
  }
  open.start.best_id = open.kept.best();
  if (!open.start.best_id.empty()) open.start.best_metric = directory.network(open.start.best_id).metric;
  const store::Manifest& before = directory.manifest();
  const std::uint64_t counted = epochs_of_rows + before.epochs_recomputed;
  open.manifest.epochs_trained = std::max(before.epochs_trained, counted);
  open.manifest.epochs_recomputed = open.manifest.epochs_trained - epochs_of_rows;
}

/// Trains what the directory lacks. False where it was stopped.
bool train_all(const run::PreparedSweep& sweep, const run::Skip& skip, train::ProgressMeter& meter,
               run::ResultWriter& writer, const std::stop_token& stop) {
  train::TrainingLoop loop(*sweep.engine, *sweep.dataset, meter, writer, kRoundSeconds);
  bool whole = true;
  run::for_each_window(sweep, skip, [&](std::span<const Trial> window) {
    for (const plan::Chunk& chunk : plan::plan_window(window, *sweep.dataset, *sweep.engine, sweep.memory_bytes)) {
      whole = loop.run(window, chunk, stop);
      if (!whole) return false;
    }
    return true;
  });
  return whole;
}

/// The winner's metrics on the rows of data.test.
MetricValues test_metrics(const run::PreparedSweep& sweep, const store::StoredNetwork& winner) {
  const GangKey key = gang_key(winner.trial);
  const Gang gang{key, 0, 1, winner.trial.hyperparameters.n_iter_no_change > 0,
                  winner.trial.hyperparameters.dropout > 0};
  sweep.engine->prepare(std::span(&gang, 1));
  TrialState state = initial_state(winner.trial);
  state.parameters = winner.parameters;
  sweep.engine->place(0, winner.trial, state);
  const Slot slot = 0;
  const std::vector<MetricSums> sums = sweep.engine->evaluate(std::span(&slot, 1), RowSet::test);
  return train::metrics_of(sweep.dataset->task(), sums.at(0));
}

RunSummary summary_of(const OpenRun& open, const Progress& progress, const run::PreparedSweep& sweep) {
  RunSummary summary;
  summary.out = open.directory->path();
  summary.interrupted = open.manifest.status == "interrupted";
  summary.n_trials = progress.n_trials;
  summary.n_done = progress.n_done;
  summary.n_diverged = progress.n_diverged;
  summary.samples_per_s = progress.samples_per_s;
  summary.winner = open.manifest.winner;
  summary.test = open.manifest.test;
  summary.notes = sweep.dataset->notes;
  return summary;
}

}  // namespace

RunSummary run_sweep(const SweepSpec& spec, const RunOptions& options) {
  const auto began = std::chrono::steady_clock::now();
  check_place(options);
  run::PreparedSweep sweep = run::prepare(spec);
  OpenRun open{{}, new_manifest(sweep, spec), {}, run::KeptNetworks(spec.trainer.keep, spec.maximize)};
  if (options.resume && holds_run(options.out)) {
    open.directory.emplace(store::RunDirectory::open(options.out));
    run::check_resumable(open.directory->manifest(), open.manifest, options.out);
    open.directory->claim();
    take_over(open, spec);
  }
  const run::Skip skip = [&](const Trial& trial) { return open.directory && open.directory->has(trial.id); };
  run::survey(sweep, spec, skip);
  open.manifest.engine = sweep.engine->name();
  open.manifest.engine_detail = detail_of(open.manifest.engine);
  open.manifest.engine_reason = sweep.engine_reason;
  if (!open.directory) {
    const fs::path out = options.out.empty() ? run::free_directory(spec.file) : options.out;
    open.directory.emplace(store::RunDirectory::create(out, open.manifest));
  }
  if (options.on_start) options.on_start(sweep.summary(spec), open.directory->path());

  open.start.n_trials = sweep.trials.size();
  open.start.epochs_total = open.start.epochs_done + sweep.survey.n_epochs();
  train::ProgressMeter meter(open.start, sweep.survey.cost(), spec.metric, spec.maximize);
  run::ResultWriter writer(*open.directory, open.manifest, open.kept, spec.trainer.checkpoint_every_s, open.start,
                           options.on_progress);
  bool whole = false;
  try {
    whole = train_all(sweep, skip, meter, writer, options.stop);
  } catch (...) {
    const std::exception_ptr failure = std::current_exception();
    try {
      open.manifest.status = "interrupted";
      open.directory->flush(open.manifest);
    } catch (const Error&) {
      // The first failure is the one to tell of.
    }
    std::rethrow_exception(failure);
  }
  open.manifest.status = whole ? "done" : "interrupted";
  open.manifest.winner = open.kept.best();
  if (whole && !open.manifest.winner.empty() && !sweep.dataset->test.empty()) {
    open.manifest.test = test_metrics(sweep, open.directory->network(open.manifest.winner));
  }
  open.directory->flush(open.manifest);
  RunSummary summary = summary_of(open, meter.now(), sweep);
  summary.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return summary;
}

}  // namespace shoal
