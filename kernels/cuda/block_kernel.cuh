#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/accuracy.cuh"
#include "kernels/cuda/block_step.cuh"
#include "kernels/cuda/minibatch.cuh"
#include "kernels/cuda/tensor_minibatch.cuh"

/// block_per_network: what a block does. nvcc compiles it for any shape, NVRTC at run time for one whose numbers are
/// constants (src/engine/cuda/kernel_builder.hpp).
namespace shoal::cuda {

/// Adds the tile's weighted row losses; position: of the tile's first row in the sum.
SHOAL_DEVICE void add_losses(const Tile& tile, std::uint32_t position, double* losses, double* weights) {
  each(tile.n_rows, [&](std::uint32_t r) {
    const std::uint32_t k = (position + r) % math::kPartials;
    const auto weight = static_cast<double>(tile.memory->weight[r]);
    losses[k] += weight * static_cast<double>(tile.memory->loss[r]);
    if (weights != nullptr) weights[k] += weight;
  });
}

/// The training rows in the order that the host wrote, or in the network's own. One code for all, for all that it is
/// inlined into.
template <class AnyTile>
SHOAL_DEVICE std::uint32_t row_at(const BlockNetwork<AnyTile>& net, std::uint32_t e, std::uint32_t position) {
  const TrainTask& task = *net.task;
  if (task.order != nullptr) return task.order[static_cast<std::size_t>(e) * task.n_training + position];
  const BlockMemory& memory = *net.tile.memory;
  return task
      .training[task.n_training < math::kSmallestFeistel ? memory.few_rows[position] : memory.permutation(position)];
}

/// Rows [first, first + n) of epoch e of the launch.
template <class AnyTile>
SHOAL_DEVICE void train_minibatch(BlockNetwork<AnyTile>& net, std::uint32_t e, float rate, std::uint32_t first,
                                  std::uint32_t n) {
  const TrainTask& task = *net.task;
  BlockMemory& memory = *net.tile.memory;
  const bool drops = net.rules.dropout > 0.0;
  if (drops && thread() == 0) memory.dropout = math::Dropout(net.rules.dropout, net.rules.seed, net.state.step);
  for (std::uint32_t start = 0; start < n; start += kTileRows) {
    const std::uint32_t n_rows = n - start < kTileRows ? n - start : kTileRows;
    stage(
        task.rows, net.shape, net.tile, n_rows, [&](std::uint32_t r) { return row_at(net, e, first + start + r); },
        [&](std::uint32_t row) { return training_weight(task.rows, net.rules, row); });
    forward(net.shape, net.tile, drops ? &memory.dropout : nullptr, start);
    output(task.rows, net.shape, task.loss, net.rules, true, net.tile);
    add_losses(net.tile, first + start, memory.train_loss, memory.train_weight);
    if (start == 0 && thread() == 0) begin_step(net.rules, net.state);  // nobody reads it until step()
    if (thread() == 0 && is_weighted(task.rows, net.rules)) {
      for (std::uint32_t r = 0; r < n_rows; ++r) memory.weight_sum += memory.weight[r];
    }
    backward(net.shape, net.tile, drops, start == 0);
  }
  const float weight_sum = memory.weight_sum;
  step(net, rate, inverse_weight(is_weighted(task.rows, net.rules), weight_sum, n));
  if (thread() == 0) memory.weight_sum = 0.0F;
}

SHOAL_DEVICE void clear_sums(BlockMemory& memory) {
  each(math::kPartials, [&](std::uint32_t k) {
    memory.train_loss[k] = 0.0;
    memory.train_weight[k] = 0.0;
    memory.val_loss[k] = 0.0;
  });
  each(kTileRows, [&](std::uint32_t r) { memory.n_right[r] = 0; });
  if (thread() == 0) {
    memory.weight_sum = 0.0F;
    memory.n_broken = 0;
  }
  barrier();
}

template <class AnyTile>
SHOAL_DEVICE void train_epoch(BlockNetwork<AnyTile>& net, std::uint32_t e) {
  const TrainTask& task = *net.task;
  BlockMemory& memory = *net.tile.memory;
  const std::uint32_t epoch = task.first_epoch + e;
  const float rate = epoch_rate(net.rules.epoch, net.state,
                                task.rates + static_cast<std::size_t>(e) * task.n_networks + task.first_network);
  if (thread() == 0 && task.order == nullptr) {
    if (task.n_training < math::kSmallestFeistel) {
      math::shuffle_few(memory.few_rows, task.n_training, task.shuffle_seed, epoch);
    } else {
      memory.permutation = math::EpochPermutation(task.n_training, task.shuffle_seed, epoch);
    }
  }
  barrier();
  for (std::uint32_t first = 0; first < task.n_training; first += task.batch) {
    const std::uint32_t left = task.n_training - first;
    train_minibatch(net, e, rate, first, left < task.batch ? left : task.batch);
  }
}

/// What the metric takes from the outputs of the tile's rows; first: the first one's number among those of validation.
SHOAL_DEVICE void watch_outputs(const TrainTask& task, const Shape& shape, const Tile& tile, std::uint32_t first) {
  const Layer& last = shape.layers[shape.n_layers - 1];
  const float* const outputs = tile.values + last.output;
  if (task.metric == WatchedMetric::val_accuracy) {
    each(tile.n_rows, [&](std::uint32_t r) {  // the same thread's in every tile
      tile.memory->n_right[r] +=
          n_right_of(task.rows, tile.memory->row[r], last.n_out, outputs + r * last.output_stride);
    });
  }
  if (task.outputs == nullptr) return;
  float* const to = task.outputs + static_cast<std::size_t>(first) * last.n_out;
  each(tile.n_rows * last.n_out, [&](std::uint32_t element) {
    to[element] = outputs[element / last.n_out * last.output_stride + element % last.n_out];
  });
}

template <class AnyTile>
SHOAL_DEVICE void measure_validation(BlockNetwork<AnyTile>& net) {
  const TrainTask& task = *net.task;
  for (std::uint32_t first = 0; first < task.n_validation; first += kTileRows) {
    const std::uint32_t left = task.n_validation - first;
    stage(
        task.rows, net.shape, net.tile, left < kTileRows ? left : kTileRows,
        [&](std::uint32_t r) { return task.validation[first + r]; },
        [&](std::uint32_t row) { return table_weight(task.rows, row); });
    forward(net.shape, net.tile, nullptr, 0);
    output(task.rows, net.shape, task.loss, net.rules, false, net.tile);
    add_losses(net.tile, first, net.tile.memory->val_loss, nullptr);
    watch_outputs(task, net.shape, net.tile, first);
    barrier();
  }
}

template <class AnyTile>
SHOAL_DEVICE bool all_finite(const BlockNetwork<AnyTile>& net) {
  const TrainTask& task = *net.task;
  bool finite = true;
  each_parameter(net.shape, [&](std::uint32_t p, std::uint32_t at, bool) {
    finite = finite && net.tile.weights[at] - net.tile.weights[at] == 0.0F;
    if (net.rules.has_first_moment) finite = finite && task.first_moment[p] - task.first_moment[p] == 0.0F;
    if (task.solver != SolverKind::sgd) finite = finite && task.second_moment[p] - task.second_moment[p] == 0.0F;
  });
  if (!finite) atomic_max(&net.tile.memory->n_broken, 1U);
  barrier();
  return net.tile.memory->n_broken == 0;
}

/// The watched metric, unless the host computes it.
template <class AnyTile>
SHOAL_DEVICE double metric_of(const BlockNetwork<AnyTile>& net, const NetworkRecord& record) {
  const TrainTask& task = *net.task;
  if (task.metric == WatchedMetric::train_loss) return record.train_loss / record.train_weight;
  if (task.metric != WatchedMetric::val_accuracy) return record.val_loss / task.validation_weight;
  std::uint64_t n_right = 0;
  for (std::uint32_t r = 0; r < kTileRows; ++r) n_right += net.tile.memory->n_right[r];
  return accuracy(task.rows, n_right, task.n_validation, net.shape.layers[net.shape.n_layers - 1].n_out);
}

/// What is decided at an epoch's end, the twin of CpuEngine's, unless the host decides it.
template <class AnyTile>
SHOAL_DEVICE void finish_epoch(BlockNetwork<AnyTile>& net, std::uint32_t e) {
  const TrainTask& task = *net.task;
  NetworkRecord record;
  record.train_loss = total(net.tile.memory->train_loss);
  record.train_weight = total(net.tile.memory->train_weight);
  record.val_loss = total(net.tile.memory->val_loss);
  record.metric = metric_of(net, record);
  record.ran = 1;
  record.finite =
      all_finite(net) && record.train_loss - record.train_loss == 0.0 && record.val_loss - record.val_loss == 0.0;
  if (thread() == 0) task.records[static_cast<std::size_t>(e) * task.n_networks + task.first_network] = record;
  if (task.metric == WatchedMetric::by_host) return;
  math::EpochDecision& decision = net.tile.memory->decision;
  if (thread() == 0) {
    ++net.state.progress.epoch;
    decision = math::decide_epoch(net.state.progress, net.rules.epoch, record.metric,
                                  record.train_loss / record.train_weight, record.finite);
    net.state.verdict = decision.verdict;
  }
  barrier();
  const bool takes_best = math::takes_best(decision, net.rules.epoch);
  each_parameter(net.shape, [&](std::uint32_t p, std::uint32_t at, bool) {
    if (decision.is_best) task.best[p] = net.tile.weights[at];
    if (takes_best) net.tile.weights[at] = task.best[p];
  });
  barrier();
}

SHOAL_DEVICE Tile block_tile(const Shape& shape, float* gradient, Tile*) {
  return block_tile<true>(shape, nullptr, gradient);
}

/// All that the task asks of its only network. shape: the task's, or the same as constants.
template <class AnyTile>
SHOAL_DEVICE void train_network(const TrainTask& task, const Shape& shape) {
  const AnyTile tile = block_tile(shape, task.gradient, static_cast<AnyTile*>(nullptr));
  if (thread() == 0) {
    tile.memory->rules = task.rules[task.first_network];
    tile.memory->state = task.states[task.first_network];
  }
  BlockNetwork<AnyTile> net{&task, shape, tile.memory->rules, tile.memory->state, tile};
  load_weights(shape, task.weights, net.tile);
  for (std::uint32_t e = 0; e < task.n_epochs; ++e) {
    const std::uint32_t epoch = task.first_epoch + e;
    if (net.state.verdict != math::EpochVerdict::go_on || net.state.progress.epoch != epoch ||
        epoch >= net.state.target_epoch) {
      continue;
    }
    clear_sums(*net.tile.memory);
    train_epoch(net, e);
    measure_validation(net);
    finish_epoch(net, e);
  }
  each_parameter(shape, [&](std::uint32_t p, std::uint32_t at, bool) { task.weights[p] = net.tile.weights[at]; });
  if (thread() == 0) task.states[task.first_network] = net.state;
}

}  // namespace shoal::cuda
