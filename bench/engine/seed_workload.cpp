// The seed workload: a million networks 1-2-2-1 with ReLU, each with initial parameters and a learning rate of its own,
// one epoch over 1024 rows in minibatches of 32, plain sgd, squared error.
//   bench_seed_workload [NETWORKS [REPETITIONS]]
// Prints one JSON document. The first networks are trained by the CPU engine too: the GPU's must have their bits, and
// both speeds come from one run. Without a GPU: the CPU's speed, a message, and exit status 1.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/data.hpp"
#include "shoal/engine.hpp"

namespace {

constexpr std::uint32_t kRows = 1024;
constexpr std::int32_t kBatch = 32;
constexpr std::uint32_t kNetworks = 1'000'000;
constexpr std::uint32_t kCheckedNetworks = 2000;
constexpr int kRepetitions = 9;
/// Of one row and network, a fused multiply-add counting 2 and a select nothing: forward 16, loss and its derivative 5,
/// gradients of 8 weights and 5 biases 21, errors of 4 hidden units 12; a step of 13 parameters, 3 each, every 32 rows.
constexpr double kFlopsPerSample = 16 + 5 + 21 + 12 + 13 * 3 / 32.0;

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

shoal::Trial seed_trial(std::uint32_t number) {
  shoal::Trial trial;
  trial.topology = {1, {2, 2}, {shoal::Activation::relu, shoal::Activation::relu}, 1};
  trial.seed = number;
  shoal::Hyperparameters& h = trial.hyperparameters;
  h.solver = shoal::Solver::sgd;
  h.momentum = 0;
  h.alpha = 0;
  h.batch_size = kBatch;
  h.max_iter = 1;
  const double position = std::fmod(0.6180339887498949 * (number + 1.0), 1.0);  // evenly spread on a logarithmic scale
  h.learning_rate_init = 1e-3 * std::pow(100.0, position);
  return trial;
}

/// No validation rows, nothing scaled.
shoal::Dataset sine() {
  shoal::Dataset data;
  data.n_rows = kRows;
  data.preprocessing.n_inputs = 1;
  data.preprocessing.target_names = {"y"};
  for (std::uint32_t i = 0; i < kRows; ++i) {
    const double x = -3.0 + 6.0 * i / (kRows - 1);
    data.inputs.push_back(static_cast<float>(x));
    data.targets.push_back(static_cast<float>(std::sin(x)));
  }
  shoal::Split split{{}, {}, {{0}, {1}, {0}}, {{0}, {1}, {1}}};
  split.training.resize(kRows);
  std::iota(split.training.begin(), split.training.end(), 0U);
  data.splits.push_back(std::move(split));
  return data;
}

struct Times {
  double place_s = 0, train_s = 0;
};

/// One epoch of networks 0 to n - 1.
Times run(shoal::Engine& engine, std::uint32_t n) {
  Times times;
  const auto begin = Clock::now();
  const shoal::Gang gang{shoal::gang_key(seed_trial(0)), 0, n, false};
  engine.prepare(std::span(&gang, 1));
  for (shoal::Slot slot = 0; slot < n; ++slot) {
    const shoal::Trial trial = seed_trial(slot);
    engine.place(slot, trial, shoal::initial_state(trial));
  }
  times.place_s = seconds_since(begin);
  std::vector<shoal::TrainTarget> targets(n);
  for (shoal::Slot slot = 0; slot < n; ++slot) targets[slot] = {slot, 1};
  std::vector<shoal::EpochRecord> records;
  records.reserve(n);
  std::vector<shoal::Slot> lost;
  const auto train = Clock::now();
  engine.train(targets, {}, records, lost);
  times.train_s = seconds_since(train);
  return times;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

/// Speeds from seconds a run: the median, and the spread of the times.
nlohmann::ordered_json speed(const std::vector<double>& seconds, std::uint32_t n_networks) {
  const double samples = static_cast<double>(n_networks) * kRows;
  const double middle = median(seconds);
  return {{"median_s", middle},
          {"min_s", *std::ranges::min_element(seconds)},
          {"max_s", *std::ranges::max_element(seconds)},
          {"network_samples_per_s", samples / middle},
          {"gflop_per_s", samples * kFlopsPerSample / middle / 1e9}};
}

nlohmann::ordered_json bench_cpu(shoal::Engine& engine, std::uint32_t n, int repetitions) {
  std::vector<double> seconds;
  for (int i = 0; i < repetitions; ++i) seconds.push_back(run(engine, n).train_s);
  return {{"networks", n}, {"train", speed(seconds, n)}};
}

/// How many of the first networks differ in a bit of a parameter.
std::uint32_t n_different(const shoal::Engine& a, const shoal::Engine& b, std::uint32_t n) {
  std::uint32_t different = 0;
  for (shoal::Slot slot = 0; slot < n; ++slot) different += a.read(slot).parameters == b.read(slot).parameters ? 0 : 1;
  return different;
}

nlohmann::ordered_json bench_cuda(const shoal::Dataset& data, const shoal::EngineOptions& options,
                                  const shoal::Engine& cpu, std::uint32_t n, std::uint32_t n_checked, int repetitions) {
  shoal::KernelTime time;
  const std::unique_ptr<shoal::Engine> engine = shoal::make_timed_cuda_engine(data, options, time);
  std::vector<double> kernel, train, place;
  std::uint32_t different = 0;
  for (int i = 0; i < repetitions + 1; ++i) {
    time.milliseconds = 0;
    const Times times = run(*engine, n);
    different += n_different(*engine, cpu, n_checked);
    if (i == 0) continue;  // the first one loads the kernels
    kernel.push_back(time.milliseconds / 1e3);
    train.push_back(times.train_s);
    place.push_back(times.place_s);
  }
  return {{"networks", n},
          {"checked", n_checked},
          {"different", different},
          {"kernel", speed(kernel, n)},
          {"train_with_copies", speed(train, n)},
          {"place_median_s", median(place)}};
}

int bench(std::uint32_t n_networks, int repetitions) {
  const shoal::Dataset data = sine();
  const shoal::EngineOptions options{.metric = shoal::Metric::train_loss};
  const std::uint32_t n_checked = std::min(n_networks, kCheckedNetworks);
  const std::unique_ptr<shoal::Engine> cpu = shoal::make_cpu_engine(data, options);
  nlohmann::ordered_json result = {{"workload", "1-2-2-1 relu, sgd, squared_error, 1024 rows, 1 epoch, batch 32"},
                                   {"flops_per_network_sample", kFlopsPerSample},
                                   {"repetitions", repetitions},
                                   {"compiler", "g++ " __VERSION__},
                                   {"cpu", bench_cpu(*cpu, n_checked, repetitions)}};
  const shoal::EngineInfo info = shoal::cuda_engine_info();
  if (info.available) {
    result["cuda"] = bench_cuda(data, options, *cpu, n_networks, n_checked, repetitions);
    result["kernel_to_cpu_ratio"] = result["cuda"]["kernel"]["network_samples_per_s"].get<double>() /
                                    result["cpu"]["train"]["network_samples_per_s"].get<double>();
  }
  std::printf("%s\n", result.dump(1, ' ').c_str());
  std::fflush(stdout);  // the log's last line says what went wrong
  if (!info.available) {
    std::fprintf(stderr, "bench_seed_workload: cuda was not measured: %s\n", info.detail.c_str());
    return 1;
  }
  if (result["cuda"]["different"] != 0) {
    std::fprintf(stderr, "bench_seed_workload: the GPU's networks differ from the CPU's: no speed counts\n");
    return 1;
  }
  return 0;
}

}  // namespace

int main(int n_arguments, char** arguments) {
  try {
    const auto n_networks = n_arguments > 1 ? static_cast<std::uint32_t>(std::stoul(arguments[1])) : kNetworks;
    return bench(std::max(1U, n_networks), n_arguments > 2 ? std::max(1, std::stoi(arguments[2])) : kRepetitions);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_seed_workload: %s\n", error.what());
    return 1;
  }
}
