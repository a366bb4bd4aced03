#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <unistd.h>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/result_json.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t kShownTrials = 10;

constexpr const char* kSweepExamples =
    "Examples:\n"
    "  shoal sweep letters.yaml                                   results in runs/letters-N\n"
    "  shoal sweep letters.yaml parameters.max_iter=5 run_cap=50  a quick look\n"
    "  shoal sweep letters.yaml --out runs/mine --resume          go on where it was stopped\n"
    "  shoal sweep letters.yaml --engine cpu --threads 2 --json   for a program to read\n\n"
    "Ctrl-C stops and keeps what is finished; a second one exits at once.";

struct SweepOptions {
  SweepArguments sweep;
  std::string out;
  bool resume = false;
  bool json = false;
};

void say_start(ProgressDisplay& display, const PlanSummary& plan, const std::filesystem::path& out) {
  std::string line = fmt::format("{} of {}, engine {}", counted(plan.n_trials, "trial"),
                                 counted(plan.n_settings, "setting"), plan.engine);
  if (!plan.engine_reason.empty()) line += " (" + plan.engine_reason + ")";
  if (plan.estimated_s > 0) line += ", about " + duration(plan.estimated_s);
  display.say(line);
  if (plan.n_merged > 0)
    display.say(counted(plan.n_merged, "setting") + " became equal to another one and were merged");
  if (!plan.dropped_parameters.empty()) {
    display.say(
        fmt::format("not used by some settings, so dropped there: {}", fmt::join(plan.dropped_parameters, ", ")));
  }
  for (const std::string& note : plan.notes) display.say(note);
  display.say("results: " + out.string());
}

std::string test_line(const MetricValues& values) {
  std::string line;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (std::isnan(values.values[i])) continue;
    std::string_view metric = name(static_cast<Metric>(i));
    if (metric.starts_with("val_")) metric.remove_prefix(4);
    line += fmt::format("{}{} {}", line.empty() ? "" : ", ", metric, metric_text(values.values[i]));
  }
  return line;
}

std::string resume_command(const SweepOptions& options, const std::filesystem::path& out) {
  std::string command = "shoal sweep " + shell_quoted(options.sweep.file);
  for (const std::string& word : options.sweep.all_overrides()) command += ' ' + shell_quoted(word);
  return command + " --out " + shell_quoted(out.string()) + " --resume";
}

/// The best trials, or settings where one has several trials.
template <class Board>
void print_summary(const RunSummary& run, const Board& board, const SweepOptions& options) {
  const std::string pruned = run.n_pruned > 0 ? fmt::format("{} pruned, ", run.n_pruned) : "";
  print(fmt::format("\n{} of {} done in {}, {}{} diverged, {} network-samples/s\n", run.n_done,
                    counted(run.n_trials, "trial"), duration(run.elapsed_s), pruned, run.n_diverged,
                    si(run.samples_per_s)));
  if (!board.rows.empty()) print("\n" + rendered(table_of(board), terminal_width(stdout)));
  if (run.winner.empty()) print("\nno trial finished with a usable result\n");
  if (run.setting) {
    print(fmt::format("\nsetting {} wins: {} {} +- {} over {}, as network {}\n", run.setting->id, name(board.metric),
                      metric_text(run.setting->mean), metric_text(run.setting->standard_error),
                      counted(run.setting->n_trials, "trial"), run.winner));
  }
  if (run.test) {
    print(fmt::format("\n{} on the test table: {}\n", run.winner, test_line(*run.test)));
  }
  const std::string out = shell_quoted(run.out.string());
  print(fmt::format("\nresults are in {}\nnext:\n", run.out.string()));
  if (run.interrupted) print("  " + resume_command(options, run.out) + '\n');
  print(fmt::format("  shoal top {} -n 20\n", out));
  if (!run.winner.empty()) {
    print(fmt::format("  shoal predict {} --trial best --data new.csv --out predictions.csv\n", out));
  }
}

template <class Board>
void print_summary_json(const RunSummary& run, const Board& board) {
  print_json({{"out", run.out.string()},
              {"interrupted", run.interrupted},
              {"n_trials", run.n_trials},
              {"n_done", run.n_done},
              {"n_diverged", run.n_diverged},
              {"n_pruned", run.n_pruned},
              {"elapsed_s", run.elapsed_s},
              {"samples_per_s", run.samples_per_s},
              {"winner", run.winner},
              {"setting", run.setting ? cli::json_of(*run.setting) : nlohmann::ordered_json()},
              {"test", run.test ? cli::json_of(*run.test) : nlohmann::ordered_json()},
              {"notes", run.notes},
              {"best", cli::json_of(board)}});
}

int sweep(const SweepOptions& options) {
  const SweepSpec spec = options.sweep.load();
  std::FILE* stream = options.json ? stderr : stdout;
  auto mode = ProgressDisplay::mode_of(stream);
  if (options.json && mode == ProgressDisplay::Mode::plain) mode = ProgressDisplay::Mode::silent;
  ProgressDisplay display(stream, mode, spec.metric);
  RunOptions run_options;
  run_options.out = options.out;
  run_options.resume = options.resume;
  std::vector<std::string> said;
  run_options.on_start = [&](const PlanSummary& plan, const std::filesystem::path& out) {
    say_start(display, plan, out);
    said = plan.notes;
  };
  run_options.on_refit = [&](const SettingRow& row) {
    display.say(fmt::format("training setting {} on all rows, {:.0f} epochs", row.id, row.epochs));
  };
  run_options.on_progress = [&](const Progress& progress) { display.update(progress); };
  RunSummary run;
  {
    // Leaving the live line where it is: another thread may hold the display.
    const InterruptWatch interrupt([&] { display.say("stopping; results so far are kept"); },
                                   [] { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, "\n", 1); });
    run_options.stop = interrupt.token();
    run = run_sweep(spec, run_options);
  }
  display.finish();
  for (const std::string& note : run.notes) {
    if (std::ranges::find(said, note) == said.end()) display.say(note);
  }
  const auto show = [&](const auto& board) {
    options.json ? print_summary_json(run, board) : print_summary(run, board, options);
  };
  settings_have_several_trials(run.out) ? show(setting_board(run.out, kShownTrials))
                                        : show(leaderboard(run.out, kShownTrials));
  return run.interrupted ? kStopped : kDone;
}

}  // namespace

void add_sweep(CLI::App& app, Action& action) {
  auto options = std::make_shared<SweepOptions>();
  CLI::App* command = app.add_subcommand("sweep", "Train the networks of a sweep file and rank them");
  command->footer(kSweepExamples);
  options->sweep.add_to(*command);
  command->add_option("-o,--out", options->out, "Run directory; default runs/NAME-N, the first N that is free")
      ->type_name("DIR")
      ->check(empty_path);
  command->add_flag("--resume", options->resume, "Go on with --out DIR, or start it if it is not there");
  command->add_flag("--json", options->json, "Print one JSON document at the end; progress goes to stderr");
  command->callback([options, &action] {
    if (options->resume && options->out.empty()) throw UsageError("--resume needs --out DIR: which run to go on with");
    action = [options] { return sweep(*options); };
  });
}

}  // namespace shoal::cli
