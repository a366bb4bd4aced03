#include "bench/workload.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <utility>

#include "shoal/error.hpp"
#include "spec/nearest.hpp"

namespace shoal::bench {
namespace {

/// 10-h-2 for h = 1 to 100, three activations in turn.
std::vector<Kind> widths() {
  std::vector<Kind> kinds;
  for (std::int32_t i = 0; i < 300; ++i) {
    constexpr Activation kActivations[]{Activation::sigmoid, Activation::tanh, Activation::relu};
    kinds.push_back({{i % 100 + 1}, kActivations[i % 3]});
  }
  return kinds;
}

/// Splitmix64 (Steele, Lea & Flood 2014).
std::uint64_t mixed(std::uint64_t x) {
  x += 0x9E3779B97F4A7C15ULL;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9ULL;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBULL;
  return x ^ (x >> 31);
}

/// Number `i` of a fixed sequence, binomial over 64 coins: mean 0, variance 1, nearly normal, exact on every machine.
float nearly_normal(std::uint64_t i) { return static_cast<float>(std::popcount(mixed(i)) - 32) * 0.25F; }

void add_sine(Dataset& data) {
  data.preprocessing.task = Task::regression;
  data.preprocessing.target_names = {"y"};
  const double step = 6.0 / std::max(1.0, static_cast<double>(data.n_rows) - 1);
  for (std::size_t i = 0; i < data.n_rows; ++i) {
    const double x = -3.0 + step * static_cast<double>(i);
    data.inputs.push_back(static_cast<float>(x));
    data.targets.push_back(static_cast<float>(std::sin(x)));
  }
}

void add_classes(Dataset& data, std::size_t n_inputs, std::size_t n_classes) {
  data.preprocessing.task = Task::classification;
  for (std::size_t k = 0; k < n_classes; ++k) data.preprocessing.classes.push_back(std::to_string(k));
  std::vector<float> map(n_classes * n_inputs);
  for (std::size_t i = 0; i < map.size(); ++i) map[i] = nearly_normal(~i);
  data.inputs.resize(data.n_rows * n_inputs);
  for (std::size_t i = 0; i < data.inputs.size(); ++i) data.inputs[i] = nearly_normal(i);
  std::vector<float> scores(n_classes);
  for (std::size_t row = 0; row < data.n_rows; ++row) {
    const std::span<const float> x = data.row(row);
    for (std::size_t k = 0; k < n_classes; ++k) {
      scores[k] = std::inner_product(x.begin(), x.end(), map.begin() + static_cast<std::ptrdiff_t>(k * n_inputs), 0.0F);
    }
    data.labels.push_back(static_cast<std::int32_t>(std::ranges::max_element(scores) - scores.begin()));
  }
}

Topology topology(const Workload& workload, const Kind& kind) {
  return {workload.n_inputs, kind.hidden_layer_sizes, std::vector(kind.hidden_layer_sizes.size(), kind.activation),
          workload.n_outputs};
}

/// Adds a network's work, `share` times.
void add_work(const Topology& topology, Loss loss, double share, BenchWork& work) {
  double multiply_adds = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    multiply_adds += (l == 0 ? 2.0 : 3.0) * topology.fan_in(l) * topology.fan_out(l);
    work.bias_additions += share * 2 * topology.fan_out(l);
    const Activation activation = topology.activation(l);
    if (activation == Activation::identity) continue;
    auto found = std::ranges::find(work.activations, activation, &std::pair<Activation, double>::first);
    if (found == work.activations.end()) found = work.activations.insert(found, {activation, 0.0});
    found->second += share * topology.fan_out(l);
    if (activation != Activation::relu) work.exponentials += share * topology.fan_out(l);
  }
  work.flops += share * 2 * multiply_adds;
  if (loss == Loss::cross_entropy) work.exponentials += share * topology.n_outputs;
  work.updates += share * static_cast<double>(topology.n_parameters());
}

}  // namespace

const std::vector<Workload>& workloads() {
  using enum Loss;
  using enum Solver;
  static const std::vector<Workload> all{
      {"seed", 1, 1, {{{2, 2}}}, squared_error, sgd, 32, {100'000, 1024, 25}, {1'000'000, 1024, 1}, 1e-3, 0.1, 2000},
      {"deep",
       8,
       4,
       {{{16, 16, 16, 16, 16, 16}, Activation::tanh}},
       cross_entropy,
       adam,
       32,
       {512, 10000, 1},
       {16384, 10000, 1},
       1e-4,
       1e-2,
       64},
      {"widths", 10, 2, widths(), cross_entropy, sgd, 32, {10000, 5000, 1}, {10000, 10000, 1}, 0.02, 0.2, 300},
      {"letters", 16, 26, {{{64, 64}}}, cross_entropy, sgd, 64, {512, 20000, 1}, {4096, 20000, 1}, 0.02, 0.2, 64},
      {"fashion", 784, 10, {{{512, 512}}}, cross_entropy, sgd, 8192, {1, 16384, 1}, {1, 60000, 3}, 0.1, 0.1, 1},
  };
  return all;
}

const Workload& workload_named(std::string_view name) {
  std::vector<std::string_view> known;
  for (const Workload& workload : workloads()) {
    if (workload.name == name) return workload;
    known.push_back(workload.name);
  }
  throw InputError(Diagnostic{"", 0, "workload", "there is no '" + std::string(name) + "'" + suggestion(name, known)});
}

Trial trial(const Workload& workload, std::uint32_t number) {
  Trial trial;
  trial.topology = topology(workload, workload.kinds[number % workload.kinds.size()]);
  trial.seed = number;
  Hyperparameters& h = trial.hyperparameters;
  h.loss = workload.loss;
  h.solver = workload.solver;
  h.momentum = 0;
  h.alpha = 0;
  h.batch_size = workload.batch_size;
  h.max_iter = static_cast<std::int32_t>(workload.size.n_epochs);
  // The golden ratio's multiples: spread evenly whatever the number of networks.
  const double position = std::fmod(0.6180339887498949 * (number + 1.0), 1.0);
  h.learning_rate_init = workload.lowest_rate * std::pow(workload.highest_rate / workload.lowest_rate, position);
  return trial;
}

Dataset table(const Workload& workload) {
  Dataset data;
  data.n_rows = workload.size.n_rows;
  data.preprocessing.n_inputs = workload.n_inputs;
  const auto n_inputs = static_cast<std::size_t>(workload.n_inputs);
  const auto n_targets = static_cast<std::size_t>(workload.n_outputs);
  if (workload.loss == Loss::squared_error) {
    add_sine(data);
  } else {
    add_classes(data, n_inputs, n_targets);
  }
  Split split;
  split.training.resize(data.n_rows);
  std::iota(split.training.begin(), split.training.end(), 0U);
  split.inputs = {std::vector(n_inputs, 0.0F), std::vector(n_inputs, 1.0F), std::vector(n_inputs, 0.0F)};
  split.targets = {std::vector(n_targets, 0.0F), std::vector(n_targets, 1.0F), std::vector(n_targets, 1.0)};
  data.splits.push_back(std::move(split));
  return data;
}

BenchWork work(const Workload& workload) {
  const std::uint32_t n_kinds = static_cast<std::uint32_t>(workload.kinds.size());
  BenchWork mean;
  for (std::uint32_t k = 0; k < n_kinds && k < workload.size.n_networks; ++k) {
    const std::uint32_t members = (workload.size.n_networks + n_kinds - 1 - k) / n_kinds;
    add_work(topology(workload, workload.kinds[k]), workload.loss, 1.0 * members / workload.size.n_networks, mean);
  }
  return mean;
}

}  // namespace shoal::bench
