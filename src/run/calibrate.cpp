// What kernels cost on this machine, from training small workloads.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <ctime>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <numeric>

#include "engine/definition.hpp"
#include "plan/survey.hpp"
#include "run/calibration_file.hpp"
#include "run/fit_costs.hpp"
#include "shoal/calibration.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using Clock = std::chrono::steady_clock;
double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

/// A clock for an engine: of engine cpu on one thread the processor's, which others on the machine do not move.
double now(std::string_view engine) {
  if (engine == "cpu") return static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
  return seconds_since(Clock::time_point());
}

/// Networks of one kind on one kernel, over a table of n_rows, a fifth of them for validation unless the metric is
/// train_loss.
struct Workload {
  std::string_view kernel;
  std::uint32_t n_networks;
  Topology topology;
  Solver solver;
  std::int32_t batch;
  std::uint32_t n_rows;
  Metric metric = Metric::val_loss;
};

Topology shape(std::int32_t n_inputs, const std::vector<std::int32_t>& hidden, std::int32_t n_outputs,
               Activation activation) {
  return {n_inputs, hidden, std::vector(hidden.size(), activation), n_outputs};
}

constexpr auto kRelu = Activation::relu;
constexpr auto kTanh = Activation::tanh;

/// A core's, and the lanes of a vector: small and large, with and without exponentials and moments, short epochs.
std::vector<Workload> cpu_workloads() {
  std::vector<Workload> all;
  for (const std::string_view kernel : {"core_per_network", "lane_per_network"}) {
    const std::uint32_t n = 16;
    for (const Solver solver : {Solver::sgd, Solver::adam}) {
      // Without validation in some, or a fit could not tell rows that are trained from those that are measured.
      const Metric metric = solver == Solver::adam ? Metric::val_loss : Metric::train_loss;
      all.push_back({kernel, n, shape(1, {2, 2}, 1, kRelu), solver, 64, 1000, metric});
      all.push_back({kernel, n, shape(10, {8}, 2, kTanh), solver, 32, 500, metric});
      all.push_back({kernel, n, shape(10, {32, 32}, 1, kRelu), solver, 16, 500, Metric::val_rmse});
      all.push_back({kernel, n, shape(16, {40, 40}, 8, kRelu), solver, 200, 1000});
    }
    all.push_back({kernel, n, shape(2, {4}, 1, kRelu), Solver::sgd, 0, 20});
    all.push_back({kernel, n, shape(4, {16, 16, 16}, 2, kTanh), Solver::sgd, 100, 500});
    all.push_back({kernel, n, shape(16, {64}, 26, kTanh), Solver::adam, 64, 500, Metric::val_rmse});
    all.push_back({kernel, n, shape(32, {128, 128}, 10, kRelu), Solver::sgd, 64, 500});
  }
  return all;
}

/// Of each kernel some that fill a GPU, and one alone.
std::vector<Workload> cuda_workloads(std::uint32_t n_fill) {
  const Topology letters = shape(16, {64, 64}, 26, kRelu);
  const Topology wide = shape(64, {512, 512}, 10, kRelu);
  return {{"thread_per_network", 128 * n_fill, shape(1, {2, 2}, 1, kRelu), Solver::sgd, 32, 1000},
          {"thread_per_network", 128, shape(1, {2, 2}, 1, kRelu), Solver::sgd, 32, 1000},
          {"thread_per_network", 128 * n_fill, shape(1, {2, 2}, 1, kRelu), Solver::sgd, 0, 20},
          {"block_per_network", 8 * n_fill, letters, Solver::sgd, 64, 1000},
          {"block_per_network", 1, letters, Solver::sgd, 64, 1000},
          {"block_per_network", 16 * n_fill, shape(10, {16}, 2, kRelu), Solver::sgd, 0, 40},
          {"strict_layers", 4, wide, Solver::sgd, 1000, 2000},
          {"strict_layers", 4 * n_fill, letters, Solver::sgd, 64, 1000},
          {"strict_layers", 1, letters, Solver::sgd, 64, 1000}};
}

Dataset table(const Workload& workload) {
  const auto n_inputs = static_cast<std::size_t>(workload.topology.n_inputs);
  const auto n_targets = static_cast<std::size_t>(workload.topology.n_outputs);
  Dataset data;
  data.name = "calibration";
  data.n_rows = workload.n_rows;
  data.preprocessing.task = Task::regression;
  data.preprocessing.n_inputs = workload.topology.n_inputs;
  data.preprocessing.target_names.resize(n_targets);
  for (std::size_t i = 0; i < data.n_rows * n_inputs; ++i) data.inputs.push_back(std::sin(static_cast<float>(i)));
  for (std::size_t i = 0; i < data.n_rows * n_targets; ++i) data.targets.push_back(std::cos(static_cast<float>(i)));
  Split& split = data.splits.emplace_back();
  for (std::uint32_t row = 0; row < data.n_rows; ++row) {
    const bool validates = row % 5 == 4 && workload.metric != Metric::train_loss;
    (validates ? split.validation : split.training).push_back(row);
  }
  split.inputs = {std::vector(n_inputs, 0.0F), std::vector(n_inputs, 1.0F), std::vector(n_inputs, 0.0F)};
  split.targets = {std::vector(n_targets, 0.0F), std::vector(n_targets, 1.0F), std::vector(n_targets, 1.0)};
  return data;
}

Trial trial(const Workload& workload, std::uint64_t seed) {
  Trial trial;
  trial.seed = seed;
  trial.topology = workload.topology;
  Hyperparameters& h = trial.hyperparameters;
  h.solver = workload.solver;
  h.learning_rate_init = 1e-3;
  h.batch_size = workload.batch;
  h.shuffle = Shuffle::none;  // orders are no kernel's
  h.max_iter = std::numeric_limits<std::int32_t>::max();
  return trial;
}

/// A workload's table and gangs, and its engine under any costs, on one thread.
class Bench {
 public:
  Bench(std::string_view engine, const Workload& workload)
      : engine_(engine), workload_(workload), data_(table(workload)) {
    const std::uint32_t most = std::max(1U, make({})->gang_size(gang_key(trial(workload, 0))));
    const std::uint32_t in_gang = std::min(engine == "cpu" ? workload.n_networks : most, workload.n_networks);
    for (std::uint32_t first = 0; first < workload.n_networks; first += in_gang) {
      Gang gang{gang_key(trial(workload, 0)), first, std::min(in_gang, workload.n_networks - first)};
      gang.n_company = workload.n_networks;
      gangs_.push_back(gang);
    }
  }

  [[nodiscard]] double predicted(const Costs& costs) const {
    for (const Prediction& each : make(costs)->predictions(gangs_.front())) {
      if (each.kernel == workload_.kernel) return seconds_in_company(each, gangs_.front());
    }
    throw Error("engine " + engine_ + " cannot train " + text() + " by " + std::string(workload_.kernel));
  }

  /// The shortest epoch of some calls.
  [[nodiscard]] double measured() const {
    const std::unique_ptr<Engine> engine = make({});
    engine->prepare(gangs_);
    std::vector<TrainTarget> targets;
    for (Slot slot = 0; slot < workload_.n_networks; ++slot) {
      engine->place(slot, trial(workload_, slot), initial_state(trial(workload_, slot)));
      targets.push_back({slot, 0});
    }
    std::uint32_t n_epochs = 1;
    double shortest = std::numeric_limits<double>::infinity();
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    for (int n_long = 0; n_long < kLongCalls;) {
      for (TrainTarget& target : targets) target.epoch += n_epochs;
      records.clear();
      const double start = now(engine_);
      engine->train(targets, {}, records, lost);
      const double seconds = now(engine_) - start;
      if (seconds < kCallSeconds && n_epochs < kMostEpochs) {
        n_epochs *= 2;
        continue;
      }
      shortest = std::min(shortest, seconds / n_epochs);
      ++n_long;
    }
    return shortest;
  }

  [[nodiscard]] std::string text() const {
    return fmt::format("{} networks {}, {}", workload_.n_networks, plan::topology_text(workload_.topology),
                       name(workload_.solver));
  }
  [[nodiscard]] std::string_view kernel() const { return workload_.kernel; }

 private:
  static constexpr int kLongCalls = 5;
  static constexpr double kCallSeconds = 0.01;
  static constexpr std::uint32_t kMostEpochs = 1U << 16;

  [[nodiscard]] std::unique_ptr<Engine> make(const Costs& costs) const {
    constexpr double kSlower = 1e9;
    Costs forced = costs;
    for (const NamedCost& cost : named_costs()) {
      if (!cost.kernel.empty() && cost.kernel != workload_.kernel) cost.of(forced) *= kSlower;
    }
    return make_engine(engine_, data_, {.n_threads = 1, .metric = workload_.metric, .costs = forced});
  }

  std::string engine_;
  Workload workload_;
  Dataset data_;
  std::vector<Gang> gangs_;
};

}  // namespace

Calibration calibrate(std::string_view engine) {
  const auto start = Clock::now();
  if (engine != "cpu" && engine != "cuda") {
    throw UnavailableError("engine " + std::string(engine) + " has no costs to measure: cpu and cuda have");
  }
  Calibration calibration{std::string(engine), run::device_of(engine), {}, {}, {}, 0};
  if (calibration.device.empty()) throw UnavailableError("engine " + std::string(engine) + " is not available here");
  constexpr std::uint32_t kFill = 512;
  std::vector<Bench> benches;
  for (const Workload& workload : engine == "cpu" ? cpu_workloads() : cuda_workloads(kFill)) {
    benches.emplace_back(engine, workload);
  }
  std::vector<double> measured;
  for (const Bench& bench : benches) measured.push_back(bench.measured());
  const run::Predict predict = [&](const Costs& costs) {
    std::vector<double> seconds;
    for (const Bench& bench : benches) seconds.push_back(bench.predicted(costs));
    return seconds;
  };
  const Costs shipped;
  calibration.costs = run::fitted(shipped, engine, measured, predict);
  Costs before_fit;
  for (const NamedCost& cost : named_costs()) {
    if (cost.engine != engine) continue;
    calibration.values.push_back({std::string(cost.name), cost.of(before_fit), cost.of(calibration.costs)});
  }
  const std::vector<double> before = predict(shipped);
  const std::vector<double> after = predict(calibration.costs);
  for (std::size_t i = 0; i < benches.size(); ++i) {
    calibration.checks.push_back(
        {std::string(benches[i].kernel()), benches[i].text(), measured[i], before[i], after[i]});
  }
  calibration.seconds = seconds_since(start);
  return calibration;
}

}  // namespace shoal
