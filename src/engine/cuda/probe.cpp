#include "engine/cuda/probe.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {
namespace {

/// Blocks of a launch: enough to fill every GPU of today, or one a network where there are more.
constexpr std::uint32_t kProbeBlocks = 1024;

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

}  // namespace

template <class T>
const T* Probe::up(DeviceBuffer<T>& buffer, std::span<const T> from) const {
  buffer.grow(from.size());
  buffer.upload(from, *stream_);
  return buffer.get();
}

float* Probe::room(DeviceBuffer<float>& buffer, std::size_t n) const {
  buffer.grow(n);
  return buffer.get();
}

std::vector<float> Probe::down(const DeviceBuffer<float>& buffer, std::size_t n) const {
  std::vector<float> host(n);
  buffer.download(host, *stream_);
  stream_->wait();
  return host;
}

const std::vector<std::uint32_t>& Probe::rows_of(const ProbedNetwork& network, RowSet set) const {
  return set == RowSet::test ? table_->dataset().test : table_->split(network.key.fold).validation;
}

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
  const Layer* const layers = up(layers_, std::span<const Layer>(batch.layers));
  const float* weights = up(weights_, std::span<const float>(batch.weights));
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
  const auto is_shared = [](const ProbeTask& task) {
    return block_shared_bytes(probe_floats(task)) <= most_shared_bytes();
  };
  const auto n_tasks = static_cast<std::uint32_t>(tasks.size());
  const auto n_shared =
      static_cast<std::uint32_t>(std::partition(tasks.begin(), tasks.end(), is_shared) - tasks.begin());
  const std::span<const ProbeTask> shared = std::span(tasks).first(n_shared);
  const std::span<ProbeTask> elsewhere = std::span(tasks).subspan(n_shared);
  std::uint32_t most_tiles = 0;
  for (const ProbeTask& task : tasks) most_tiles = std::max(most_tiles, n_tiles(task.n_rows));
  const std::uint32_t n_blocks = std::min(most_tiles, std::max(most_blocks / n_tasks, 1U));
  std::size_t shared_floats = 0;
  for (const ProbeTask& task : shared) shared_floats = std::max(shared_floats, probe_floats(task));
  std::size_t n_floats = 0;
  for (const ProbeTask& task : elsewhere) n_floats += n_blocks * probe_floats(task);
  float* memory = room(memory_, n_floats);
  for (ProbeTask& task : elsewhere) task.memory = std::exchange(memory, memory + n_blocks * probe_floats(task));
  const ProbeTask* const first = up(tasks_, std::span<const ProbeTask>(tasks));
  launch_probe(first, n_shared, n_blocks, true, block_shared_bytes(shared_floats), stream_->get());
  launch_probe(first + n_shared, n_tasks - n_shared, n_blocks, false, block_shared_bytes(0), stream_->get());
}

void Probe::measure_batch(std::span<const ProbedNetwork> networks, RowSet set, std::vector<MetricSums>& sums) {
  std::vector<std::size_t> first_output{0}, first_loss{0};
  for (const ProbedNetwork& network : networks) {
    const std::size_t n_rows = rows_of(network, set).size();
    first_output.push_back(first_output.back() + n_rows * static_cast<std::size_t>(network.key.topology.n_outputs));
    first_loss.push_back(first_loss.back() + n_rows);
  }
  float* const to_outputs = room(outputs_, first_output.back());
  float* const to_losses = room(losses_, first_loss.back());
  Batch batch = up_networks(networks);
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const std::uint32_t fold = networks[i].key.fold;
    ProbeTask& task = batch.tasks[i];
    task.rows = table_->rows(fold);
    task.row = set == RowSet::test ? row_.get() : table_->fold(fold).validation.get();
    task.n_rows = static_cast<std::uint32_t>(first_loss[i + 1] - first_loss[i]);
    task.outputs = to_outputs + first_output[i];
    task.row_loss = to_losses + first_loss[i];
  }
  run(batch.tasks, kProbeBlocks);
  const std::vector<float> outputs = down(outputs_, first_output.back());
  const std::vector<float> losses = down(losses_, first_loss.back());
  for (std::size_t i = 0; i < networks.size(); ++i) {
    const GangKey& key = networks[i].key;
    const auto n_out = static_cast<std::size_t>(key.topology.n_outputs);
    MetricCollector collector(table_->dataset(), table_->split(key.fold), key.loss, std::nullopt);
    const float* loss = losses.data() + first_loss[i];
    const float* output = outputs.data() + first_output[i];
    for (const std::uint32_t row : rows_of(networks[i], set)) {
      collector.add(row, *loss++, std::span(output, n_out));
      output += n_out;
    }
    sums.push_back(collector.sums());
  }
}

std::vector<MetricSums> Probe::measure(std::span<const ProbedNetwork> networks, RowSet set) {
  if (set == RowSet::test) up(row_, std::span<const std::uint32_t>(table_->dataset().test));
  const auto n_floats = [&](const ProbedNetwork& network) {
    const auto n_out = static_cast<std::size_t>(network.key.topology.n_outputs);
    return rows_of(network, set).size() * (n_out + 1) + network.parameters.size();
  };
  std::vector<MetricSums> sums;
  while (!networks.empty()) {
    std::size_t n = 1;
    for (std::size_t sum = n_floats(networks[0]); n < networks.size(); ++n) {
      sum += n_floats(networks[n]);
      if (sum > most_floats_) break;
    }
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
  Batch batch = up_networks({&network, 1});
  ProbeTask& task = batch.tasks.front();
  task.n_rows = static_cast<std::uint32_t>(n_rows);
  task.rows.inputs = up(inputs_, inputs);
  task.outputs = room(outputs_, n_outputs);
  run(batch.tasks, kProbeBlocks);
  return down(outputs_, n_outputs);
}

Pass Probe::pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows) {
  const ProbedNetwork network{gang_key(trial), trial.hyperparameters, {parameters.begin(), parameters.end()}};
  Batch batch = up_networks({&network, 1});
  ProbeTask& task = batch.tasks.front();
  const std::size_t n_units = task.n_units;
  const std::size_t n_values = rows.size() * n_units;
  task.n_rows = static_cast<std::uint32_t>(rows.size());
  task.rows = table_->rows(trial.fold);
  task.training = true;
  task.row = up(row_, rows);
  task.z = room(z_, n_values);
  task.a = room(a_, n_values);
  task.row_loss = room(losses_, rows.size());
  task.gradient = room(gradient_, parameters.size());
  run(batch.tasks, 1);  // a gradient's sums run over all rows
  Pass pass;
  pass.z = by_layer(trial.topology, down(z_, n_values), rows.size(), n_units);
  pass.a = by_layer(trial.topology, down(a_, n_values), rows.size(), n_units);
  const std::vector<float> gradient = down(gradient_, parameters.size());
  pass.gradient.assign(gradient.begin(), gradient.end());
  const std::vector<float> losses = down(losses_, rows.size());
  pass.loss = mean_row_loss(table_->dataset(), trial, rows, losses);
  return pass;
}

}  // namespace shoal::cuda
