// Stand-ins for the functions that the command line calls. The sweep file's name says what happens: slow.yaml runs
// until it is stopped, shown.yaml until its end is drawn, other names end at once; wrong.yaml, absent.yaml,
// broken.yaml and threads.yaml fail in four ways.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>
#include <system_error>
#include <thread>

#include "shoal/bench.hpp"
#include "shoal/calibration.hpp"
#include "shoal/engine.hpp"
#include "shoal/ensemble.hpp"
#include "shoal/error.hpp"
#include "shoal/export.hpp"
#include "shoal/run.hpp"
#include "shoal/verify.hpp"

namespace shoal {

SweepSpec load_sweep(const std::filesystem::path& file, std::span<const std::string> overrides) {
  if (file == "wrong.yaml") {
    throw InputError({{.file = "wrong.yaml", .line = 3, .path = "metod", .message = "unknown key"},
                      {.file = "wrong.yaml", .line = 9, .path = "run_cap", .message = "must be at least 1, is 0"}});
  }
  SweepSpec spec;
  spec.file = file;
  spec.metric = Metric::val_accuracy;
  spec.maximize = true;
  for (const std::string& word : overrides) spec.resolved += word + ';';
  return spec;
}

/// Seed 13 is unlucky.
std::vector<VerifyRow> verify_engines(const VerifyOptions& options) {
  VerifyRow row{.engine = options.engine.empty() ? "cpu" : options.engine,
                .check = "gradients",
                .n_cases = options.cases,
                .n_values = 4000,
                .error = 1.5e-8,
                .bound = 2.5e-7};
  if (options.seed == 13) {
    row.error = 1;
    row.n_breaches = 2;
    row.first_breach = "case 4, gradient 7: 1, not 2";
  }
  return {row};
}

/// Two networks of a row each are wrong; three are slow and stop when asked to.
BenchReport run_bench(const BenchOptions& options) {
  const std::string word = options.workloads.empty() ? "seed" : options.workloads.front();
  if (word == "sede") throw InputError(Diagnostic{"", 0, "workload", "there is no 'sede'; did you mean 'seed'?"});
  BenchReport report{.engine = options.engine,
                     .device = "AVX2, 2 threads",
                     .cpu = "A processor",
                     .n_threads = options.n_threads,
                     .precision = options.precision};
  if (options.on_progress) options.on_progress({word, "training", 1, options.n_repetitions});
  for (int i = 0; options.n_networks == 3 && i < 3000 && !options.stop.stop_requested(); ++i) {
    if (i == 0) std::fputs("began\n", stdout), std::fflush(stdout);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  BenchResult& result = report.workloads.emplace_back();
  result.workload = word;
  result.n_networks = options.n_networks;
  result.n_rows = options.n_rows;
  result.work = {44, 10, {{Activation::relu, 4}}, 0, 13};
  result.checks = {{"the bits of others", 2, options.n_networks == 2 ? 1U : 0U, 0.5, 0}};
  report.interrupted = options.stop.stop_requested();
  if (!result.ok() || report.interrupted) return report;
  result.n_repetitions = options.n_repetitions;
  result.samples_per_s = {1e9, 9e8, 1.1e9};
  result.peak_flops = 8.8e10;
  result.peak_is = "a probe";
  return report;
}

PlanSummary plan_sweep(const SweepSpec& spec) {
  if (spec.file == "absent.yaml") throw UnavailableError("engine cuda: this build has no CUDA");
  if (spec.file == "broken.yaml") throw Error("cannot read table.csv: Input/output error");
  if (spec.file == "threads.yaml") throw std::system_error(EAGAIN, std::generic_category());
  if (spec.file == "stopped.yaml") throw StoppedError("stopped before any training");
  if (spec.file == "bug.yaml") throw std::logic_error("index 7 of 3");
  PlanSummary plan;
  plan.engine = "cpu";
  plan.engine_reason = spec.resolved;
  plan.n_settings = 2;
  plan.n_trials = 4;
  plan.n_merged = 1;
  plan.dropped_parameters = {"momentum"};
  plan.notes = {"task: classification"};
  plan.rows = {{.topology = "2-3-1 relu",
                .kernel = "core_per_network",
                .predicted_s = 75,
                .others = {{"lane_per_network", 150}},
                .n_trials = 4,
                .n_gangs = 1,
                .n_parameters = 13,
                .bytes = 2048}};
  plan.n_chunks = 1;
  plan.memory_bytes = 1U << 30U;
  plan.predicted_bytes = 4096;
  plan.network_samples = 1250000;
  plan.costs = "cpu: shipped";
  plan.estimated_s = 75;
  return plan;
}

RunSummary run_sweep(const SweepSpec& spec, const RunOptions& options) {
  const std::filesystem::path out = options.out.empty() ? "runs/letters-1" : options.out;
  options.on_start(plan_sweep(spec), out);
  Progress progress;
  progress.n_trials = 4;
  progress.epochs_total = 100;
  progress.remaining_s = std::nan("");
  options.on_progress(progress);
  const bool is_slow = spec.file == "slow.yaml";
  for (int i = 0; is_slow && i < 3000 && !options.stop.stop_requested(); ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    options.on_progress(progress);
  }
  // The screen is drawn anew after a while only.
  if (spec.file == "shown.yaml") std::this_thread::sleep_for(std::chrono::milliseconds(300));
  // A run that does not answer: what a second signal is for.
  if (is_slow && options.resume) std::this_thread::sleep_for(std::chrono::seconds(30));
  progress.n_done = 4;
  progress.n_diverged = 1;
  progress.epochs_done = 100;
  progress.remaining_s = 0;
  progress.samples_per_s = 2.5e6;
  progress.best_id = "3fa9c1d2e4b5a697";
  progress.best_metric = 0.9;
  progress.best = {{.rank = 1, .id = progress.best_id, .epochs = 30, .metric = 0.9, .parameters = {{"alpha", "0.1"}}}};
  progress.best_so_far = {{50, 0.5}, {100, 0.9}};
  progress.rungs = {{4, 4, 2}};
  options.on_progress(progress);
  if (spec.file == "folds.yaml") {
    SettingRow winner;
    winner.id = progress.best_id;
    winner.epochs = 30;
    options.on_refit(winner);
  }
  return {.out = out,
          .interrupted = options.stop.stop_requested(),
          .n_trials = 4,
          .n_done = 4,
          .n_diverged = 1,
          .elapsed_s = 2,
          .samples_per_s = 2.5e6,
          .winner = "3fa9c1d2e4b5a697",
          .setting = std::nullopt,
          .test = std::nullopt,
          .notes = {"task: classification", "no kernels are built"}};
}

Leaderboard leaderboard(const std::filesystem::path& run, std::size_t n, std::optional<Metric> metric) {
  if (run == "none") throw InputError(Diagnostic{"none", 0, "", "is not a run directory: it has no manifest.json"});
  Leaderboard board;
  board.metric = metric.value_or(Metric::val_accuracy);
  board.maximize = true;
  board.n_trials = 40000;
  for (std::size_t i = 0; i < std::min<std::size_t>(n, 40000); ++i) {
    board.rows.push_back({.rank = static_cast<std::uint32_t>(i + 1),
                          .id = "3fa9c1d2e4b5a697",
                          .status = TrialStatus::finished,
                          .epochs = 30,
                          .metric = i == 2 ? std::nan("") : 0.9,
                          .parameters = {{"hidden_layer_sizes", "[64, 64]"}, {"alpha", "0.001"}}});
  }
  return board;
}

/// Runs named `halted` and `dead` were stopped and killed; others go on until they have been looked at three times.
RunStatus run_status(const std::filesystem::path& run) {
  static std::uint64_t n_looks = 0;
  RunStatus status{.n_trials = 40, .n_done = 12, .n_diverged = 1, .n_pruned = 3};
  if (run == "halted") status.state = RunState::stopped;
  if (run == "dead") status.state = RunState::killed;
  if (run == "endless" || status.state != RunState::running) return status;
  if (++n_looks < 3) return status;
  return {.state = RunState::done, .n_trials = 40, .n_done = 40};
}

/// Runs named `folds` have three trials a setting.
bool settings_have_several_trials(const std::filesystem::path& run) { return run.filename() == "folds"; }

SettingBoard setting_board(const std::filesystem::path& /*run*/, std::size_t n, std::optional<Metric> metric) {
  SettingBoard board;
  board.metric = metric.value_or(Metric::val_accuracy);
  board.maximize = true;
  board.n_settings = 2;
  board.n_trials = 6;
  for (std::size_t i = 0; i < std::min<std::size_t>(n, 2); ++i) {
    board.rows.push_back({.rank = static_cast<std::uint32_t>(i + 1),
                          .id = "3fa9c1d2e4b5a697",
                          .n_trials = i == 1 ? 1U : 3U,
                          .n_wanted = 3,
                          .status = i == 1 ? TrialStatus::pruned : TrialStatus::finished,
                          .epochs = i == 1 ? 10.0 / 3 : 30,
                          .mean = 0.9,
                          .standard_error = 0.0125,
                          .parameters = {{"alpha", "0.001"}}});
  }
  return board;
}

Predictions predict(const std::filesystem::path& /*run*/, std::string_view which,
                    const std::filesystem::path& /*table*/) {
  return {.task = Task::classification,
          .ids = {std::string(which)},
          .classes = {"say \"A\"", "B"},
          .columns = {"p(a)", "p(b)"},
          .values = {0.75, 0.25, 0.5, 0.5},
          .n_rows = 2,
          .notes = {"x.csv: line 1 is the header"}};
}

std::string predictions_csv(const Predictions& predictions) { return predictions.classes.at(1) + " as CSV\n"; }

void write_predictions(const Predictions& predictions, const std::filesystem::path& file) {
  std::ofstream(file) << predictions.n_rows << '\n';
}

Calibration calibrate(std::string_view engine) {
  Calibration calibration{std::string(engine), "a processor", {}, {}, {}, 2};
  calibration.values = {{"core_vector", 2.6e-10, 3.25e-10}};
  calibration.checks = {{"core_per_network", "16 networks 1-2-2-1 relu, sgd", 0.004, 0.003, 0.0041}};
  return calibration;
}
std::filesystem::path keep(const Calibration&) { return "calibration/cpu-1.json"; }
CostsHere costs_here() { return {{}, "cpu: shipped"}; }
SweepSpec sweep_of(const std::filesystem::path& run, std::span<const std::string> overrides) {
  return load_sweep(run, overrides);
}

std::string part_of_run(const std::filesystem::path& run, const std::filesystem::path& file) {
  return file == run / "results.csv" ? "results.csv of the run" : "";
}

/// Trials named `odd` do not come out as they are stored.
Replay replay(const SweepSpec& spec, const std::filesystem::path& /*run*/, std::string_view which) {
  return {.id = std::string(which),
          .ancestor = spec.resolved,
          .n_segments = 3,
          .epochs = 40,
          .n_parameters = 13,
          .n_different = which == "odd" ? 2U : 0U};
}

ReportSummary write_report(const std::filesystem::path& run, const std::filesystem::path& out) {
  return {.out = out.empty() ? run / "report.html" : out,
          .n_trials = 240,
          .n_shown = 240,
          .bytes = 2048,
          .winner = "3fa9c1d2e4b5a697",
          .no_validation = run == "moved" ? "table.csv: there is no such file" : ""};
}

Exported export_network(const std::filesystem::path& /*run*/, std::string_view which, ExportFormat format,
                        const std::filesystem::path& file) {
  return {.id = std::string(which) + std::string(name(format)), .bytes = 2048 + file.string().size()};
}

Ensemble select_ensemble(const std::filesystem::path& run, const EnsembleOptions& options) {
  return {.metric = options.metric.value_or(Metric::val_accuracy),
          .maximize = true,
          .fold = 2,
          .n_rows = 400,
          .n_choices = 4,
          .members = {{.id = "aa.f2", .times = 3, .weight = 0.75}, {.id = "bb.f2", .times = 1, .weight = 0.25}},
          .value = 0.95,
          .best_id = "bb.f2",
          .best_value = 0.9375,
          .n_candidates = options.size,
          .n_other_folds = 1,
          .file = options.out.empty() ? run / "ensemble.json" : options.out};
}

VersionInfo version() { return {.version = "9.8.7", .compiler = "g++ 12", .cuda = "built without CUDA"}; }

std::vector<EngineInfo> engines() {
  return {{.name = "cpu", .available = true, .detail = "AVX2, 2 threads", .precisions = {Precision::strict}},
          {.name = "cuda",
           .available = false,
           .detail = "built without CUDA",
           .precisions = {},
           .kernels = {{.kernel = "first_kernel", .evidence = Evidence::current, .gpu = "GPU A", .date = "2026-01-02"},
                       {.kernel = "second_kernel", .evidence = Evidence::older, .gpu = "GPU B", .date = "2026-01-01"},
                       {.kernel = "third_kernel", .evidence = Evidence::none, .gpu = "", .date = ""}}}};
}

}  // namespace shoal
