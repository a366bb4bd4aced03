#include "engine/cuda/probe.hpp"

#include <optional>

#include "engine/cuda/supported.hpp"
#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cuda {
namespace {

ProbeTask task_of(const Topology& topology, Loss loss, std::size_t n_rows) {
  ProbeTask task;
  task.n_rows = static_cast<std::uint32_t>(n_rows);
  task.half_loss = loss == Loss::half_squared_error;
  task.act_1 = static_cast<Act>(topology.activation(0));
  task.act_2 = static_cast<Act>(topology.activation(1));
  return task;
}

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

MetricSums Probe::measure(const GangKey& key, const float* weights, std::uint32_t stride,
                          std::span<const std::uint32_t> rows) {
  const auto n_out = static_cast<std::size_t>(key.topology.n_outputs);
  ProbeTask task = task_of(key.topology, key.loss, rows.size());
  task.rows = table_->rows(key.fold);
  task.row = up(row_, rows);
  task.weights = weights;
  task.stride = stride;
  task.outputs = room(outputs_, rows.size() * n_out);
  task.row_loss = room(losses_, rows.size());
  launch_probe(shape_of(key.topology), task, stream_->get());
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
  ProbeTask task = task_of(trial.topology, trial.hyperparameters.loss, n_rows);
  task.rows.inputs = up(inputs_, inputs);
  task.weights = up(weights_, parameters);
  task.outputs = room(outputs_, n_outputs);
  launch_probe(shape_of(trial.topology), task, stream_->get());
  return down(outputs_, n_outputs);
}

Pass Probe::pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows) {
  std::size_t n_units = 0;
  for (std::size_t l = 0; l < trial.topology.n_layers(); ++l) {
    n_units += static_cast<std::size_t>(trial.topology.fan_out(l));
  }
  ProbeTask task = task_of(trial.topology, trial.hyperparameters.loss, rows.size());
  task.rows = table_->rows(trial.fold);
  task.row = up(row_, rows);
  task.weights = up(weights_, parameters);
  task.alpha = static_cast<float>(trial.hyperparameters.alpha);
  task.z = room(z_, rows.size() * n_units);
  task.a = room(a_, rows.size() * n_units);
  task.row_loss = room(losses_, rows.size());
  task.gradient = room(gradient_, parameters.size());
  launch_probe(shape_of(trial.topology), task, stream_->get());
  Pass pass;
  pass.z = by_layer(trial.topology, down(z_, rows.size() * n_units), rows.size(), n_units);
  pass.a = by_layer(trial.topology, down(a_, rows.size() * n_units), rows.size(), n_units);
  const std::vector<float> gradient = down(gradient_, parameters.size());
  pass.gradient.assign(gradient.begin(), gradient.end());
  const std::vector<float> losses = down(losses_, rows.size());
  math::Sum32 loss;
  math::Sum32 weight;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    loss.add(table_->row_weight(rows[r]) * static_cast<double>(losses[r]));
    weight.add(table_->row_weight(rows[r]));
  }
  pass.loss = loss.total() / weight.total();
  return pass;
}

}  // namespace shoal::cuda
