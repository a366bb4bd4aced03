#include "kernels/cuda/block_per_network.cuh"
#include "kernels/cuda/minibatch.cuh"
#include "kernels/cuda/optimizer_step.cuh"
#include "kernels/math/sum32.hpp"

namespace shoal::cuda {
namespace {

/// A network in training: what all threads of its block hold alike.
struct BlockNetwork {
  const TrainTask* task;
  NetworkRules rules;
  NetworkState state;
  Tile tile;
};

/// Norm of the finished gradient; its squares are exact in double.
SHOAL_DEVICE double gradient_norm(const BlockNetwork& net) {
  const TrainTask& task = *net.task;
  double* const squares = net.tile.memory->squares;
  each(math::kPartials, [&](std::uint32_t k) {
    squares[k] = 0.0;
    for (std::uint32_t p = k; p < task.shape.n_parameters; p += math::kPartials) {
      const auto g = static_cast<double>(task.gradient[p]);
      squares[k] += g * g;
    }
  });
  barrier();
  const double norm = ::sqrt(total(squares));
  barrier();
  return norm;
}

/// One optimizer step from the gradient sums of a minibatch, which become 0.
SHOAL_DEVICE void step(BlockNetwork& net, float rate, float inverse) {
  const TrainTask& task = *net.task;
  begin_step(net.rules, net.state);
  float shortened = 1.0F;
  if (net.rules.clip_norm > 0.0) {
    each_parameter(task.shape, [&](std::uint32_t, std::uint32_t p, bool is_bias) {
      task.gradient[p] = finished_gradient(task.gradient[p], task.weights[p], is_bias, net.rules, inverse);
    });
    barrier();
    const double norm = gradient_norm(net);
    if (norm > net.rules.clip_norm) shortened = static_cast<float>(net.rules.clip_norm / norm);
  }
  const Parameters parameters{task.weights, task.first_moment, task.second_moment};
  Rates rates{};
  std::uint32_t layer_of_rates = UINT32_MAX;
  each_parameter(task.shape, [&](std::uint32_t l, std::uint32_t p, bool is_bias) {
    if (l != layer_of_rates) rates = layer_rates(net.rules, net.state, task.solver, rate, task.shape.n_layers - 1 - l);
    layer_of_rates = l;
    const float sum = task.gradient[p];
    const float g = net.rules.clip_norm > 0.0 ? sum * shortened
                                              : finished_gradient(sum, task.weights[p], is_bias, net.rules, inverse);
    update(net.rules, task.solver, rates, is_bias, g, p, parameters);
    task.gradient[p] = 0.0F;
  });
  barrier();
}

/// Adds the tile's weighted row losses; position: of the tile's first row in the sum.
SHOAL_DEVICE void add_losses(const Tile& tile, std::uint32_t position, double* losses, double* weights) {
  each(tile.n_rows, [&](std::uint32_t r) {
    const std::uint32_t k = (position + r) % math::kPartials;
    const auto weight = static_cast<double>(tile.memory->weight[r]);
    losses[k] += weight * static_cast<double>(tile.memory->loss[r]);
    if (weights != nullptr) weights[k] += weight;
  });
}

/// Rows [first, first + n) of the epoch's order.
template <class RowAt>
SHOAL_DEVICE void train_minibatch(BlockNetwork& net, float rate, std::uint32_t first, std::uint32_t n, RowAt row_at) {
  const TrainTask& task = *net.task;
  BlockMemory& memory = *net.tile.memory;
  const math::Dropout dropout(net.rules.dropout, net.rules.seed, net.state.step);
  const bool drops = net.rules.dropout > 0.0;
  for (std::uint32_t start = 0; start < n; start += kTileRows) {
    const std::uint32_t n_rows = n - start < kTileRows ? n - start : kTileRows;
    stage(
        task.rows, task.shape, net.tile, n_rows, [&](std::uint32_t r) { return row_at(first + start + r); },
        [&](std::uint32_t row) { return training_weight(task.rows, net.rules, row); });
    forward(task.shape, task.weights, net.tile, drops ? &dropout : nullptr, start, nullptr, 0);
    output(task.rows, task.shape, task.loss, net.rules, true, net.tile);
    add_losses(net.tile, first + start, memory.train_loss, memory.train_weight);
    if (thread() == 0) {
      for (std::uint32_t r = 0; r < n_rows; ++r) memory.weight_sum += memory.weight[r];
    }
    backward(task.shape, task.weights, net.tile, drops, task.gradient);
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
  if (thread() == 0) {
    memory.weight_sum = 0.0F;
    memory.n_broken = 0;
  }
  barrier();
}

template <class RowAt>
SHOAL_DEVICE void train_rows(BlockNetwork& net, float rate, RowAt row_at) {
  const TrainTask& task = *net.task;
  for (std::uint32_t first = 0; first < task.n_training; first += task.batch) {
    const std::uint32_t left = task.n_training - first;
    train_minibatch(net, rate, first, left < task.batch ? left : task.batch, row_at);
  }
}

/// The epoch's rows in the order that the host wrote, or in the network's own.
SHOAL_DEVICE void train_epoch(BlockNetwork& net, std::uint32_t e) {
  const TrainTask& task = *net.task;
  const std::uint32_t epoch = task.first_epoch + e;
  const math::EpochRules& rules = net.rules.epoch;
  const float rate =
      epoch_rate(rules, net.state, task.rates + static_cast<std::size_t>(e) * task.n_networks + task.first_network);
  if (task.order != nullptr) {
    const std::uint32_t* const order = task.order + static_cast<std::size_t>(e) * task.n_training;
    train_rows(net, rate, [&](std::uint32_t position) { return order[position]; });
  } else if (task.n_training < math::kSmallestFeistel) {
    std::uint32_t* const few = net.tile.memory->few_rows;
    if (thread() == 0) math::shuffle_few(few, task.n_training, task.shuffle_seed, epoch);
    barrier();
    train_rows(net, rate, [&](std::uint32_t position) { return task.training[few[position]]; });
  } else {
    const math::EpochPermutation permutation(task.n_training, task.shuffle_seed, epoch);
    train_rows(net, rate, [&](std::uint32_t position) { return task.training[permutation(position)]; });
  }
}

SHOAL_DEVICE void measure_validation(BlockNetwork& net) {
  const TrainTask& task = *net.task;
  for (std::uint32_t first = 0; first < task.n_validation; first += kTileRows) {
    const std::uint32_t left = task.n_validation - first;
    stage(
        task.rows, task.shape, net.tile, left < kTileRows ? left : kTileRows,
        [&](std::uint32_t r) { return task.validation[first + r]; },
        [&](std::uint32_t row) { return table_weight(task.rows, row); });
    forward(task.shape, task.weights, net.tile, nullptr, 0, nullptr, 0);
    output(task.rows, task.shape, task.loss, net.rules, false, net.tile);
    add_losses(net.tile, first, net.tile.memory->val_loss, nullptr);
    barrier();
  }
}

SHOAL_DEVICE bool all_finite(const BlockNetwork& net) {
  const TrainTask& task = *net.task;
  bool finite = true;
  each(task.shape.n_parameters, [&](std::uint32_t p) {
    finite = finite && task.weights[p] - task.weights[p] == 0.0F;
    if (net.rules.has_first_moment) finite = finite && task.first_moment[p] - task.first_moment[p] == 0.0F;
    if (task.solver != SolverKind::sgd) finite = finite && task.second_moment[p] - task.second_moment[p] == 0.0F;
  });
  if (!finite) atomic_max(&net.tile.memory->n_broken, 1U);
  barrier();
  return net.tile.memory->n_broken == 0;
}

/// What is decided at an epoch's end: the twin of CpuEngine's.
SHOAL_DEVICE void finish_epoch(BlockNetwork& net, std::uint32_t e) {
  const TrainTask& task = *net.task;
  NetworkRecord record;
  record.train_loss = total(net.tile.memory->train_loss);
  record.train_weight = total(net.tile.memory->train_weight);
  record.val_loss = total(net.tile.memory->val_loss);
  record.metric =
      task.watches_train_loss ? record.train_loss / record.train_weight : record.val_loss / task.validation_weight;
  record.ran = 1;
  const bool finite = record.train_loss - record.train_loss == 0.0 && record.val_loss - record.val_loss == 0.0;
  const bool broken = !all_finite(net);
  ++net.state.progress.epoch;
  const math::EpochDecision decision = math::decide_epoch(net.state.progress, net.rules.epoch, record.metric,
                                                          record.train_loss / record.train_weight, finite && !broken);
  net.state.verdict = decision.verdict;
  const bool ended =
      decision.verdict == math::EpochVerdict::finished || decision.verdict == math::EpochVerdict::stopped;
  each(task.shape.n_parameters, [&](std::uint32_t p) {
    if (decision.is_best) task.best[p] = task.weights[p];
    if (ended && net.rules.epoch.n_iter_no_change > 0) task.weights[p] = task.best[p];
  });
  if (thread() == 0) task.records[static_cast<std::size_t>(e) * task.n_networks + task.first_network] = record;
  barrier();
}

SHOAL_KERNEL void train_blocks_kernel(const TrainTask* tasks) {
  const TrainTask& task = tasks[block()];
  BlockNetwork net{&task, task.rules[task.first_network], task.states[task.first_network], block_tile(task.tile)};
  each(task.shape.n_parameters, [&](std::uint32_t p) { task.gradient[p] = 0.0F; });
  barrier();
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
  if (thread() == 0) task.states[task.first_network] = net.state;
}

}  // namespace

std::size_t block_shared_bytes(std::uint32_t tile_floats) { return sizeof(BlockMemory) + tile_floats * sizeof(float); }

void launch_train_blocks(const TrainTask* tasks, std::uint32_t n_tasks, std::uint32_t n_threads,
                         std::size_t shared_bytes, cudaStream_t stream) {
  launch({"train_blocks_kernel", n_tasks, n_threads, shared_bytes, stream}, &train_blocks_kernel, tasks);
}

}  // namespace shoal::cuda
