#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <limits>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/engine.hpp"
#include "shoal/sweep.hpp"

namespace shoal {

/// The value of every metric after the last epoch (after the best one where patience is on); NaN where it does not
/// apply.
struct MetricValues {
  std::vector<double> values = std::vector<double>(kMetricCount, std::numeric_limits<double>::quiet_NaN());
  [[nodiscard]] double of(Metric metric) const { return values[static_cast<std::size_t>(metric)]; }
};

/// One point of a learning curve.
struct CurvePoint {
  std::uint32_t epoch = 0;
  double train_loss = 0;
  double val_loss = 0;
  double metric = 0;
};

/// A trial became a copy of another one at a rung of population based training: its state and all of its settings. Then
/// some of its numbers changed.
struct Takeover {
  std::uint32_t epoch = 0;                                            ///< epochs that the copy had
  std::string parent;                                                 ///< id of the trial that was copied
  std::vector<std::pair<std::string, double>> changes;                ///< parameter, new value; of what could change
  double best_train_loss = std::numeric_limits<double>::quiet_NaN();  ///< of the copy's best epoch, with patience

  friend bool operator==(const Takeover&, const Takeover&) = default;
};

/// What became of one trial.
struct TrialResult {
  Trial trial;
  TrialStatus status = TrialStatus::running;
  std::uint32_t epochs = 0;      ///< trained by itself: those that a copy had before are another trial's
  std::uint32_t best_epoch = 0;  ///< whose parameters were kept; the last one without patience
  MetricValues metrics;
  std::vector<CurvePoint> curve;  ///< of the epochs that it trained itself
  std::vector<Takeover> lineage;  ///< ascending; empty: it was never a copy, and its settings are those of its number
  double train_seconds = 0;       ///< share of the wall time; not part of the result
};

/// A trial between two epochs. Its result so far has status `running` and, where it has been evaluated, the metrics
/// that it would end with: those of its best epoch with patience. In a population it may have diverged and wait to
/// become a copy.
struct PausedTrial {
  TrialResult result;
  TrialState state;
  std::uint32_t n_rungs = 0;  ///< of its bracket, passed; population based training only
};

/// One line of a leaderboard.
struct LeaderboardRow {
  std::uint32_t rank = 0;
  std::string id;
  TrialStatus status = TrialStatus::finished;
  std::uint32_t epochs = 0;
  double metric = 0;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< those that vary in the sweep
};

/// A step of the best value of a sweep.
struct BestSoFar {
  std::uint64_t epochs_done = 0;  ///< by the whole sweep, when a trial with this value had ended
  double metric = 0;
};

/// How many settings a rung let go on, over all brackets that have decided there.
struct RungPassage {
  std::uint32_t epochs = 0;
  std::uint64_t n_reached = 0;  ///< were trained so long
  std::uint64_t n_went_on = 0;  ///< of those; in a population: as themselves, not as copies
};

/// What a screen shows while a sweep runs. Its size does not depend on the number of trials.
struct Progress {
  std::uint64_t n_trials = 0;
  std::uint64_t n_done = 0;
  std::uint64_t n_diverged = 0;
  std::uint64_t n_pruned = 0;      ///< ended at a rung
  std::uint64_t epochs_done = 0;   ///< network-epochs
  std::uint64_t epochs_total = 0;  ///< expected, with rungs; an upper bound where patience may end trials earlier
  double elapsed_s = 0;
  double samples_per_s = 0;  ///< network-samples: rows x networks trained a second
  double remaining_s = 0;    ///< NaN while it cannot be said
  std::string best_id{};     ///< empty while nothing has finished
  double best_metric = 0;
  std::vector<LeaderboardRow> best{};  ///< the best 5 of those that have ended with a finite metric
  /// Ascending, 64 at most: of more, those soon followed by another are left out.
  std::vector<BestSoFar> best_so_far{};
  std::vector<RungPassage> rungs{};  ///< ascending; in a resumed population those of this process
};

/// A kernel that could train networks, and what it is predicted to take.
struct PredictedKernel {
  std::string kernel;
  double predicted_s = 0;
};

/// One shape class of a plan: trials of one topology that an engine runs with one kernel.
struct PlanRow {
  std::string topology;                 ///< `16-64-64-26 relu, relu`
  std::string kernel;                   ///< `core_per_network`
  double predicted_s = 0;               ///< were nothing else to train; an upper bound with patience
  std::vector<PredictedKernel> others;  ///< that were predicted to take longer for gangs like these
  std::uint64_t n_trials = 0;
  std::uint64_t n_gangs = 0;
  std::uint64_t n_parameters = 0;
  std::uint64_t bytes = 0;  ///< of all its places at once
};

/// A dry run.
struct PlanSummary {
  std::string engine;
  std::string engine_reason;
  Precision precision = Precision::strict;
  std::uint64_t n_settings = 0, n_trials = 0, n_merged = 0;
  std::vector<std::string> dropped_parameters;
  std::vector<std::string> notes;  ///< of the data and the plan
  std::vector<PlanRow> rows;
  std::uint64_t n_chunks = 0;
  bool on_device = false;             ///< both of these are of the GPU's memory
  std::uint64_t memory_bytes = 0;     ///< the limit
  std::uint64_t predicted_bytes = 0;  ///< of the largest chunk, dataset included, or of reading that one
  std::uint64_t network_samples = 0;  ///< rows x epochs, less what rungs are expected to spare; a bound with patience
  std::string costs;                  ///< where those of kernels are from, engine by engine
  double estimated_s = 0;             ///< of these, as the costs of kernels predict
};
[[nodiscard]] PlanSummary plan_sweep(const SweepSpec& spec);

/// A setting as the mean over its folds and repeats.
struct SettingRow {
  std::uint32_t rank = 0;
  std::string id;                              ///< of the setting: what its trials' ids begin with
  std::uint32_t n_trials = 0;                  ///< that have ended
  std::uint32_t n_wanted = 0;                  ///< folds times repeats: so many once all have ended
  TrialStatus status = TrialStatus::finished;  ///< the worst of its trials': diverged, pruned, stopped, finished
  double epochs = 0;                           ///< mean
  double mean = 0;                             ///< of the metric; NaN where a trial has none
  double standard_error = 0;                   ///< of the mean; NaN for one trial
  std::vector<std::pair<std::string, std::string>> parameters;  ///< those that vary in the sweep
};

struct RunOptions {
  std::filesystem::path out;  ///< empty: runs/NAME-N beside the working directory, N the first that is free
  bool resume = false;        ///< accept an existing directory and train only what it lacks
  std::stop_token stop;       ///< when requested: finish what is running within 2 s or lose it, write results, return
  std::function<void(const PlanSummary&, const std::filesystem::path& out)> on_start;
  std::function<void(const Progress&)> on_progress;  ///< about 5 times a second, from the calling thread
  std::function<void(const SettingRow&)> on_refit;   ///< before the setting that wins is trained on all rows
};

struct RunSummary {
  std::filesystem::path out;
  bool interrupted = false;
  std::uint64_t n_trials = 0, n_done = 0, n_diverged = 0, n_pruned = 0;
  double elapsed_s = 0;
  double samples_per_s = 0;
  std::string winner;                 ///< id of a stored network; empty if every trial diverged or none finished
  std::optional<SettingRow> setting;  ///< whose network that is, where a setting has several trials
  std::optional<MetricValues> test;   ///< of the winner on data.test, once; under the val_ names
  std::vector<std::string> notes;
};

/// The main job: sweep file in, run directory out. Throws InputError, UnavailableError, Error, and StoppedError where
/// it is stopped before it has begun; never leaves half a file.
RunSummary run_sweep(const SweepSpec& spec, const RunOptions& options);

/// The best trials of a run.
struct Leaderboard {
  Metric metric = Metric::val_loss;
  bool maximize = false;
  std::uint64_t n_trials = 0;  ///< in the run
  std::vector<LeaderboardRow> rows;
};
/// The best `n` trials of a run directory by `metric` (empty: the run's own). Diverged trials come last; ties by id.
[[nodiscard]] Leaderboard leaderboard(const std::filesystem::path& run, std::size_t n,
                                      std::optional<Metric> metric = {});

/// Settings of a run, ranked.
struct SettingBoard {
  Metric metric = Metric::val_loss;
  bool maximize = false;
  std::uint64_t n_settings = 0;  ///< in the run
  std::uint64_t n_trials = 0;
  std::vector<SettingRow> rows;
};
/// The best `n` settings of a run directory by the mean of `metric` (empty: the run's own): those that ran to their end
/// before those that a rung ended, then those of which some trials have not ended, diverged ones last; ties by id.
[[nodiscard]] SettingBoard setting_board(const std::filesystem::path& run, std::size_t n,
                                         std::optional<Metric> metric = {});

/// How a run stands.
enum class RunState : std::uint8_t {
  running,
  done,
  stopped,  ///< it ended before it was done, by itself; resumable
  killed,   ///< its process went without a word; resumable
};
/// What a run directory tells of a run, of the trials what its last checkpoint knows.
struct RunStatus {
  RunState state = RunState::running;
  std::uint64_t n_trials = 0;
  std::uint64_t n_done = 0, n_diverged = 0, n_pruned = 0;
};
/// Reads a run directory at any time, from any process; the one that writes neither waits nor fails for it.
[[nodiscard]] RunStatus run_status(const std::filesystem::path& run);

/// Whether the run's settings have several trials each: folds or repeats.
[[nodiscard]] bool settings_have_several_trials(const std::filesystem::path& run);

/// Predictions for the rows of a table.
struct Predictions {
  Task task = Task::regression;
  std::vector<std::string> ids;      ///< networks that were averaged
  std::vector<std::string> classes;  ///< the predicted class of each row; classification only
  /// Of `values`: classification `p(CLASS)` each; multilabel the labels (0 or 1), then `p(LABEL)` each; regression the
  /// targets, in the table's units.
  std::vector<std::string> columns;
  std::vector<double> values;  ///< [row][column]; a probability has no more digits than a float
  std::size_t n_rows = 0;
  std::vector<std::string> notes;  ///< what was decided on the table
};
/// `which`: an id (or its unique beginning), `best`, `top:K` (the average of the K best stored networks), or `ensemble`
/// (the weighted average that select_ensemble() of shoal/ensemble.hpp wrote).
[[nodiscard]] Predictions predict(const std::filesystem::path& run, std::string_view which,
                                  const std::filesystem::path& table);
/// As CSV: the class as column `prediction` where there is one, then the values; a header first.
[[nodiscard]] std::string predictions_csv(const Predictions& predictions);
/// Writes the CSV, whole or not at all.
void write_predictions(const Predictions& predictions, const std::filesystem::path& file);

/// The sweep of a run directory. Its paths are taken from where the run was started. InputError where there is no run.
[[nodiscard]] SweepSpec sweep_of(const std::filesystem::path& run, std::span<const std::string> overrides = {});

/// What training a stored network again, alone, has given.
struct Replay {
  std::string id;
  std::string ancestor;          ///< whose initial parameters it began with
  std::uint32_t n_segments = 0;  ///< stretches of training with constant settings
  std::uint32_t epochs = 0;      ///< of the network
  std::uint64_t n_parameters = 0;
  std::uint64_t n_different = 0;  ///< whose bits are not those that are stored
};
/// Trains a trial of a run alone, from its first ancestor's initial parameters through every rung at which it or an
/// ancestor became a copy, and compares with the network that is stored. `which`: an id (or its unique beginning) or
/// `best`. spec: sweep_of(run), perhaps with another engine. InputError where the network is not stored or the table is
/// another one.
[[nodiscard]] Replay replay(const SweepSpec& spec, const std::filesystem::path& run, std::string_view which);

/// What of a run `file` is, such as `results.csv of the run` or `the run's table`; empty: nothing. Who writes beside a
/// run must not overwrite it.
[[nodiscard]] std::string part_of_run(const std::filesystem::path& run, const std::filesystem::path& file);

/// A report that was written.
struct ReportSummary {
  std::filesystem::path out;
  std::uint64_t n_trials = 0;  ///< that have ended
  std::uint64_t n_shown = 0;   ///< that the page holds one by one
  std::uint64_t bytes = 0;
  std::string winner;         ///< id; of a run that still goes, the best so far; empty if there is none
  std::string no_validation;  ///< why the page has no predictions for the winner's validation rows; empty if it has
};
/// Writes a run as one HTML page that needs no network; `out` empty: report.html in the run's directory. Whole or not
/// at all. Reads the run's table again for the winner's predictions; where it is gone or not the same, the page says
/// so. Throws InputError where there is no run.
ReportSummary write_report(const std::filesystem::path& run, const std::filesystem::path& out = {});

struct VersionInfo {
  std::string version;
  std::string compiler;
  std::string cuda;  ///< toolkit it was built with, or `built without CUDA`
};
[[nodiscard]] VersionInfo version();

}  // namespace shoal
