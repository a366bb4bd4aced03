#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <fmt/format.h>
#include <set>
#include <tuple>

#include "data/preprocessing.hpp"
#include "run/job.hpp"
#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"
#include "train/train.hpp"

namespace shoal {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

std::filesystem::path free_directory(const SweepSpec& spec) {
  for (int n = 1;; ++n) {
    std::filesystem::path candidate =
        std::filesystem::path("runs") / fmt::format("{}-{}", spec.file.stem().string(), n);
    if (!std::filesystem::exists(candidate)) return candidate;
  }
}

store::Manifest manifest_of(const Job& job) {
  store::Manifest manifest;
  manifest.sweep_yaml = job.spec.resolved;
  manifest.sweep_file = job.spec.file.string();
  manifest.engine = job.engine->name();
  for (const EngineInfo& info : engines()) {
    if (info.name == manifest.engine) manifest.engine_detail = info.detail;
  }
  manifest.precision = job.spec.trainer.precision;
  manifest.version = version().version;
  manifest.metric = job.spec.metric;
  manifest.maximize = job.spec.maximize;
  manifest.task = job.dataset.task();
  manifest.dataset_name = job.dataset.name;
  manifest.dataset_hash = job.dataset.hash;
  manifest.n_trials = job.trials.size();
  manifest.n_settings = job.trials.n_settings();
  manifest.preprocessing = to_json(job.dataset.preprocessing);
  manifest.splits = nlohmann::json::array();
  for (const Split& split : job.dataset.splits) manifest.splits.push_back(to_json(split));
  return manifest;
}

/// How a trial ranks: smaller is better; trials without a metric come last; ties go by id.
struct Rank {
  double value = 0;
  std::string id;
  friend bool operator<(const Rank& a, const Rank& b) { return std::tie(a.value, a.id) < std::tie(b.value, b.id); }
};

/// Takes results into the run directory, keeps the best networks, tells the screen.
class Recorder final : public ResultSink {
 public:
  Recorder(const Job& job, store::RunDirectory& directory, store::Manifest& manifest, const RunOptions& options)
      : job_(&job), directory_(&directory), manifest_(&manifest), options_(&options) {
    progress_.n_trials = job.trials.size();
    for (std::uint64_t number = 0; number < job.trials.size(); ++number) {
      progress_.epochs_total += static_cast<std::uint64_t>(job.trials.at(number).hyperparameters.max_iter);
    }
  }

  /// Counts a trial that an earlier run had finished.
  void already_done(const store::StoredRow& row, const Trial& trial) {
    progress_.epochs_total -= static_cast<std::uint64_t>(trial.hyperparameters.max_iter);
    count(row.id, row.status, row.metrics.of(job_->spec.metric));
  }

  void finished(TrialResult&& result, TrialState&& state) override {
    const double metric = result.metrics.of(job_->spec.metric);
    const auto promised = static_cast<std::uint64_t>(result.trial.hyperparameters.max_iter);
    progress_.epochs_total -= promised - result.epochs;  // patience or divergence ended it earlier
    count(result.trial.id, result.status, metric);
    directory_->add(result);
    if (result.status != TrialStatus::diverged && !std::isnan(metric)) keep_if_good(result, state, metric);
  }

  void advanced(std::uint64_t network_epochs, std::uint64_t network_samples) override {
    manifest_->epochs_trained += network_epochs;
    progress_.epochs_done += network_epochs;
    samples_ += network_samples;
    progress_.elapsed_s = seconds_since(start_);
    progress_.samples_per_s = progress_.elapsed_s > 0 ? static_cast<double>(samples_) / progress_.elapsed_s : 0;
    const double left = static_cast<double>(progress_.epochs_total) - static_cast<double>(progress_.epochs_done);
    progress_.remaining_s = progress_.epochs_done == 0 ? std::nan("")
                                                       : progress_.elapsed_s * std::max(0.0, left) /
                                                             static_cast<double>(progress_.epochs_done);
    if (options_->on_progress) options_->on_progress(progress_);
    if (seconds_since(flushed_) > job_->spec.trainer.checkpoint_every_s) {
      directory_->flush(*manifest_);
      flushed_ = Clock::now();
    }
  }

  [[nodiscard]] const Progress& progress() const { return progress_; }
  [[nodiscard]] std::string winner() const { return progress_.best_id; }

 private:
  [[nodiscard]] double key(double metric) const { return job_->spec.maximize ? -metric : metric; }

  void count(const std::string& id, TrialStatus status, double metric) {
    ++progress_.n_done;
    if (status == TrialStatus::diverged) {
      ++progress_.n_diverged;
      return;
    }
    if (std::isnan(metric)) return;
    const Rank rank{key(metric), id};
    if (!progress_.best_id.empty() && !(rank < Rank{key(progress_.best_metric), progress_.best_id})) return;
    progress_.best_id = id;
    progress_.best_metric = metric;
  }

  /// Stores the network while it is among the best `keep`; what falls out of them is removed.
  void keep_if_good(const TrialResult& result, TrialState& state, double metric) {
    const Rank rank{key(metric), result.trial.id};
    if (!kept_read_) {  // networks that an earlier run stored compete as well
      kept_read_ = true;
      for (const std::string& id : directory_->kept()) kept_.insert({key(directory_->network(id).metric), id});
    }
    const std::size_t keep = job_->spec.trainer.keep;
    if (keep == 0 || (kept_.size() >= keep && !(rank < *kept_.rbegin()))) return;
    directory_->keep({result.trial, std::move(state.parameters), metric});
    kept_.insert(rank);
    while (kept_.size() > keep) {
      directory_->forget(kept_.rbegin()->id);
      kept_.erase(std::prev(kept_.end()));
    }
  }

  const Job* job_;
  store::RunDirectory* directory_;
  store::Manifest* manifest_;
  const RunOptions* options_;
  Progress progress_;
  std::set<Rank> kept_;
  bool kept_read_ = false;
  std::uint64_t samples_ = 0;
  Clock::time_point start_ = Clock::now();
  Clock::time_point flushed_ = Clock::now();
};

/// The resolved sweep without the keys that say where and how fast it runs: they cannot change a strict result.
std::string without_machine_settings(const std::string& yaml) {
  static constexpr std::array<std::string_view, 5> kKeys{
      "engine:", "threads:", "memory:", "checkpoint_every:", "keep:"};
  std::string out;
  bool in_trainer = false;
  for (std::size_t at = 0; at < yaml.size();) {
    const std::size_t end = std::min(yaml.find('\n', at), yaml.size());
    const std::string_view line = std::string_view(yaml).substr(at, end - at);
    at = end + 1;
    if (!line.empty() && line.front() != ' ') in_trainer = line.starts_with("trainer:");
    const std::string_view word = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    if (in_trainer && std::ranges::any_of(kKeys, [&](std::string_view key) { return word.starts_with(key); })) continue;
    out.append(line).push_back('\n');
  }
  return out;
}

/// A run goes on only with the sweep and the table that it began with.
void check_resumable(const store::Manifest& stored, const Job& job) {
  std::vector<Diagnostic> differences;
  const auto differ = [&](const std::string& what) {
    differences.push_back(
        {{}, 0, "--resume", what + " differs from the run's; resume it with what it was started with"});
  };
  if (stored.dataset_hash != job.dataset.hash) differ(fmt::format("the table {}", job.dataset.name));
  if (stored.n_trials != job.trials.size()) {
    differ(fmt::format("the number of trials ({} now, {} then)", job.trials.size(), stored.n_trials));
  } else if (without_machine_settings(stored.sweep_yaml) != without_machine_settings(job.spec.resolved)) {
    differ("the sweep file");
  }
  if (!differences.empty()) throw InputError(std::move(differences));
}

std::optional<MetricValues> test_of_winner(const Job& job, store::RunDirectory& directory, const std::string& winner) {
  const std::vector<std::string> kept = directory.kept();
  if (job.dataset.test.empty() || std::ranges::find(kept, winner) == kept.end()) return std::nullopt;
  const store::StoredNetwork network = directory.network(winner);
  const Gang gang{gang_key(network.trial), 0, std::max(1U, job.engine->gang_size(gang_key(network.trial))),
                  network.trial.hyperparameters.n_iter_no_change > 0};
  TrialState state = initial_state(network.trial);
  state.parameters = network.parameters;
  job.engine->prepare(std::span(&gang, 1));
  job.engine->place(0, network.trial, state);
  const Slot slot = 0;
  const MetricSums sums = job.engine->evaluate(std::span(&slot, 1), RowSet::test).front();
  MetricValues values;
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (metric != Metric::train_loss && metric_applies(metric, job.dataset.task())) {
      values.values[m] = metric_value(metric, job.dataset.task(), sums);
    }
  }
  return values;
}

/// Trains whatever the directory lacks.
void train_missing(const Job& job, const store::RunDirectory& directory, const std::stop_token& stop,
                   Recorder& recorder) {
  for (std::uint64_t first = 0; first < job.trials.size() && !stop.stop_requested(); first += Job::kWindow) {
    std::vector<std::uint64_t> missing;
    for (const std::uint64_t number : job.window(first)) {
      const Trial trial = job.trials.at(number);
      if (directory.has(trial.id)) {
        recorder.already_done(directory.row(trial.id), trial);
      } else {
        missing.push_back(number);
      }
    }
    for (const Chunk& chunk : job.chunks(group_into_cohorts(missing, job.trials, job.dataset))) {
      if (stop.stop_requested()) return;
      train_chunk(*job.engine, chunk, job.trials, job.dataset, stop, recorder);
    }
  }
}

}  // namespace

RunSummary run_sweep(const SweepSpec& spec, const RunOptions& options) {
  const std::unique_ptr<Job> job = make_job(spec);
  const PlanSummary plan = summarize(*job);
  RunSummary summary;
  summary.out = options.out.empty() ? free_directory(spec) : options.out;
  store::Manifest manifest = manifest_of(*job);
  const bool go_on = options.resume && std::filesystem::exists(summary.out / "manifest.json");
  store::RunDirectory directory =
      go_on ? store::RunDirectory::open(summary.out) : store::RunDirectory::create(summary.out, manifest);
  if (go_on) {
    directory.claim();
    check_resumable(directory.manifest(), *job);
    manifest.epochs_trained = directory.manifest().epochs_trained;
    manifest.epochs_recomputed = directory.manifest().epochs_recomputed;
  }
  if (options.on_start) options.on_start(plan, summary.out);
  Recorder recorder(*job, directory, manifest, options);
  const Clock::time_point start = Clock::now();
  train_missing(*job, directory, options.stop, recorder);
  summary.elapsed_s = seconds_since(start);
  summary.interrupted = recorder.progress().n_done < job->trials.size();
  summary.n_trials = job->trials.size();
  summary.n_done = recorder.progress().n_done;
  summary.n_diverged = recorder.progress().n_diverged;
  summary.samples_per_s = recorder.progress().samples_per_s;
  summary.winner = recorder.winner();
  if (!summary.interrupted) summary.test = test_of_winner(*job, directory, summary.winner);
  summary.notes = job->dataset.notes;
  manifest.status = summary.interrupted ? "interrupted" : "done";
  manifest.winner = summary.winner;
  manifest.test = summary.test;
  directory.flush(manifest);
  return summary;
}

}  // namespace shoal
