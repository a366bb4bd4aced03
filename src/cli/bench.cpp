#include "shoal/bench.hpp"

#include <array>
#include <cstdint>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <unistd.h>
#include <vector>

#include "cli/arguments.hpp"
#include "cli/calibration_report.hpp"
#include "cli/commands.hpp"
#include "cli/console.hpp"
#include "cli/interrupt.hpp"
#include "cli/table.hpp"
#include "cli/text.hpp"
#include "shoal/run.hpp"

namespace shoal::cli {
namespace {

using nlohmann::ordered_json;

constexpr const char* kBenchExamples =
    "Examples:\n"
    "  shoal bench                                    every workload on the CPU: a minute or two\n"
    "  shoal bench --workload letters --threads 1\n"
    "  shoal bench --workload seed --engine cuda --json\n"
    "  shoal bench --calibrate --engine cpu           costs of this machine, kept in the cache folder\n\n"
    "A workload is a number of networks over one synthetic table: seed (1-2-2-1, relu), deep (8-16x6-4, tanh, adam),\n"
    "widths (10-h-2, h = 1 to 100), letters (16-64-64-26, relu) and fashion (one 784-512-512-10). Its networks are\n"
    "checked first. The share is what the products of matrices alone take of the peak: activations, the softmax, "
    "biases\n"
    "and updates are not counted; their numbers are printed beside. Exit code 1: a result was wrong.";

struct Arguments {
  BenchOptions options;
  std::string precision = "strict";
  bool json = false;
  bool calibrates = false;
};

ordered_json json_of(const BenchSpread& spread) { return {spread.lowest, spread.highest}; }

ordered_json json_of(const BenchWork& work) {
  ordered_json activations = ordered_json::object();
  for (const auto& [activation, n] : work.activations) activations[std::string(name(activation))] = n;
  return {{"bias_additions", work.bias_additions},
          {"activations", activations},
          {"exponentials", work.exponentials},
          {"updates_a_step", work.updates}};
}

ordered_json json_of(const BenchResult& result) {
  ordered_json checks = ordered_json::array();
  for (const BenchCheck& check : result.checks) {
    checks.push_back({{"rule", check.rule},
                      {"networks", check.n_networks},
                      {"wrong", check.n_wrong},
                      {"worst_error", check.worst_error},
                      {"tolerance", check.tolerance}});
  }
  ordered_json json{{"workload", result.workload},
                    {"networks", result.n_networks},
                    {"rows", result.n_rows},
                    {"batch_size", result.batch_size},
                    {"epochs", result.n_epochs},
                    {"flops_per_sample", result.work.flops},
                    {"beside_the_flops", json_of(result.work)},
                    {"ok", result.ok()},
                    {"checks", checks},
                    {"skipped", result.skipped.empty() ? ordered_json() : ordered_json(result.skipped)},
                    {"repetitions", result.n_repetitions}};
  if (result.n_repetitions == 0) return json;
  const std::optional<double> share = result.share_of_peak();
  json["network_samples_per_s"] = result.samples_per_s.median;
  json["network_samples_per_s_range"] = json_of(result.samples_per_s);
  json["gflops"] = result.flops_per_s() / 1e9;
  json["share_of_peak"] = share ? ordered_json(*share) : ordered_json();
  json["peak_gflops"] = result.peak_flops ? ordered_json(*result.peak_flops / 1e9) : ordered_json();
  json["peak"] = result.peak_is;
  if (result.kernel_samples_per_s) {
    json["kernel_network_samples_per_s"] = result.kernel_samples_per_s->median;
    json["kernel_network_samples_per_s_range"] = json_of(*result.kernel_samples_per_s);
  }
  json["place_s"] = result.place_s;
  return json;
}

ordered_json json_of(const BenchReport& report) {
  ordered_json workloads = ordered_json::array();
  for (const BenchResult& result : report.workloads) workloads.push_back(json_of(result));
  const VersionInfo built = version();
  return {{"version", built.version},
          {"compiler", built.compiler},
          {"machine", report.cpu},
          {"engine", report.engine},
          {"device", report.device},
          {"threads", report.n_threads},
          {"precision", name(report.precision)},
          {"interrupted", report.interrupted},
          {"workloads", workloads}};
}

/// Speeds of the workloads that have some.
Table speeds(const BenchReport& report) {
  Table table{{{"workload"},
               {"networks", true},
               {"rows", true},
               {"runs", true},
               {"network-samples/s", true},
               {"lowest", true},
               {"highest", true},
               {"GFLOP/s", true},
               {"peak", true},
               {"share", true}},
              {}};
  for (const BenchResult& r : report.workloads) {
    if (r.n_repetitions == 0) continue;
    const std::optional<double> share = r.share_of_peak();
    table.rows.push_back({r.workload, std::to_string(r.n_networks), std::to_string(r.n_rows),
                          std::to_string(r.n_repetitions), si(r.samples_per_s.median), si(r.samples_per_s.lowest),
                          si(r.samples_per_s.highest), fmt::format("{:.1f}", r.flops_per_s() / 1e9),
                          r.peak_flops ? fmt::format("{:.0f}", *r.peak_flops / 1e9) : "-",
                          share ? fmt::format("{:.1f} %", 100 * *share) : "-"});
  }
  return table;
}

/// What a network does for a row.
Table work_of_a_row(const BenchReport& report) {
  Table table{{{"a row takes"},
               {"flops", true},
               {"biases", true},
               {"exponentials", true},
               {"updates a step", true},
               {"activations"}},
              {}};
  const auto number = [](double value) { return fmt::format("{:.6g}", value); };
  for (const BenchResult& r : report.workloads) {
    std::string activations;
    for (const auto& [activation, n] : r.work.activations) {
      activations += fmt::format("{}{} {}", activations.empty() ? "" : ", ", number(n), name(activation));
    }
    table.rows.push_back({r.workload, number(r.work.flops), number(r.work.bias_additions), number(r.work.exponentials),
                          number(r.work.updates), activations});
  }
  return table;
}

/// What was compared before anything was timed.
Table checks(const BenchReport& report) {
  Table table{{{"checked"}, {"networks", true}, {"worst error", true}, {"allowed", true}, {"against"}}, {}};
  for (const BenchResult& r : report.workloads) {
    for (const BenchCheck& check : r.checks) {
      table.rows.push_back({r.workload, std::to_string(check.n_networks), fmt::format("{:.2g}", check.worst_error),
                            fmt::format("{:.2g}", check.tolerance), check.rule});
    }
  }
  return table;
}

void print_report(const BenchReport& report) {
  std::string peak;
  for (const BenchResult& r : report.workloads) {
    if (!r.peak_is.empty()) peak = r.peak_is;
  }
  print(fmt::format("engine     {} ({}), precision {}\nprocessor  {}\npeak       {}\n\n", report.engine, report.device,
                    name(report.precision), report.cpu.empty() ? "not named by this machine" : report.cpu,
                    peak.empty() ? "none: nothing was timed" : peak));
  for (const BenchResult& r : report.workloads) {
    if (!r.skipped.empty()) print(fmt::format("skipped {}: {}\n", r.workload, r.skipped));
  }
  print(rendered(speeds(report), 0) + "\n" + rendered(work_of_a_row(report), 0) + "\n" + rendered(checks(report), 0));
}

/// What was wrong, a line each.
std::string faults(const BenchReport& report) {
  std::string lines;
  for (const BenchResult& r : report.workloads) {
    for (const BenchCheck& check : r.checks) {
      if (check.n_wrong == 0) continue;
      lines += fmt::format("{}: not timed: {} of {} wrong: {}\n", r.workload, check.n_wrong,
                           counted(check.n_networks, "network"), check.rule);
    }
  }
  return lines;
}

int bench(Arguments arguments) {
  std::FILE* stream = arguments.json ? stderr : stdout;
  const bool is_live = ProgressDisplay::mode_of(stream) == ProgressDisplay::Mode::live;
  LiveText line(stream);
  if (is_live) {
    arguments.options.on_progress = [&](const BenchProgress& progress) {
      line.draw(fmt::format("{}: {}, {} of {} runs done", progress.workload, progress.step, progress.n_done,
                            progress.n_runs));
    };
  }
  BenchReport report;
  {
    const InterruptWatch interrupt([&] { line.say("stopping; what is measured so far is shown"); },
                                   [] { [[maybe_unused]] const ssize_t n = ::write(STDERR_FILENO, "\n", 1); });
    arguments.options.stop = interrupt.token();
    report = run_bench(arguments.options);
  }
  line.clear();
  if (arguments.json) {
    print_json(json_of(report));
  } else {
    print_report(report);
  }
  if (const std::string wrong = faults(report); !wrong.empty()) {
    print_error(wrong);
    return kFailed;
  }
  return report.interrupted ? kStopped : kDone;
}

}  // namespace

void add_bench(CLI::App& app, Action& action) {
  auto given = std::make_shared<Arguments>();
  BenchOptions& options = given->options;
  CLI::App* command = app.add_subcommand("bench", "Measure how fast this machine trains, results checked first");
  command->footer(kBenchExamples);
  const auto any_count = whole_number(1, std::numeric_limits<std::uint32_t>::max());
  command->add_option("--workload", options.workloads, "One workload or some; default all")->type_name("NAME");
  command->add_option("--engine", options.engine, "Which engine trains")->capture_default_str();
  command->add_option("--precision", given->precision, "strict, fp32, tf32 or bf16")->capture_default_str();
  command->add_option("--threads", options.n_threads, "Threads; default one a core")
      ->check(whole_number(1, kMostThreads));
  command->add_option("--networks", options.n_networks, "Instead of the workload's number")->check(any_count);
  command->add_option("--rows", options.n_rows, "Instead of the table's number")->check(any_count);
  command->add_option("--repetitions", options.n_repetitions, "Runs a workload; the median counts")
      ->capture_default_str()
      ->check(any_count);
  command->add_option("--seconds", options.seconds, "Begin no further run of a workload after these")
      ->check(not_above_zero);
  command->add_option("--memory", options.memory_bytes, "Bytes of a GPU's memory that the engine may take")
      ->check(whole_number(1, kMostWhole));
  CLI::Option* calibrate =
      command->add_flag("--calibrate", given->calibrates,
                        "Measure instead what kernels cost here, for plans and the choice of kernels: some seconds");
  // A calibration has its own networks, and is kept: that these had no effect would not show.
  for (const char* of_workloads :
       {"--workload", "--precision", "--threads", "--networks", "--rows", "--repetitions", "--seconds", "--memory"}) {
    calibrate->excludes(command->get_option(of_workloads));
  }
  command->add_flag("--json", given->json, "Print one JSON document; progress goes to stderr");
  command->callback([given, &action] {
    const std::optional<Precision> precision = precision_named(given->precision);
    if (!precision) {
      constexpr std::array<std::string_view, 4> kPrecisions{"strict", "fp32", "tf32", "bf16"};
      refuse_word("--precision", "precision", given->precision, kPrecisions);
    }
    given->options.precision = *precision;
    action = [given] {
      return given->calibrates ? run_calibration(given->options.engine, given->json) : bench(*given);
    };
  });
}

}  // namespace shoal::cli
