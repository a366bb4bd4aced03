#pragma once

#include "kernels/cuda/accuracy.cuh"
#include "kernels/cuda/loss.cuh"
#include "kernels/cuda/row_tile.cuh"
#include "kernels/cuda/thread_state.cuh"
#include "kernels/cuda/thread_variants.cuh"

/// thread_per_network for one topology S and one variant V (thread_variants.cuh). nvcc compiles it for common ones,
/// NVRTC at run time for others (src/engine/cuda/kernel_builder.hpp).
namespace shoal::cuda {

/// A network in training on its way through an epoch.
template <class S, class V>
struct Epoch {
  const TrainTask* task;
  std::uint32_t number;  ///< in the launch
  bool active;           ///< or only one of those that stage rows
  float rate;
};

/// The outputs in place of z, dloss/dz into delta; gives the row's loss, both unweighted.
template <class S, class V>
SHOAL_DEVICE float output_row(LossKind kind, const NetworkRules& rules, bool training, const float* target, float* z,
                              float* delta) {
  if (!V::is_plain && kind == LossKind::cross_entropy) {
    const auto label = static_cast<std::uint32_t>(target[0]);
    float of_label = z[0];
    SHOAL_UNROLL
    for (std::uint32_t o = 1; o < S::n_out; ++o) of_label = o == label ? z[o] : of_label;
    return softmax_row(S::n_out, label, of_label, training ? rules.smoothed_label : 1.0F,
                       training ? rules.smoothed_other : 0.0F, z, delta, {});
  }
  if (!V::is_plain && kind == LossKind::binary_cross_entropy) return sigmoid_row(S::n_out, target, 0.0F, z, delta);
  return regression_row(kind, S::n_out, rules.huber_delta, z, target, delta);
}

template <class S, class V>
SHOAL_DEVICE double train_rows(const Epoch<S, V>& epoch, ThreadNetwork<S, V>& net) {
  using Row = StagedRow<S, !V::is_plain>;
  const TrainTask& task = *epoch.task;
  const LossKind kind = V::loss(task);
  const SolverKind solver = V::solver(task);
  const auto acts = V::template activations<S>(task);
  const bool weighted = !V::is_plain && is_weighted(task.rows, net.rules);
  DroppedUnits drops{net.rules.dropout > 0.0, 0, {net.rules.dropout, net.rules.seed, net.counts.step}};
  ThreadSum loss(ThreadMemory<S, V>::sums());
  const RowList list{task.order + static_cast<std::size_t>(epoch.number) * task.n_training, task.n_training,
                     task.batch};
  const auto add_row = [&](std::uint32_t number, std::uint32_t in_minibatch, const Row& row) {
    RowValues<S> v;
    float delta[S::n_out];
    drops.row = in_minibatch;
    forward(net.w, row.x, acts, drops, v);
    const float row_loss = output_row<S, V>(kind, net.rules, true, row.x + Row::target, v.out, delta);
    if constexpr (V::is_plain) {
      loss.add(number, static_cast<double>(row_loss));
    } else {
      const float weight =
          net.rules.balances_classes ? row.x[Row::weight] * row.x[Row::class_weight] : row.x[Row::weight];
      SHOAL_UNROLL
      for (std::uint32_t o = 0; o < S::n_out; ++o) delta[o] *= weight;
      net.weight_sum += weight;
      loss.add(number, static_cast<double>(weight) * static_cast<double>(row_loss));
    }
    backward<S::n_layers - 1>(net.w, row.x, acts, drops, v, delta, net.g);
  };
  each_row<S, !V::is_plain>(task.rows, list, ThreadMemory<S, V>::tile(), epoch.active, add_row,
                            [&](std::uint32_t n_rows) {
                              step(net, solver, epoch.rate, inverse_weight(weighted, net.weight_sum, n_rows));
                              net.weight_sum = 0.0F;
                              drops.dropout.step = static_cast<std::uint32_t>(net.counts.step);
                            });
  return loss.total();
}

/// What an epoch's validation gives.
struct Validation {
  double loss;
  std::uint64_t n_right;  ///< where val_accuracy is watched
};

/// kHandsOver: outputs to the host, where it wants them.
template <bool kHandsOver, class S, class V>
SHOAL_DEVICE Validation validate(const Epoch<S, V>& epoch, ThreadNetwork<S, V>& net) {
  using Row = StagedRow<S, !V::is_plain>;
  const TrainTask& task = *epoch.task;
  const LossKind kind = V::loss(task);
  const auto acts = V::template activations<S>(task);
  const bool counts = !V::is_plain && task.metric == WatchedMetric::val_accuracy;
  std::uint64_t n_right = 0;
  [[maybe_unused]] const std::uint32_t n_in_block = task.n_in_block;
  [[maybe_unused]] float* const outputs = task.outputs == nullptr ? nullptr : task.outputs + thread();
  ThreadSum loss(ThreadMemory<S, V>::sums());
  const RowList list{task.validation, task.n_validation, task.n_validation};
  const auto add_row = [&](std::uint32_t number, std::uint32_t, const Row& row) {
    RowValues<S> v;
    float delta[S::n_out];
    forward(net.w, row.x, acts, DroppedUnits{}, v);
    const float row_loss = output_row<S, V>(kind, net.rules, false, row.x + Row::target, v.out, delta);
    const double weight = V::is_plain ? 1.0 : static_cast<double>(row.x[Row::weight]);
    loss.add(number, weight * static_cast<double>(row_loss));
    if (counts) n_right += n_right_of(task.rows, task.validation[number], S::n_out, v.out);
    if constexpr (kHandsOver) {
      SHOAL_UNROLL
      for (std::uint32_t o = 0; outputs != nullptr && o < S::n_out; ++o) {
        outputs[(std::size_t{number} * S::n_out + o) * n_in_block] = v.out[o];
      }
    }
  };
  each_row<S, !V::is_plain>(task.rows, list, ThreadMemory<S, V>::tile(), epoch.active, add_row, [](std::uint32_t) {});
  return {loss.total(), n_right};
}

/// What is decided at an epoch's end, the twin of CpuEngine's, unless the host decides it.
template <class S, class V>
SHOAL_DEVICE void finish_epoch(const Epoch<S, V>& epoch, const Place& place, double train_loss,
                               const Validation& validation, ThreadNetwork<S, V>& net) {
  const TrainTask& task = *place.task;
  NetworkState& state = task.states[place.network];
  const math::EpochRules& rules = task.rules[place.network].epoch;
  NetworkRecord record;
  record.train_loss = train_loss;
  record.train_weight = task.training_weight[2 * epoch.number + (net.rules.balances_classes ? 1 : 0)];
  record.val_loss = validation.loss;
  record.ran = 1;
  record.finite = is_finite(train_loss) && is_finite(validation.loss) && all_finite(net, V::solver(task));
  const double mean_train_loss = train_loss / record.train_weight;
  record.metric = task.metric == WatchedMetric::train_loss ? mean_train_loss
                  : task.metric == WatchedMetric::val_accuracy
                      ? accuracy(task.rows, validation.n_right, task.n_validation, S::n_out)
                      : validation.loss / task.validation_weight;
  task.records[static_cast<std::size_t>(epoch.number) * task.n_networks + place.network] = record;
  state.step = net.counts.step;
  state.beta_1_power = net.counts.beta_1_power;
  state.beta_2_power = net.counts.beta_2_power;
  if (task.metric == WatchedMetric::by_host) return;
  ++state.progress.epoch;
  const math::EpochDecision decision =
      math::decide_epoch(state.progress, rules, record.metric, mean_train_loss, record.finite);
  state.verdict = decision.verdict;
  const bool takes_best = math::takes_best(decision, rules);
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < kParameters<S>; ++p) {
    if (decision.is_best) task.best[place.at(p)] = net.w[p];
    if (takes_best) net.w[p] = task.best[place.at(p)];
  }
}

/// What the kernel does. Threads behind the block's last network read what that one has and train nothing.
template <class S, class V>
SHOAL_DEVICE void train_networks(const TrainTask* tasks) {
  const TrainTask& task = tasks[block()];
  const bool exists = thread() < task.n_in_block;
  const Place place{&task, task.first_network + (exists ? thread() : task.n_in_block - 1)};
  const NetworkState& state = task.states[place.network];
  ThreadNetwork<S, V> net;
  load_network(place, V::solver(task), net);
  for (std::uint32_t e = 0; e < task.n_epochs; ++e) {
    Epoch<S, V> epoch{&task, e, false, 0.0F};
    epoch.active = exists && state.verdict == math::EpochVerdict::go_on &&
                   state.progress.epoch == task.first_epoch + e && task.first_epoch + e < state.target_epoch;
    if (epoch.active) {
      epoch.rate = epoch_rate(task.rules[place.network].epoch, state,
                              task.rates + static_cast<std::size_t>(e) * task.n_networks + place.network);
    }
    const double train_loss = train_rows(epoch, net);
    const Validation validation =
        V::is_plain && task.outputs == nullptr ? validate<false>(epoch, net) : validate<true>(epoch, net);
    if (epoch.active) finish_epoch(epoch, place, train_loss, validation, net);
  }
  if (exists) store_network(place, V::solver(task), net);
}

}  // namespace shoal::cuda
