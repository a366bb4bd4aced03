#include "engine/cuda/probe.hpp"

#include <algorithm>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {
namespace {

/// Blocks of a launch: enough to fill every GPU of today, or one a network where there are more.
constexpr std::uint32_t kProbeBlocks = 1024;
/// Networks of a launch at most.
constexpr std::size_t kProbeTasks = std::size_t{1} << 14;
/// Kernels read the inputs of a row four at a time.
constexpr std::size_t kInputAlignment = 4;
/// Floats of all blocks' copies of networks that are too large for shared memory, but for one block's alone: 256 MiB.
constexpr std::size_t kProbeMemory = std::size_t{1} << 26;

bool is_shared(std::size_t n_floats) { return block_shared_bytes(n_floats) <= most_shared_bytes(); }

/// units: [row][units of all layers] -> a layer: [row][fan_out].
std::vector<std::vector<double>> by_layer(const Topology& topology, const std::vector<float>& units, std::size_t n_rows,
                                          std::size_t n_units) {
  std::vector<std::vector<double>> layers(topology.n_layers());
  std::size_t first = 0;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const auto n = static_cast<std::size_t>(topology.fan_out(l));
    for (std::size_t r = 0; r < n_rows; ++r) {
      const auto row = std::span(units).subspan(r * n_units + first, n);
      layers[l].insert(layers[l].end(), row.begin(), row.end());
    }
    first += n;
  }
  return layers;
}

template <class T>
const T* up(DeviceBuffer<T>& buffer, std::span<const T> from, const Stream& stream) {
  buffer.grow(from.size());
  buffer.upload(from, stream);
  return buffer.get();
}

}  // namespace

/// Of one network, a block alone.
Probe::Room Probe::room_of(const GangKey& key) const {
  const NetworkShape shape(key.topology, /*has_dropout=*/false, /*keeps_outputs=*/true);
  const std::size_t of_block = std::size_t{shape.value_floats} + shape.weight_floats;
  const std::size_t of_row = static_cast<std::size_t>(key.topology.n_outputs) + 1;
  return {.tasks = 1,
          .layers = shape.layers.size(),
          .floats = shape.n_parameters + table_->most_evaluated(key.fold) * of_row,
          .memory = is_shared(of_block) ? 0 : of_block};
}

Probe::Room Probe::room_for(std::span<const Gang> gangs) const {
  Room all, largest;
  std::map<Topology, std::size_t> layers;
  std::size_t most_rows = 0;
  for (const Gang& gang : gangs) {
    const Room one = room_of(gang.key);
    layers[gang.key.topology] = one.layers;
    all.tasks += gang.n_slots;
    all.floats += gang.n_slots * one.floats;
    all.memory += gang.n_slots * one.memory;
    largest.floats = std::max(largest.floats, one.floats);
    largest.memory = std::max(largest.memory, one.memory);
    most_rows = std::max(most_rows, table_->most_evaluated(gang.key.fold));
  }
  all.memory *= n_tiles(static_cast<std::uint32_t>(most_rows));
  const auto add = [](std::size_t sum, const auto& of_topology) { return sum + of_topology.second; };
  return {.tasks = std::min(all.tasks, kProbeTasks),
          .layers = std::accumulate(layers.begin(), layers.end(), std::size_t{0}, add),
          .floats = std::min(all.floats, std::max(most_floats_, largest.floats)),
          .memory = std::min(all.memory, std::max(kProbeMemory, largest.memory))};
}

std::uint64_t Probe::bytes(std::span<const Gang> gangs) const {
  const Room room = room_for(gangs);
  return room.tasks * sizeof(ProbeTask) + room.layers * sizeof(Layer) + (room.floats + room.memory) * sizeof(float);
}

void Probe::prepare(std::span<const Gang> gangs) {
  const Room room = room_for(gangs);
  tasks_.renew(room.tasks);
  layers_.renew(room.layers);
  floats_.renew(room.floats);
  memory_.renew(room.memory);
}

void Probe::release() {
  tasks_ = {};
  row_ = {};
  layers_ = {};
  floats_ = {};
  memory_ = {};
}

float* Probe::take(std::size_t n) { return floats_.get() + std::exchange(n_taken_, n_taken_ + n); }

std::vector<float> Probe::down(const float* from, std::size_t n) const {
  std::vector<float> host(n);
  copy_to_host(std::span(host), from, *stream_);
  stream_->wait();
  return host;
}

std::size_t Probe::n_in_launch(std::span<const ProbedNetwork> networks) const {
  Room taken;
  std::size_t n = 0;
  for (; n < std::min(networks.size(), tasks_.size()); ++n) {
    const Room one = room_of(networks[n].key);
    taken.floats += one.floats;
    taken.memory += one.memory;
    if (taken.floats > floats_.size() || taken.memory > memory_.size()) break;
  }
  return n;
}

/// Takes their parameters' room first of all.
Probe::Batch Probe::up_networks(std::span<const ProbedNetwork> networks) {
  Batch batch;
  std::map<const NetworkShape*, std::size_t> first_layer;
  for (const ProbedNetwork& network : networks) {
    const auto [found, is_new] =
        batch.shapes.try_emplace(network.key.topology, network.key.topology, /*has_dropout=*/false,
                                 /*keeps_outputs=*/true);
    if (is_new) {
      first_layer[&found->second] = batch.layers.size();
      batch.layers.insert(batch.layers.end(), found->second.layers.begin(), found->second.layers.end());
    }
    batch.weights.insert(batch.weights.end(), network.parameters.begin(), network.parameters.end());
  }
  const Layer* const layers = up(layers_, std::span<const Layer>(batch.layers), *stream_);
  n_taken_ = 0;
  float* const first_weight = take(batch.weights.size());
  copy_to_device(first_weight, std::span<const float>(batch.weights), *stream_);
  const float* weights = first_weight;
  for (const ProbedNetwork& network : networks) {
    const NetworkShape& shape = batch.shapes.at(network.key.topology);
    Trial trial;  // what rules_of reads of one
    trial.topology = network.key.topology;
    trial.hyperparameters = network.hyperparameters;
    ProbeTask task;
    task.shape = shape.on_device(layers + first_layer.at(&shape));
    task.loss = static_cast<LossKind>(network.hyperparameters.loss);
    task.rules = rules_of(trial, false);
    task.n_units = shape.n_units;
    task.weights = std::exchange(weights, weights + network.parameters.size());
    batch.tasks.push_back(task);
  }
  return batch;
}

/// Spreads the rows of each task over blocks, `most_blocks` in all, or one a task.
void Probe::run(std::vector<ProbeTask>& tasks, std::uint32_t most_blocks) {
  const auto n_tasks = static_cast<std::uint32_t>(tasks.size());
  const auto begin_elsewhere =
      std::partition(tasks.begin(), tasks.end(), [](const ProbeTask& task) { return is_shared(probe_floats(task)); });
  const auto n_shared = static_cast<std::uint32_t>(begin_elsewhere - tasks.begin());
  const std::span<ProbeTask> elsewhere = std::span(tasks).subspan(n_shared);
  std::uint32_t most_tiles = 0;
  for (const ProbeTask& task : tasks) most_tiles = std::max(most_tiles, n_tiles(task.n_rows));
  std::size_t shared_floats = 0;
  for (const ProbeTask& task : std::span(tasks).first(n_shared)) {
    shared_floats = std::max(shared_floats, probe_floats(task));
  }
  const std::uint32_t n_blocks = std::min(most_tiles, std::max(most_blocks / n_tasks, 1U));
  std::size_t of_blocks = 0;  // one of each network elsewhere
  for (const ProbeTask& task : elsewhere) of_blocks += probe_floats(task);
  memory_.grow(std::min(n_blocks * of_blocks, std::max(kProbeMemory, of_blocks)));
  const auto n_fit = static_cast<std::uint32_t>(of_blocks == 0 ? 0 : memory_.size() / of_blocks);
  const std::uint32_t n_elsewhere = std::min(n_blocks, n_fit);
  float* memory = memory_.get();
  for (ProbeTask& task : elsewhere) task.memory = std::exchange(memory, memory + n_elsewhere * probe_floats(task));
  const ProbeTask* const first = up(tasks_, std::span<const ProbeTask>(tasks), *stream_);
  launch_probe(first, n_shared, n_blocks, true, block_shared_bytes(shared_floats), stream_->get());
  launch_probe(first + n_shared, n_tasks - n_shared, n_elsewhere, false, block_shared_bytes(0), stream_->get());
}

void Probe::measure_batch(std::span<const ProbedNetwork> networks, RowSet set, std::vector<MetricSums>& sums) {
  Batch batch = up_networks(networks);
  const std::size_t first_result = n_taken_;
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const GangKey& key = networks[i].key;
    const auto [rows, list] = table_->evaluated(set, key.fold);
    ProbeTask& task = batch.tasks[i];
    task.rows = table_->rows(key.fold);
    task.row = list;
    task.n_rows = static_cast<std::uint32_t>(rows.size());
    task.row_loss = take(rows.size());
    task.outputs = take(rows.size() * static_cast<std::size_t>(key.topology.n_outputs));
  }
  run(batch.tasks, kProbeBlocks);
  const std::vector<float> results = down(floats_.get() + first_result, n_taken_ - first_result);
  const float* next = results.data();
  for (const ProbedNetwork& network : networks) {
    const auto n_out = static_cast<std::size_t>(network.key.topology.n_outputs);
    const std::span<const std::uint32_t> rows = table_->evaluated(set, network.key.fold).rows;
    MetricCollector collector(table_->dataset(), table_->split(network.key.fold), network.key.loss, std::nullopt);
    const float* loss = std::exchange(next, next + rows.size());
    for (const std::uint32_t row : rows) collector.add(row, *loss++, {std::exchange(next, next + n_out), n_out});
    sums.push_back(collector.sums());
  }
}

std::vector<MetricSums> Probe::measure(std::span<const ProbedNetwork> networks, RowSet set) {
  std::vector<MetricSums> sums;
  while (!networks.empty()) {
    const std::size_t n = n_in_launch(networks);
    measure_batch(networks.first(n), set, sums);
    networks = networks.subspan(n);
  }
  return sums;
}

std::vector<float> Probe::predict(const Trial& trial, std::span<const float> parameters,
                                  std::span<const float> inputs) {
  const std::size_t n_rows = inputs.size() / static_cast<std::size_t>(trial.topology.n_inputs);
  const std::size_t n_outputs = n_rows * static_cast<std::size_t>(trial.topology.n_outputs);
  const ProbedNetwork network{gang_key(trial), trial.hyperparameters, {parameters.begin(), parameters.end()}};
  floats_.grow(parameters.size() + kInputAlignment - 1 + inputs.size() + n_outputs);
  Batch batch = up_networks({&network, 1});
  ProbeTask& task = batch.tasks.front();
  n_taken_ = (n_taken_ + kInputAlignment - 1) / kInputAlignment * kInputAlignment;
  float* const device_inputs = take(inputs.size());
  copy_to_device(device_inputs, inputs, *stream_);
  task.n_rows = static_cast<std::uint32_t>(n_rows);
  task.rows.inputs = device_inputs;
  task.outputs = take(n_outputs);
  run(batch.tasks, kProbeBlocks);
  return down(task.outputs, n_outputs);
}

Pass Probe::pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows) {
  const ProbedNetwork network{gang_key(trial), trial.hyperparameters, {parameters.begin(), parameters.end()}};
  const std::size_t n_units = NetworkShape(trial.topology, false, true).n_units;
  const std::size_t n_values = rows.size() * n_units;
  floats_.grow(2 * parameters.size() + rows.size() + 2 * n_values);
  Batch batch = up_networks({&network, 1});
  ProbeTask& task = batch.tasks.front();
  task.n_rows = static_cast<std::uint32_t>(rows.size());
  task.rows = table_->rows(trial.fold);
  task.training = true;
  task.row = up(row_, rows, *stream_);
  task.z = take(n_values);
  task.a = take(n_values);
  task.row_loss = take(rows.size());
  task.gradient = take(parameters.size());
  run(batch.tasks, 1);  // a gradient's sums run over all rows
  Pass pass;
  pass.z = by_layer(trial.topology, down(task.z, n_values), rows.size(), n_units);
  pass.a = by_layer(trial.topology, down(task.a, n_values), rows.size(), n_units);
  const std::vector<float> gradient = down(task.gradient, parameters.size());
  pass.gradient.assign(gradient.begin(), gradient.end());
  const std::vector<float> losses = down(task.row_loss, rows.size());
  pass.loss = mean_row_loss(table_->dataset(), trial, rows, losses);
  return pass;
}

}  // namespace shoal::cuda
