#include "engine/cuda/probe.hpp"

#include <algorithm>
#include <optional>

#include "engine/cuda/network_state.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {
namespace {

/// Blocks of a pass: enough to fill every GPU of today.
constexpr std::uint32_t kProbeBlocks = 1024;
/// Floats of all blocks' copies of a network that is too large for shared memory, but for one block's alone: 256 MiB.
constexpr std::size_t kProbeFloats = std::size_t{1} << 26;

/// Blocks that share the rows, of n_floats each.
std::uint32_t n_probe_blocks(std::size_t n_rows, std::size_t n_floats) {
  const std::size_t most = std::clamp<std::size_t>(kProbeFloats / n_floats, 1, kProbeBlocks);
  return std::min(n_tiles(static_cast<std::uint32_t>(n_rows)), static_cast<std::uint32_t>(most));
}

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

}  // namespace

Probe::Room Probe::room_for(std::span<const Gang> gangs) const {
  Room room;
  for (const Gang& gang : gangs) {
    const Topology& topology = gang.key.topology;
    const NetworkShape shape(topology, false, true);
    const std::size_t n_rows = table_->most_evaluated(gang.key.fold);
    const std::size_t n_floats = std::size_t{shape.value_floats} + shape.weight_floats;
    room.rows = std::max(room.rows, n_rows);
    room.outputs = std::max(room.outputs, n_rows * static_cast<std::size_t>(topology.n_outputs));
    room.layers = std::max(room.layers, shape.layers.size());
    room.weights = std::max<std::size_t>(room.weights, shape.n_parameters);
    if (!is_shared(n_floats)) room.memory = std::max(room.memory, n_probe_blocks(n_rows, n_floats) * n_floats);
  }
  return room;
}

std::uint64_t Probe::bytes(std::span<const Gang> gangs) const {
  const Room room = room_for(gangs);
  return room.rows * (sizeof(std::uint32_t) + sizeof(float)) + room.layers * sizeof(Layer) +
         (room.outputs + room.weights + room.memory) * sizeof(float);
}

void Probe::prepare(std::span<const Gang> gangs) {
  const Room room = room_for(gangs);
  row_.renew(room.rows);
  losses_.renew(room.rows);
  outputs_.renew(room.outputs);
  layers_.renew(room.layers);
  weights_.renew(room.weights);
  memory_.renew(room.memory);
}

void Probe::release() {
  row_ = {};
  losses_ = {};
  outputs_ = {};
  layers_ = {};
  weights_ = {};
  memory_ = {};
}

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

ProbeTask Probe::task_of(const Trial& trial, const NetworkShape& shape, std::span<const float> parameters,
                         std::size_t n_rows) {
  ProbeTask task;
  task.shape = shape.on_device(up(layers_, std::span<const Layer>(shape.layers)));
  task.loss = static_cast<LossKind>(trial.hyperparameters.loss);
  task.rules = rules_of(trial, false);
  task.n_rows = static_cast<std::uint32_t>(n_rows);
  task.n_units = shape.n_units;
  task.weights = up(weights_, parameters);
  return task;
}

/// Spreads the rows over blocks, `most_blocks` at most.
void Probe::run(ProbeTask& task, std::uint32_t most_blocks) {
  const std::size_t n_floats = probe_floats(task);
  const std::uint32_t n_blocks = std::min(n_probe_blocks(task.n_rows, n_floats), most_blocks);
  if (!is_shared(n_floats)) task.memory = room(memory_, n_blocks * n_floats);
  launch_probe(task, n_blocks, stream_->get());
}

MetricSums Probe::measure(const GangKey& key, const Hyperparameters& h, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) {
  const auto n_out = static_cast<std::size_t>(key.topology.n_outputs);
  Trial trial;
  trial.topology = key.topology;
  trial.hyperparameters = h;
  const NetworkShape shape(key.topology, false, true);
  ProbeTask task = task_of(trial, shape, parameters, rows.size());
  task.rows = table_->rows(key.fold);
  task.row = up(row_, rows);
  task.outputs = room(outputs_, rows.size() * n_out);
  task.row_loss = room(losses_, rows.size());
  run(task, kProbeBlocks);
  const std::vector<float> outputs = down(outputs_, rows.size() * n_out);
  const std::vector<float> losses = down(losses_, rows.size());
  MetricCollector collector(table_->dataset(), table_->split(key.fold), key.loss, std::nullopt);
  for (std::size_t r = 0; r < rows.size(); ++r) {
    collector.add(rows[r], losses[r], std::span(outputs).subspan(r * n_out, n_out));
  }
  return collector.sums();
}

std::vector<float> Probe::predict(const Trial& trial, std::span<const float> parameters,
                                  std::span<const float> inputs) {
  const std::size_t n_rows = inputs.size() / static_cast<std::size_t>(trial.topology.n_inputs);
  const std::size_t n_outputs = n_rows * static_cast<std::size_t>(trial.topology.n_outputs);
  const NetworkShape shape(trial.topology, false, true);
  ProbeTask task = task_of(trial, shape, parameters, n_rows);
  task.rows.inputs = up(inputs_, inputs);
  task.outputs = room(outputs_, n_outputs);
  run(task, kProbeBlocks);
  return down(outputs_, n_outputs);
}

Pass Probe::pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows) {
  const NetworkShape shape(trial.topology, false, true);
  const std::size_t n_values = rows.size() * shape.n_units;
  ProbeTask task = task_of(trial, shape, parameters, rows.size());
  task.rows = table_->rows(trial.fold);
  task.training = true;
  task.row = up(row_, rows);
  task.z = room(z_, n_values);
  task.a = room(a_, n_values);
  task.row_loss = room(losses_, rows.size());
  task.gradient = room(gradient_, parameters.size());
  run(task, 1);  // a gradient's sums run over all rows
  Pass pass;
  pass.z = by_layer(trial.topology, down(z_, n_values), rows.size(), shape.n_units);
  pass.a = by_layer(trial.topology, down(a_, n_values), rows.size(), shape.n_units);
  const std::vector<float> gradient = down(gradient_, parameters.size());
  pass.gradient.assign(gradient.begin(), gradient.end());
  const std::vector<float> losses = down(losses_, rows.size());
  pass.loss = mean_row_loss(table_->dataset(), trial, rows, losses);
  return pass;
}

}  // namespace shoal::cuda
