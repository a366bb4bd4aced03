// Throughput of an engine on four workloads, its result checked first: a million tiny networks (seed), thousands of
// medium ones of one shape (letters) and of all widths (widths), one large one (fashion).
//   bench_workloads --workload letters --engine cuda --json
//   bench_workloads --workload all --export FOLDER   what bench/peers needs, into FOLDER/WORKLOAD
//   bench_workloads --list                           engines and precisions that this machine has, one a line
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "export.hpp"
#include "measure.hpp"
#include "shoal/sweep.hpp"

namespace {

using shoal::bench::Workload;

void list_engines() {
  for (const shoal::EngineInfo& info : shoal::engines()) {
    if (!info.available || info.name == "reference") continue;  // made to be right, not fast
    for (const shoal::Precision precision : info.precisions) {
      std::printf("%s %s\n", info.name.c_str(), std::string(name(precision)).c_str());
    }
  }
}

void print_line(const nlohmann::ordered_json& result) {
  const auto text = [&](const char* key) { return result[key].get<std::string>(); };
  std::printf("%-8s %s %s: ", text("workload").c_str(), text("engine").c_str(), text("precision").c_str());
  if (result.contains("skipped")) {
    std::printf("skipped: %s\n", text("skipped").c_str());
  } else if (!result["ok"]) {
    std::printf("not timed: its results are wrong: %s\n", result["check"].dump().c_str());
  } else {
    const nlohmann::ordered_json& speed = result.contains("kernel") ? result["kernel"] : result["wall"];
    std::printf("%.3e network-samples/s, %.1f GFLOP/s, %.4f s (%.4f to %.4f)\n",
                speed["network_samples_per_s"].get<double>(), speed["gflop_per_s"].get<double>(),
                speed["median_s"].get<double>(), speed["min_s"].get<double>(), speed["max_s"].get<double>());
  }
}

struct Options {
  std::string workload = "all";
  std::string precision = "strict";
  shoal::bench::MeasureOptions measure;
  std::uint32_t n_networks = 0, n_rows = 0;
  std::filesystem::path export_folder;
  bool json = false, list = false;
};

/// The workloads asked for, in the sizes asked for.
std::vector<Workload> chosen(const Options& options) {
  std::vector<Workload> some;
  for (Workload workload : shoal::bench::workloads()) {
    if (options.workload != "all" && options.workload != workload.name) continue;
    if (options.n_networks > 0) workload.n_networks = options.n_networks;
    if (options.n_rows > 0) workload.n_rows = options.n_rows;
    some.push_back(workload);
  }
  return some;
}

int run(const Options& options) {
  if (options.list) {
    list_engines();
    return 0;
  }
  bool ok = true;
  for (const Workload& workload : chosen(options)) {
    if (!options.export_folder.empty()) {
      export_workload(workload, options.export_folder / workload.name);
      continue;
    }
    const nlohmann::ordered_json result = measure(workload, options.measure);
    ok = ok && result["ok"];
    if (options.json) {
      std::printf("%s\n", result.dump(1).c_str());
    } else {
      print_line(result);
    }
    std::fflush(stdout);
  }
  return ok ? 0 : 1;
}

}  // namespace

int main(int n_arguments, char** arguments) {
  try {
    Options options;
    std::vector<std::string> names{"all"};
    for (const Workload& workload : shoal::bench::workloads()) names.emplace_back(workload.name);
    CLI::App app{"Network-samples a second, results checked first"};
    app.add_option("--workload", options.workload, "which")->check(CLI::IsMember(names))->capture_default_str();
    app.add_option("--engine", options.measure.engine, "see --list")->capture_default_str();
    app.add_option("--precision", options.precision, "strict, fp32, tf32 or bf16")->capture_default_str();
    app.add_option("--networks", options.n_networks, "instead of the workload's")->check(CLI::PositiveNumber);
    app.add_option("--rows", options.n_rows, "instead of the workload's")->check(CLI::PositiveNumber);
    app.add_option("--memory", options.measure.memory_bytes,
                   "bytes of the device that the engine may take; of 1, cublas streams the table");
    app.add_option("--repetitions", options.measure.n_repetitions, "at most")->capture_default_str();
    app.add_option("--seconds", options.measure.seconds, "begin no repetition after these")->capture_default_str();
    app.add_option("--export", options.export_folder, "write the workload into this folder, measure nothing");
    app.add_flag("--json", options.json, "one JSON document a workload");
    app.add_flag("--list", options.list, "engines and precisions of this machine");
    CLI11_PARSE(app, n_arguments, arguments);
    const std::optional<shoal::Precision> precision = shoal::precision_named(options.precision);
    if (!precision) throw CLI::ValidationError("--precision", "strict, fp32, tf32 or bf16");
    options.measure.precision = *precision;
    return run(options);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_workloads: %s\n", error.what());
    return 1;
  }
}
