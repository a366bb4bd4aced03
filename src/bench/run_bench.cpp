#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <numeric>
#include <string>
#include <thread>
#include <utility>

#include "bench/check.hpp"
#include "bench/peak.hpp"
#include "bench/placement.hpp"
#include "bench/workload.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/bench.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using bench::Placement;
using bench::Workload;
using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Seconds of whole trainings as network-samples a second.
BenchSpread speeds(const Workload& workload, const std::vector<double>& seconds) {
  const double samples = 1.0 * workload.size.n_networks * workload.size.n_rows * workload.size.n_epochs;
  return {samples / median(seconds), samples / std::ranges::max(seconds), samples / std::ranges::min(seconds)};
}

/// What all workloads have in common.
struct Setting {
  const BenchOptions& options;
  EngineInfo engine;
  std::uint32_t n_threads;

  void tell(const BenchResult& result, std::string step) const {
    if (!options.on_progress) return;
    options.on_progress({result.workload, std::move(step), result.n_repetitions, options.n_repetitions});
  }
};

Setting setting_of(const BenchOptions& options) {
  const std::uint32_t n_cores = std::max(1U, std::thread::hardware_concurrency());
  // Refuses what is not there, and knows what `auto` is.
  const Dataset nothing;
  const std::string name(make_engine(options.engine, nothing, {.precision = options.precision})->name());
  if (name == "reference") {
    throw UnavailableError("engine reference is what results are compared with: its speed is not measured");
  }
  const std::vector<EngineInfo> all = engines();
  return {options, *std::ranges::find(all, name, &EngineInfo::name),
          options.n_threads == 0 ? n_cores : options.n_threads};
}

/// An engine that adds the time of its kernels to `time` where it can.
std::unique_ptr<Engine> make_timed(const Setting& setting, const Dataset& data, KernelTime& time) {
  const EngineOptions options{.precision = setting.options.precision,
                              .n_threads = setting.options.n_threads,
                              .metric = Metric::train_loss,
                              .memory_bytes = setting.options.memory_bytes};
  return setting.engine.name == "cuda" ? make_timed_cuda_engine(data, options, time)
                                       : make_engine(setting.engine.name, data, options);
}

/// Seconds of each run, and the machine's speed around it.
struct Runs {
  std::vector<double> wall, kernel, place, peak_flops;
};

Runs timed(const Setting& setting, Engine& engine, const Placement& all, std::uint32_t n_epochs, KernelTime& time,
           BenchResult& result) {
  const BenchOptions& options = setting.options;
  Runs runs;
  std::vector<EpochRecord> records;
  const auto probe = [&] {
    if (!setting.engine.on_gpu) runs.peak_flops.push_back(bench::probe_peak(setting.n_threads));
  };
  const auto start = Clock::now();
  while (result.n_repetitions < options.n_repetitions &&
         (runs.wall.empty() || seconds_since(start) < options.seconds)) {
    setting.tell(result, "training");
    const auto placing = Clock::now();
    all.place(engine, options.stop);
    const double place_s = seconds_since(placing);
    probe();
    time.milliseconds = 0;
    const auto training = Clock::now();
    all.train(engine, n_epochs, options.stop, records);
    const double wall_s = seconds_since(training);
    if (options.stop.stop_requested()) break;
    if (records.size() != all.networks().size() * n_epochs) {
      throw Error(result.workload + ": networks diverged, so less was trained than would be counted");
    }
    probe();
    runs.place.push_back(place_s);
    runs.wall.push_back(wall_s);
    runs.kernel.push_back(time.milliseconds / 1e3);
    ++result.n_repetitions;
  }
  return runs;
}

void take_peak(const Setting& setting, const Runs& runs, BenchResult& result) {
  if (!setting.engine.on_gpu) {
    result.peak_flops = std::ranges::max(runs.peak_flops);
    result.peak_is = "multiply-adds in registers on " + std::to_string(setting.n_threads) +
                     " threads, the highest of the probes before and after each run";
  } else if (setting.options.precision == Precision::tf32 || setting.options.precision == Precision::bf16) {
    result.peak_is = "none: a driver does not tell how fast tensor cores are";
  } else if (setting.engine.peak_fp32_flops == 0) {
    result.peak_is = "none: the driver does not tell the GPU's clock";
  } else {
    result.peak_flops = setting.engine.peak_fp32_flops;
    result.peak_is = "computed: fp32 units of all multiprocessors x 2 x their highest clock";
  }
}

/// The workload in the size asked for.
Workload sized(const Setting& setting, const std::string& name) {
  Workload workload = bench::workload_named(name);
  if (setting.engine.on_gpu) workload.size = workload.size_on_gpu;
  if (setting.options.n_networks > 0) workload.size.n_networks = setting.options.n_networks;
  if (setting.options.n_rows > 0) workload.size.n_rows = setting.options.n_rows;
  return workload;
}

BenchResult measured(const Setting& setting, const Workload& workload) {
  const BenchOptions& options = setting.options;
  BenchResult result{.workload = std::string(workload.name),
                     .n_networks = workload.size.n_networks,
                     .n_rows = workload.size.n_rows,
                     .n_epochs = workload.size.n_epochs,
                     .batch_size = static_cast<std::uint32_t>(workload.batch_size),
                     .work = bench::work(workload)};
  setting.tell(result, "checking");
  const Dataset data = table(workload);
  KernelTime kernel_time;
  const std::unique_ptr<Engine> engine = make_timed(setting, data, kernel_time);
  for (std::uint32_t i = 0; i < std::min<std::size_t>(workload.kinds.size(), workload.size.n_networks); ++i) {
    result.skipped = engine->why_not(trial(workload, i));
    if (!result.skipped.empty()) return result;
  }
  std::vector<std::uint32_t> members(workload.size.n_networks);
  std::iota(members.begin(), members.end(), 0U);
  const Placement all(workload, members, bench::Company::its_kind);
  result.checks.push_back(bench::check_against_reference(workload, options.stop));
  result.checks.push_back(bench::check_against_cpu(workload, data, options.precision, *engine, all, options.stop));
  if (!result.ok()) return result;
  const Runs runs = timed(setting, *engine, all, workload.size.n_epochs, kernel_time, result);
  if (result.n_repetitions == 0) return result;
  result.samples_per_s = speeds(workload, runs.wall);
  if (kernel_time.is_whole && runs.kernel.front() > 0) result.kernel_samples_per_s = speeds(workload, runs.kernel);
  result.place_s = median(runs.place);
  take_peak(setting, runs, result);
  return result;
}

std::string cpu_name() {
  std::ifstream file("/proc/cpuinfo");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return {};
}

}  // namespace

std::vector<std::string> bench_workload_names() {
  std::vector<std::string> names;
  for (const Workload& workload : bench::workloads()) names.emplace_back(workload.name);
  return names;
}

BenchReport run_bench(const BenchOptions& options) {
  const std::vector<std::string> names = options.workloads.empty() ? bench_workload_names() : options.workloads;
  for (const std::string& name : names) static_cast<void>(bench::workload_named(name));
  const Setting setting = setting_of(options);
  BenchReport report{.engine = setting.engine.name,
                     .device = setting.engine.detail,
                     .cpu = cpu_name(),
                     .n_threads = setting.n_threads,
                     .precision = options.precision};
  for (const std::string& name : names) {
    if (options.stop.stop_requested()) break;
    report.workloads.push_back(measured(setting, sized(setting, name)));
  }
  report.interrupted = options.stop.stop_requested();
  return report;
}

}  // namespace shoal
