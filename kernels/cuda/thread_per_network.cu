#include "kernels/cuda/row_tile.cuh"
#include "kernels/cuda/small_network.cuh"
#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/math/sum32.hpp"

namespace shoal::cuda {
namespace {

template <class S>
struct Network {
  float w[S::n_parameters], u[S::n_parameters], g[S::n_parameters];
  float weight_sum;
};

template <class S>
SHOAL_DEVICE void step(Network<S>& net, const NetworkRules& rules, float eta, float inverse) {
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    const float g = finished_gradient<S>(p, net.g[p], net.w[p], rules.penalty, inverse);
    if (!rules.has_first_moment) {
      strict::sgd_step(net.w[p], g, eta);
    } else if (rules.nesterov) {
      strict::nesterov_step(net.w[p], net.u[p], g, eta, rules.momentum);
    } else {
      strict::momentum_step(net.w[p], net.u[p], g, eta, rules.momentum);
    }
    net.g[p] = 0.0F;
  }
  net.weight_sum = 0.0F;
}

/// Of the hidden layer. What the kernel does not train is not compiled into its loops.
SHOAL_DEVICE Act activation_of(const TrainTask& task, std::uint32_t layer) {
  const Act act = task.shape.layers[layer].activation;
  SHOAL_ASSUME(!math::stores_slope(act));
  return act;
}

template <class S>
SHOAL_DEVICE double train_epoch(const TrainTask& task, std::uint32_t e, bool active, const NetworkRules& rules,
                                float eta, Network<S>& net) {
  const Act act_1 = activation_of(task, 0);
  const Act act_2 = activation_of(task, 1);
  const bool half = task.loss == LossKind::half_squared;
  math::Sum32 loss;
  std::uint32_t in_minibatch = 0;
  const std::uint32_t* order = task.order + static_cast<std::size_t>(e) * task.n_training;
  each_row<S>(task.rows, order, task.n_training, active, [&](std::uint32_t position, const float* x) {
    Activations<S> v;
    float delta[S::n_out];
    forward<S>(net.w, x, act_1, act_2, v);
    const float row_loss = output_loss<S>(v.out, x + S::n_in, half, delta);
    const float weight = x[S::n_in + S::n_out];
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < S::n_out; ++o) delta[o] *= weight;
    backward<S>(net.w, x, act_1, act_2, v, delta, net.g);
    loss.add(static_cast<double>(weight) * static_cast<double>(row_loss));
    net.weight_sum += weight;
    if (++in_minibatch == task.batch || position + 1 == task.n_training) {
      step<S>(net, rules, eta, inverse_weight(task.rows.weights != nullptr, net.weight_sum, in_minibatch));
      in_minibatch = 0;
    }
  });
  return loss.total();
}

template <class S>
SHOAL_DEVICE double validation_loss(const TrainTask& task, bool active, const Network<S>& net) {
  const Act act_1 = activation_of(task, 0);
  const Act act_2 = activation_of(task, 1);
  const bool half = task.loss == LossKind::half_squared;
  math::Sum32 loss;
  each_row<S>(task.rows, task.validation, task.n_validation, active, [&](std::uint32_t position, const float* x) {
    Activations<S> v;
    float delta[S::n_out];
    forward<S>(net.w, x, act_1, act_2, v);
    const float row_loss = output_loss<S>(v.out, x + S::n_in, half, delta);
    loss.add(static_cast<double>(x[S::n_in + S::n_out]) * static_cast<double>(row_loss));
    if (task.outputs == nullptr) return;
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < S::n_out; ++o) {
      task.outputs[(static_cast<std::size_t>(position) * S::n_out + o) * task.n_in_block + thread()] = v.out[o];
    }
  });
  return loss.total();
}

SHOAL_DEVICE bool is_finite(double x) { return x - x == 0.0; }

template <class S>
SHOAL_DEVICE bool all_finite(const Network<S>& net, const NetworkRules& rules) {
  bool finite = true;
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    finite = finite && net.w[p] - net.w[p] == 0.0F;
    if (rules.has_first_moment) finite = finite && net.u[p] - net.u[p] == 0.0F;
  }
  return finite;
}

/// What is decided at an epoch's end, the twin of CpuEngine's, unless the host decides it.
template <class S>
SHOAL_DEVICE void finish_epoch(const TrainTask& task, std::uint32_t e, std::uint32_t n, const NetworkRules& rules,
                               NetworkState& state, Network<S>& net, double train_loss, double val_loss) {
  NetworkRecord& record = task.records[static_cast<std::size_t>(e) * task.n_networks + n];
  const bool watches_train_loss = task.metric == WatchedMetric::train_loss;
  const double numerator = watches_train_loss ? train_loss : val_loss;
  const double weight = watches_train_loss ? task.training_weight[e] : task.validation_weight;
  record.train_loss = train_loss;
  record.train_weight = task.training_weight[e];
  record.val_loss = val_loss;
  record.metric = numerator / weight;
  record.ran = 1;
  const bool finite = is_finite(train_loss) && is_finite(val_loss) && all_finite<S>(net, rules);
  record.finite = finite;
  state.step += (task.n_training + task.batch - 1) / task.batch;
  if (task.metric == WatchedMetric::by_host) return;
  ++state.progress.epoch;
  const math::EpochDecision decision = math::decide_epoch(state.progress, rules.epoch, record.metric, 0.0, finite);
  state.verdict = decision.verdict;
  if (decision.is_best) {
    for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
      task.best[static_cast<std::size_t>(p) * task.n_networks + n] = net.w[p];
    }
  }
  if (math::takes_best(decision, rules.epoch)) {
    SHOAL_UNROLL
    for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
      net.w[p] = task.best[static_cast<std::size_t>(p) * task.n_networks + n];
    }
  }
}

template <class S>
SHOAL_KERNEL void train_kernel(const TrainTask* tasks) {
  const TrainTask& task = tasks[block()];
  const std::uint32_t n = task.first_network + thread();
  const bool exists = thread() < task.n_in_block;
  NetworkRules rules;
  NetworkState state;
  Network<S> net;
  net.weight_sum = 0.0F;
  if (exists) {
    rules = task.rules[n];
    state = task.states[n];
  }
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    const std::size_t at = static_cast<std::size_t>(p) * task.n_networks + n;
    net.w[p] = exists ? task.weights[at] : 0.0F;
    net.u[p] = exists && rules.has_first_moment ? task.first_moment[at] : 0.0F;
    net.g[p] = 0.0F;
  }
  for (std::uint32_t e = 0; e < task.n_epochs; ++e) {
    const std::uint32_t epoch = task.first_epoch + e;
    const bool active = exists && state.verdict == math::EpochVerdict::go_on && state.progress.epoch == epoch &&
                        epoch < state.target_epoch;
    const float eta = active ? task.rates[static_cast<std::size_t>(e) * task.n_networks + n] : 0.0F;
    const double train_loss = train_epoch<S>(task, e, active, rules, eta, net);
    const double val_loss = validation_loss<S>(task, active, net);
    if (active) finish_epoch<S>(task, e, n, rules, state, net, train_loss, val_loss);
  }
  if (!exists) return;
  task.states[n] = state;
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    const std::size_t at = static_cast<std::size_t>(p) * task.n_networks + n;
    task.weights[at] = net.w[p];
    if (rules.has_first_moment) task.first_moment[at] = net.u[p];
  }
}

template <class S>
struct TrainKernel {
  static constexpr auto value = &train_kernel<S>;
};
template <class S>
struct SharedBytes {
  static constexpr std::size_t value = kStagedRows * S::n_staged * sizeof(float);
};
template <class S>
struct Size {
  static constexpr ShapeSize value{S::n_in, S::n_1, S::n_2, S::n_out};
};

}  // namespace

std::span<const ShapeSize> shapes() {
  static constexpr auto kSizes = compiled_shapes<Size>();
  return kSizes;
}

void launch_train_threads(std::size_t shape, const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream) {
  static constexpr auto kKernels = compiled_shapes<TrainKernel>();
  static constexpr auto kSharedBytes = compiled_shapes<SharedBytes>();
  launch({"train_kernel", n_tasks, kNetworksInBlock, kSharedBytes.at(shape), stream}, kKernels.at(shape), tasks);
}

}  // namespace shoal::cuda
