// The main job, in the order of a run: check everything, open the directory, train, find the winner.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <exception>
#include <limits>
#include <optional>
#include <utility>

#include "data/preprocessing.hpp"
#include "run/final_network.hpp"
#include "run/kept_networks.hpp"
#include "run/prepared_sweep.hpp"
#include "run/result_writer.hpp"
#include "run/resume.hpp"
#include "run/sweep_trainer.hpp"
#include "shoal/error.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

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
  manifest.table_hashes = dataset.table_hashes;
  manifest.initial_parameters = sweep.initial_parameters.hashes();
  manifest.n_trials = sweep.trials.size();
  manifest.n_settings = sweep.trials.n_settings();
  manifest.preprocessing = to_json(dataset.preprocessing);
  for (const Split& split : dataset.splits) manifest.splits.push_back(to_json(split));
  if (dataset.splits.size() > 1) {
    manifest.splits.push_back(to_json(all_rows(dataset, spec.data)));
  }
  return manifest;
}

/// The run directory, what is already in it, and what the manifest will say of this run.
struct OpenRun {
  std::optional<store::RunDirectory> directory{};  ///< empty until a new run has passed every check
  store::Manifest manifest;
  std::vector<std::string> notes{};
  Progress start{};
  run::KeptNetworks kept;
  store::Checkpoint in_training{};
  std::optional<PausedTrial> refit{};  ///< of the winning setting on all rows
  bool was_done = false;               ///< the run had ended before, and has the network that it hands out
  run::FinalNetwork handed_out{};      ///< by it
  bool best_is_pruned = false;         ///< the best network of `start`
};

bool holds_run(const fs::path& path) { return fs::exists(path / "manifest.json"); }

void check_place(const RunOptions& options) {
  if (options.resume && options.out.empty()) {
    throw InputError(Diagnostic{"", 0, "", "to resume, name the run's directory"});
  }
  if (!options.out.empty() && fs::exists(options.out) && !fs::is_directory(options.out)) {
    throw InputError(Diagnostic{options.out.string(), 0, "", "is not a directory"});
  }
  if (!options.resume && !options.out.empty() && fs::exists(options.out) && !fs::is_empty(options.out)) {
    throw InputError(Diagnostic{options.out.string(), 0, "",
                                "exists and is not empty; use another directory, or resume to continue its run"});
  }
}

/// Takes over what an earlier run finished.
void take_over(OpenRun& open, const run::PreparedSweep& sweep, const SweepSpec& spec) {
  store::RunDirectory& directory = *open.directory;
  open.in_training = directory.checkpoints().read(directory.results_mark(), open.notes);
  std::erase_if(open.in_training, [&](auto& entry) {
    if (!entry.first.ends_with(run::kAllRows)) return false;
    open.refit = std::move(entry.second);
    return true;
  });
  run::drop_what_is_ahead(sweep, spec, open.in_training, directory);
  const store::Totals totals = directory.totals();
  open.start.n_done = totals.n_trials;
  open.start.n_diverged = totals.n_diverged;
  open.start.n_pruned = totals.n_pruned;
  std::erase_if(open.in_training, [&](const auto& entry) { return directory.has(entry.first); });
  std::uint64_t epochs_kept = totals.n_epochs;
  for (const auto& [id, trial] : open.in_training) epochs_kept += trial.result.epochs;
  open.start.epochs_done = epochs_kept;
  run::take_over_networks(directory, open.kept, open.notes);
  open.start.best_id = open.kept.best();
  if (!open.start.best_id.empty()) {
    open.start.best_metric = directory.network(open.start.best_id).metric;
    open.best_is_pruned = directory.status(open.start.best_id) == TrialStatus::pruned;
  }
  const std::string& winner = directory.manifest().winner;
  const bool has_winner = winner.empty() || std::ranges::binary_search(directory.kept(), winner);
  open.was_done = directory.manifest().status == "done" && has_winner;
  open.handed_out = {winner, std::nullopt, directory.manifest().test, ""};
  const std::uint64_t counted =
      std::max(directory.manifest().epochs_trained, directory.checkpoints().counted_epochs(open.notes));
  open.manifest.epochs_trained = std::max(counted, epochs_kept);
  open.manifest.epochs_recomputed = open.manifest.epochs_trained - epochs_kept;
}

/// What a run that begins with `open` expects to do: rungs end most trials early.
train::ProgressMeter meter_of(OpenRun& open, const run::PreparedSweep& sweep, const SweepSpec& spec) {
  const double share = run::brackets_of(sweep, spec).expected_share();
  std::uint64_t epochs = sweep.survey.n_epochs();
  double cost = sweep.survey.cost();
  for (const auto& [id, paused] : open.in_training) {
    const Trial trial = sweep.trials.at(paused.result.trial.number);
    const auto max_iter = static_cast<std::uint32_t>(trial.hyperparameters.max_iter);
    const std::uint32_t n_done = std::min(paused.state.epoch, max_iter);  // a copy may have more epochs
    epochs -= n_done;
    cost -= plan::epoch_cost(trial, *sweep.dataset) * n_done;
  }
  open.start.n_trials = sweep.trials.size();
  open.start.epochs_total =
      open.start.epochs_done + static_cast<std::uint64_t>(std::ceil(static_cast<double>(epochs) * share));
  const double left = sweep.survey.cost() > 0 ? cost / sweep.survey.cost() : 0;
  return {open.start, {cost * share, sweep.predicted_s(share) * left}, spec.metric, spec.maximize, open.best_is_pruned};
}

/// As the run ranks it, with its parameters.
SettingRow setting_of(std::string_view network, const fs::path& run) {
  constexpr auto kAll = std::numeric_limits<std::size_t>::max();
  const SettingBoard board = setting_board(run, kAll);
  return *std::ranges::find(board.rows, network.substr(0, network.find('.')), &SettingRow::id);
}

RunSummary summary_of(const OpenRun& open, const Progress& progress, const run::PreparedSweep& sweep) {
  RunSummary summary;
  summary.out = open.directory->path();
  summary.interrupted = open.manifest.status == "interrupted";
  summary.n_trials = progress.n_trials;
  summary.n_done = progress.n_done;
  summary.n_diverged = progress.n_diverged;
  summary.n_pruned = progress.n_pruned;
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
  run::PreparedSweep sweep = run::prepare(spec, options.stop);
  OpenRun open{.manifest = new_manifest(sweep, spec), .kept = run::KeptNetworks(spec.trainer.keep, spec.maximize)};
  if (options.resume && holds_run(options.out)) {
    open.directory.emplace(store::RunDirectory::open(options.out));
    try {
      run::check_resumable(open.directory->manifest(), open.manifest, options.out);
    } catch (const InputError& error) {
      throw placed(error, spec);
    }
    open.directory->claim();
    take_over(open, sweep, spec);
  }
  const run::Skip skip = [&](const Trial& trial) {
    if (options.stop.stop_requested()) throw StoppedError("stopped while the sweep was planned, before any training");
    return open.directory && open.directory->has(trial.id);
  };
  run::survey(sweep, spec, skip);
  open.manifest.engine = sweep.engine->name();
  open.manifest.engine_detail = detail_of(open.manifest.engine);
  open.manifest.engine_reason = sweep.engine_reason;
  if (!open.directory) {
    const fs::path out = options.out.empty() ? run::free_directory(spec.file) : options.out;
    using enum store::RunDirectory::Unfinished;
    open.directory.emplace(store::RunDirectory::create(out, open.manifest, options.resume ? replace : refuse));
  }
  if (options.on_start) {
    PlanSummary summary = sweep.summary(spec);
    summary.notes.insert(summary.notes.end(), open.notes.begin(), open.notes.end());
    options.on_start(summary, open.directory->path());
  }

  train::ProgressMeter meter = meter_of(open, sweep, spec);
  run::ResultWriter writer(*open.directory, open.manifest, open.kept, run::LiveFacts(spec, *open.directory, open.start),
                           spec.trainer.checkpoint_every_s, open.start, options.on_progress);
  std::optional<run::FinalNetwork> final_network;
  std::vector<std::string> engine_notes;
  try {
    run::SweepTrainer trainer(sweep, spec, *open.directory, writer, meter, std::move(open.in_training));
    const bool is_whole = trainer.run(options.stop);
    engine_notes = sweep.engine->notes();  // a network of all rows is trained by another engine
    if (is_whole) {
      writer.flush();
      final_network =
          open.was_done ? open.handed_out : run::final_network(sweep, spec, *open.directory, options, open.refit);
    }
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
  open.manifest.status = final_network ? "done" : "interrupted";
  open.manifest.winner = final_network ? final_network->id : open.kept.best();
  if (final_network) open.manifest.test = final_network->test;
  open.directory->flush(open.manifest);
  if (final_network) open.directory->checkpoints().clear();
  RunSummary summary = summary_of(open, meter.now(), sweep);
  summary.notes.insert(summary.notes.end(), engine_notes.begin(), engine_notes.end());
  if (final_network && !summary.winner.empty() && sweep.trials.size() > sweep.trials.n_settings()) {
    summary.setting = setting_of(summary.winner, summary.out);
  }
  if (final_network && !final_network->note.empty()) summary.notes.push_back(final_network->note);
  summary.elapsed_s = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return summary;
}

}  // namespace shoal
