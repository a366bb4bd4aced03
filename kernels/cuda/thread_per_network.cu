#include <array>

#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/math/scalar.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cuda {
namespace {

namespace strict = math::scalar;

/// Rows in shared memory at a time.
constexpr std::uint32_t kTileRows = 128;

template <std::uint32_t kIn, std::uint32_t kHidden1, std::uint32_t kHidden2, std::uint32_t kOut>
struct Shape {
  static constexpr std::uint32_t n_in = kIn, n_1 = kHidden1, n_2 = kHidden2, n_out = kOut;
  static constexpr std::uint32_t first_2 = n_1 * (n_in + 1);  ///< where layer 2's parameters begin
  static constexpr std::uint32_t first_3 = first_2 + n_2 * (n_1 + 1);
  static constexpr std::uint32_t n_parameters = first_3 + n_out * (n_2 + 1);
  static constexpr std::uint32_t n_units = n_1 + n_2 + n_out;
  static constexpr std::uint32_t n_staged = n_in + n_out + 1;  ///< floats of a staged row: inputs, targets, weight
};

SHOAL_DEVICE float activate(Act act, float z) {
  switch (act) {
    case Act::identity:
      return z;
    case Act::relu:
      return strict::relu(z);
    case Act::leaky_relu:
      return strict::leaky_relu(z);
    case Act::sigmoid:
      return strict::sigmoid(z);
    case Act::tanh:
      return strict::tanh_of(z);
  }
  return z;
}

SHOAL_DEVICE float derive(Act act, float a, float e) {
  switch (act) {
    case Act::identity:
      return e;
    case Act::relu:
      return strict::through_relu(a, e);
    case Act::leaky_relu:
      return strict::through_leaky_relu(a, e);
    case Act::sigmoid:
      return strict::through_sigmoid(a, e);
    case Act::tanh:
      return strict::through_tanh(a, e);
  }
  return e;
}

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_forward(const float* w, const float* below, float* z) {
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < kOut; ++o) {
    float sum = w[o * (kIn + 1) + kIn];
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < kIn; ++i) sum = strict::fma(below[i], w[o * (kIn + 1) + i], sum);
    z[o] = sum;
  }
}

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_gradient(const float* delta, const float* below, float* g) {
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < kOut; ++o) {
    SHOAL_UNROLL
    for (std::uint32_t i = 0; i < kIn; ++i) {
      g[o * (kIn + 1) + i] = strict::fma(below[i], delta[o], g[o * (kIn + 1) + i]);
    }
    g[o * (kIn + 1) + kIn] += delta[o];
  }
}

template <std::uint32_t kIn, std::uint32_t kOut>
SHOAL_DEVICE void layer_back(Act act, const float* w, const float* delta, const float* below, float* delta_below) {
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < kIn; ++i) {
    float e = 0.0F;
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < kOut; ++o) e = strict::fma(delta[o], w[o * (kIn + 1) + i], e);
    delta_below[i] = derive(act, below[i], e);
  }
}

template <class S>
struct Activations {
  float z_1[S::n_1], z_2[S::n_2];
  float a_1[S::n_1], a_2[S::n_2], out[S::n_out];
};

template <class S>
SHOAL_DEVICE void forward(const float* w, const float* x, Act act_1, Act act_2, Activations<S>& v) {
  layer_forward<S::n_in, S::n_1>(w, x, v.z_1);
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_1; ++i) v.a_1[i] = activate(act_1, v.z_1[i]);
  layer_forward<S::n_1, S::n_2>(w + S::first_2, v.a_1, v.z_2);
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_2; ++i) v.a_2[i] = activate(act_2, v.z_2[i]);
  layer_forward<S::n_2, S::n_out>(w + S::first_3, v.a_2, v.out);
}

/// The row's loss, unweighted; delta: dloss/dz of the output layer.
template <class S>
SHOAL_DEVICE float output_loss(const float* out, const float* target, bool half, float* delta) {
  float sum = 0.0F;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < S::n_out; ++o) {
    const float residual = out[o] - target[o];
    sum = strict::fma(residual, residual, sum);
    delta[o] = half ? residual : residual + residual;
  }
  return half ? 0.5F * sum : sum;
}

/// Adds one row to the gradient sums; delta as output_loss gave it.
template <class S>
SHOAL_DEVICE void backward(const float* w, const float* x, Act act_1, Act act_2, const Activations<S>& v,
                           const float* delta, float* g) {
  layer_gradient<S::n_2, S::n_out>(delta, v.a_2, g + S::first_3);
  float delta_2[S::n_2];
  layer_back<S::n_2, S::n_out>(act_2, w + S::first_3, delta, v.a_2, delta_2);
  layer_gradient<S::n_1, S::n_2>(delta_2, v.a_1, g + S::first_2);
  float delta_1[S::n_1];
  layer_back<S::n_1, S::n_2>(act_1, w + S::first_2, delta_2, v.a_1, delta_1);
  layer_gradient<S::n_in, S::n_1>(delta_1, x, g);
}

template <class S>
SHOAL_DEVICE constexpr bool is_bias(std::uint32_t p) {
  if (p >= S::first_3) return (p - S::first_3) % (S::n_2 + 1) == S::n_2;
  if (p >= S::first_2) return (p - S::first_2) % (S::n_1 + 1) == S::n_1;
  return p % (S::n_in + 1) == S::n_in;
}

/// 1 / (sum of a minibatch's weights).
SHOAL_DEVICE float inverse_weight(bool weighted, float weight_sum, std::uint32_t n_rows) {
  if (!weighted) return 1.0F / static_cast<float>(n_rows);
  return weight_sum > 0.0F ? 1.0F / weight_sum : 0.0F;
}

/// Gradient sum -> the gradient that a step uses.
template <class S>
SHOAL_DEVICE float finished_gradient(std::uint32_t p, float sum, float w, float alpha, float inverse) {
  const float g = sum * inverse;
  const float penalty = is_bias<S>(p) ? 0.0F : alpha * inverse;
  return penalty != 0.0F ? strict::fma(penalty, w, g) : g;
}

template <class S>
SHOAL_DEVICE void stage_row(const Rows& rows, std::size_t row, float* to) {
  SHOAL_UNROLL
  for (std::uint32_t i = 0; i < S::n_in; ++i) {
    const float x = rows.inputs[row * S::n_in + i];
    to[i] = rows.offset == nullptr ? x : strict::is_nan(x) ? rows.fill[i] : (x - rows.offset[i]) * rows.factor[i];
  }
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < S::n_out; ++o) {
    to[S::n_in + o] = rows.targets == nullptr ? 0.0F : rows.targets[row * S::n_out + o];
  }
  to[S::n_in + S::n_out] = rows.weights == nullptr ? 1.0F : rows.weights[row];
}

/// Calls work(position, staged row) for every row of the list in its order, in all threads that are `active`; every
/// thread of the block comes here.
template <class S, class Work>
SHOAL_DEVICE void each_row(const Rows& rows, const std::uint32_t* list, std::uint32_t n, bool active, Work work) {
  auto* const tile = dynamic_shared<float>();
  for (std::uint32_t first = 0; first < n; first += kTileRows) {
    const std::uint32_t count = n - first < kTileRows ? n - first : kTileRows;
    for (std::uint32_t r = thread(); r < count; r += n_threads()) {
      stage_row<S>(rows, list[first + r], tile + r * S::n_staged);
    }
    barrier();
    if (active) {
      for (std::uint32_t r = 0; r < count; ++r) work(first + r, tile + r * S::n_staged);
    }
    barrier();
  }
}

template <class S>
struct Network {
  float w[S::n_parameters], u[S::n_parameters], g[S::n_parameters];
  float weight_sum;
};

template <class S>
SHOAL_DEVICE void step(Network<S>& net, const NetworkRules& rules, float eta, float inverse) {
  SHOAL_UNROLL
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    const float g = finished_gradient<S>(p, net.g[p], net.w[p], rules.alpha, inverse);
    if (!rules.has_velocity) {
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

template <class S>
SHOAL_DEVICE double train_epoch(const TrainTask& task, std::uint32_t e, bool active, const NetworkRules& rules,
                                float eta, Network<S>& net) {
  math::Sum32 loss;
  std::uint32_t in_minibatch = 0;
  const std::uint32_t* order = task.order + static_cast<std::size_t>(e) * task.n_training;
  each_row<S>(task.rows, order, task.n_training, active, [&](std::uint32_t position, const float* x) {
    Activations<S> v;
    float delta[S::n_out];
    forward<S>(net.w, x, task.act_1, task.act_2, v);
    const float row_loss = output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
    const float weight = x[S::n_in + S::n_out];
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < S::n_out; ++o) delta[o] *= weight;
    backward<S>(net.w, x, task.act_1, task.act_2, v, delta, net.g);
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
  math::Sum32 loss;
  each_row<S>(task.rows, task.validation, task.n_validation, active, [&](std::uint32_t, const float* x) {
    Activations<S> v;
    float delta[S::n_out];
    forward<S>(net.w, x, task.act_1, task.act_2, v);
    const float row_loss = output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
    loss.add(static_cast<double>(x[S::n_in + S::n_out]) * static_cast<double>(row_loss));
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
    if (rules.has_velocity) finite = finite && net.u[p] - net.u[p] == 0.0F;
  }
  return finite;
}

/// What is decided at an epoch's end: the twin of CpuEngine's.
template <class S>
SHOAL_DEVICE void finish_epoch(const TrainTask& task, std::uint32_t e, std::uint32_t n, const NetworkRules& rules,
                               NetworkState& state, Network<S>& net, double train_loss, double val_loss) {
  NetworkRecord& record = task.records[static_cast<std::size_t>(e) * task.n_networks + n];
  const double numerator = task.watches_train_loss ? train_loss : val_loss;
  const double weight = task.watches_train_loss ? task.training_weight[e] : task.validation_weight;
  record.train_loss = train_loss;
  record.val_loss = val_loss;
  record.metric = numerator / weight;
  record.ran = 1;
  const bool finite = is_finite(train_loss) && is_finite(val_loss) && all_finite<S>(net, rules);
  ++state.progress.epoch;
  const math::EpochDecision decision = math::decide_epoch(state.progress, rules.epoch, record.metric, finite);
  state.verdict = decision.verdict;
  const bool ended =
      decision.verdict == math::EpochVerdict::finished || decision.verdict == math::EpochVerdict::stopped;
  if (decision.is_best) {
    for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
      task.best[static_cast<std::size_t>(p) * task.n_networks + n] = net.w[p];
    }
  }
  if (ended && rules.epoch.n_iter_no_change > 0) {
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
  const bool exists = n < task.n_networks;
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
    net.u[p] = exists && rules.has_velocity ? task.velocity[at] : 0.0F;
    net.g[p] = 0.0F;
  }
  for (std::uint32_t e = 0; e < task.n_epochs; ++e) {
    const std::uint32_t epoch = task.first_epoch + e;
    const bool active = exists && state.verdict == math::EpochVerdict::go_on && state.progress.epoch == epoch &&
                        epoch < rules.target_epoch;
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
    if (rules.has_velocity) task.velocity[at] = net.u[p];
  }
}

template <class S>
SHOAL_DEVICE void probe_row(const ProbeTask& task, const float* w, std::uint32_t r, const float* x, Activations<S>& v,
                            float* delta) {
  forward<S>(w, x, task.act_1, task.act_2, v);
  const float loss = output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
  if (task.row_loss != nullptr) task.row_loss[r] = loss;
  const std::size_t first = static_cast<std::size_t>(r) * S::n_units;
  for (std::uint32_t i = 0; task.z != nullptr && i < S::n_units; ++i) {
    const bool in_1 = i < S::n_1;
    const bool in_2 = i < S::n_1 + S::n_2;
    task.z[first + i] = in_1 ? v.z_1[i] : in_2 ? v.z_2[i - S::n_1] : v.out[i - S::n_1 - S::n_2];
    task.a[first + i] = in_1 ? v.a_1[i] : in_2 ? v.a_2[i - S::n_1] : v.out[i - S::n_1 - S::n_2];
  }
  for (std::uint32_t o = 0; task.outputs != nullptr && o < S::n_out; ++o) {
    task.outputs[static_cast<std::size_t>(r) * S::n_out + o] = v.out[o];
  }
}

/// A thread a row; the gradient, whose sums run over rows in order, is the first thread's alone.
template <class S>
SHOAL_KERNEL void probe_kernel(ProbeTask task) {
  float w[S::n_parameters];
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) w[p] = task.weights[static_cast<std::size_t>(p) * task.stride];
  float x[S::n_staged];
  Activations<S> v;
  float delta[S::n_out];
  const std::uint32_t r = block() * n_threads() + thread();
  if (r < task.n_rows) {
    stage_row<S>(task.rows, task.row == nullptr ? r : task.row[r], x);
    probe_row<S>(task, w, r, x, v, delta);
  }
  if (task.gradient == nullptr || r != 0) return;
  float g[S::n_parameters] = {};
  float weight_sum = 0.0F;
  for (std::uint32_t k = 0; k < task.n_rows; ++k) {
    stage_row<S>(task.rows, task.row == nullptr ? k : task.row[k], x);
    forward<S>(w, x, task.act_1, task.act_2, v);
    output_loss<S>(v.out, x + S::n_in, task.half_loss, delta);
    const float weight = x[S::n_in + S::n_out];
    for (std::uint32_t o = 0; o < S::n_out; ++o) delta[o] *= weight;
    backward<S>(w, x, task.act_1, task.act_2, v, delta, g);
    weight_sum += weight;
  }
  const float inverse = inverse_weight(task.rows.weights != nullptr, weight_sum, task.n_rows);
  for (std::uint32_t p = 0; p < S::n_parameters; ++p) {
    task.gradient[p] = finished_gradient<S>(p, g[p], w[p], task.alpha, inverse);
  }
}

struct CompiledShape {
  void (*train)(const TrainTask*);
  void (*probe)(ProbeTask);
  std::size_t shared_bytes;
};

template <class S>
constexpr ShapeSize size_of() {
  return {S::n_in, S::n_1, S::n_2, S::n_out};
}
template <class S>
CompiledShape compiled() {
  return {train_kernel<S>, probe_kernel<S>, kTileRows * S::n_staged * sizeof(float)};
}

using Shape0 = Shape<1, 2, 2, 1>;
using Shape1 = Shape<1, 4, 4, 1>;
using Shape2 = Shape<2, 4, 4, 1>;
using Shape3 = Shape<2, 3, 3, 2>;
constexpr std::array kSizes{size_of<Shape0>(), size_of<Shape1>(), size_of<Shape2>(), size_of<Shape3>()};

const CompiledShape& shape_at(std::size_t index) {
  static const std::array<CompiledShape, kSizes.size()> kShapes{compiled<Shape0>(), compiled<Shape1>(),
                                                                compiled<Shape2>(), compiled<Shape3>()};
  return kShapes.at(index);
}

}  // namespace

std::span<const ShapeSize> shapes() { return kSizes; }

void launch_train(std::size_t shape, const TrainTask* tasks, std::uint32_t n_tasks, cudaStream_t stream) {
  const CompiledShape& s = shape_at(shape);
  launch({"train_kernel", n_tasks, kNetworksInBlock, s.shared_bytes, stream}, s.train, tasks);
}

void launch_probe(std::size_t shape, const ProbeTask& task, cudaStream_t stream) {
  const std::uint32_t n_blocks = (task.n_rows + kNetworksInBlock - 1) / kNetworksInBlock;
  if (n_blocks == 0) return;
  launch({"probe_kernel", n_blocks, kNetworksInBlock, 0, stream}, shape_at(shape).probe, ProbeTask(task));
}

}  // namespace shoal::cuda
