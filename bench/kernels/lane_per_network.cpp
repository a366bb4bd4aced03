// Networks of given shapes on one core, a lane each and a core each: network-samples a second and the share of the
// core's multiply-add peak, training by plain sgd in minibatches of 32, epochs of 1024 rows. Probe and kernels take
// turns, so that they meet the same company on a shared machine. Their parameters are compared first.
//   bench_lanes 1-2-2-1 10-8-2
#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <numeric>
#include <regex>
#include <string>
#include <vector>

#include "bench/fma_probe.hpp"
#include "engine/cpu/core_network.hpp"
#include "engine/cpu/lane_gang.hpp"

namespace {

using namespace shoal;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kRows = 1024;
constexpr int kRounds = 201;
constexpr double kRoundSeconds = 5e-4;

Topology parsed(const std::string& text) {
  std::vector<std::int32_t> sizes;
  for (const char* at = text.c_str(); *at != '\0'; at += *at == '-' ? 1 : 0) {
    char* end = nullptr;
    sizes.push_back(static_cast<std::int32_t>(std::strtol(at, &end, 10)));
    at = end;
  }
  Topology topology{sizes.front(), {sizes.begin() + 1, sizes.end() - 1}, {}, sizes.back()};
  topology.activations.assign(topology.hidden_layer_sizes.size(), Activation::relu);
  return topology;
}

Dataset table(const Topology& topology) {
  Dataset data;
  data.n_rows = kRows;
  data.preprocessing.task = Task::regression;
  data.preprocessing.n_inputs = topology.n_inputs;
  data.preprocessing.target_names.resize(static_cast<std::size_t>(topology.n_outputs));
  const auto n_inputs = static_cast<std::size_t>(topology.n_inputs);
  const auto n_targets = static_cast<std::size_t>(topology.n_outputs);
  for (std::size_t i = 0; i < kRows * n_inputs; ++i) data.inputs.push_back(std::sin(static_cast<float>(i)));
  for (std::size_t i = 0; i < kRows * n_targets; ++i) data.targets.push_back(std::cos(static_cast<float>(i)));
  Split& split = data.splits.emplace_back();
  split.training.resize(kRows);
  std::iota(split.training.begin(), split.training.end(), 0U);
  split.inputs = {std::vector(n_inputs, 0.0F), std::vector(n_inputs, 1.0F), std::vector(n_inputs, 0.0F)};
  split.targets = {std::vector(n_targets, 0.0F), std::vector(n_targets, 1.0F), std::vector(n_targets, 1.0)};
  return data;
}

Trial trial(const Topology& topology, std::uint64_t seed) {
  Trial trial;
  trial.topology = topology;
  trial.seed = seed;
  Hyperparameters& h = trial.hyperparameters;
  h.solver = Solver::sgd;
  h.learning_rate_init = 1e-3;
  h.momentum = h.alpha = 0;
  h.batch_size = 32;
  h.shuffle = Shuffle::none;  // an order costs as much as some epochs of tiny networks; later gangs find it
  h.max_iter = 1'000'000'000;
  return trial;
}

/// Multiply-adds of a row: forwards, of the gradient, and backwards through all layers but the first.
double multiply_adds(const Topology& topology) {
  double sum = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    sum += (l == 0 ? 2.0 : 3.0) * topology.fan_in(l) * topology.fan_out(l);
  }
  return sum;
}

/// Networks of one shape on lanes and one of them on a core.
class Candidates {
 public:
  explicit Candidates(const Topology& topology)
      : data_(table(topology)),
        shared_{&data_, {.metric = Metric::train_loss}, {}},
        gang_{gang_key(trial(topology, 0)), 0, static_cast<std::uint32_t>(kernels().n_lanes)},
        core_(std::make_shared<const cpu::NetworkLayout>(topology), gang_),
        lanes_(std::make_shared<const cpu::LaneLayout>(topology), gang_, slots(), kernels()),
        minibatch_(data_, cpu::kernels()),
        worker_(cpu::kernels(), kernels()) {
    tables_.prepare(data_, std::span(&gang_.key, 1));
    core_.place(shared_, trial(topology, 0), initial_state(trial(topology, 0)));
    for (Slot slot = 0; slot < gang_.n_slots; ++slot) {
      targets_.push_back({slot, 0});
      lanes_.place(shared_, slot, trial(topology, slot), initial_state(trial(topology, slot)));
    }
  }
  [[nodiscard]] std::vector<Slot> slots() const {
    std::vector<Slot> all(gang_.n_slots);
    std::iota(all.begin(), all.end(), Slot{0});
    return all;
  }
  [[nodiscard]] static const cpu::LaneKernels& kernels() { return cpu::all_lane_kernels().front(); }

  void train_core() {
    records_.clear();
    core_.train(shared_, {0, ++core_epoch_}, minibatch_, {}, records_);
  }
  void train_lanes() {
    records_.clear();
    for (TrainTarget& target : targets_) ++target.epoch;
    lanes_.train(shared_, tables_, targets_, worker_, {}, records_);
  }
  [[nodiscard]] bool agree() {
    train_core();
    train_lanes();
    return core_.read().parameters == lanes_.read(0).parameters;
  }

 private:
  Dataset data_;
  cpu::Shared shared_;
  Gang gang_;
  cpu::CoreNetwork core_;
  cpu::LaneGang lanes_;
  cpu::LaneTables tables_;
  cpu::Minibatch minibatch_;
  cpu::LaneWorker worker_;
  std::vector<TrainTarget> targets_;
  std::vector<EpochRecord> records_;
  std::uint32_t core_epoch_ = 0;
};

/// Calls a second in a round.
template <class Work>
double rate(Work work) {
  const auto start = Clock::now();
  double n = 0;
  double seconds = 0;
  while (seconds < kRoundSeconds) {
    work();
    ++n;
    seconds = std::chrono::duration<double>(Clock::now() - start).count();
  }
  return n / seconds;
}

/// What nine rounds of ten stay below: those that others did not disturb.
double undisturbed(std::vector<double> rates) {
  std::ranges::sort(rates);
  return rates[rates.size() * 9 / 10];
}

nlohmann::ordered_json measure(const std::string& text) {
  const Topology topology = parsed(text);
  Candidates candidates(topology);
  if (!candidates.agree()) return {{"network", text}, {"ok", false}};
  const bench::FmaProbe& probe = bench::fma_probes().front();
  std::vector<double> lanes, cores, peaks;
  for (int round = 0; round < kRounds; ++round) {
    peaks.push_back(rate([&] { probe.run(0.5F, 0.25F); }) * probe.flops);
    lanes.push_back(rate([&] { candidates.train_lanes(); }));
    cores.push_back(rate([&] { candidates.train_core(); }));
  }
  const double peak = undisturbed(peaks);
  const double flops = 2 * multiply_adds(topology);
  const double on_lanes = undisturbed(lanes) * kRows * static_cast<double>(Candidates::kernels().n_lanes);
  const double on_core = undisturbed(cores) * kRows;
  return {{"network", text},
          {"ok", true},
          {"target", Candidates::kernels().target},
          {"flops_a_sample", flops},
          {"peak_gflop_per_s", peak / 1e9},
          {"lanes", {{"network_samples_per_s", on_lanes}, {"share_of_peak", on_lanes * flops / peak}}},
          {"core", {{"network_samples_per_s", on_core}, {"share_of_peak", on_core * flops / peak}}},
          {"lanes_over_core", on_lanes / on_core}};
}

}  // namespace

int main(int n_arguments, char** arguments) {
  CLI::App app{"Networks of given shapes on one core, a lane each and a core each"};
  std::vector<std::string> shapes;
  const std::regex sizes("[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})+");
  app.add_option("shapes", shapes, "sizes of their layers, such as 1-2-2-1")
      ->required()
      ->check([&](const std::string& text) {
        return std::regex_match(text, sizes) ? "" : text + " is not sizes of layers, such as 1-2-2-1";
      });
  CLI11_PARSE(app, n_arguments, arguments);

  bool ok = true;
  nlohmann::ordered_json results = nlohmann::ordered_json::array();
  for (const std::string& shape : shapes) {
    results.push_back(measure(shape));
    ok = ok && results.back()["ok"];
  }
  std::puts(results.dump(1).c_str());
  return ok ? 0 : 1;
}
