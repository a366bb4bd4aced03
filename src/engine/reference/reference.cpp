#include "engine/reference/reference.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numbers>

#include "engine/definition.hpp"
#include "shoal/error.hpp"

namespace shoal::reference {

namespace {

using Count = std::size_t;

Count fan_in(const Topology& topology, Count layer) { return static_cast<Count>(topology.fan_in(layer)); }
Count fan_out(const Topology& topology, Count layer) { return static_cast<Count>(topology.fan_out(layer)); }

/// Where layer l's matrix begins in canonical order.
std::vector<Count> layer_offsets(const Topology& topology) {
  std::vector<Count> offsets(topology.n_layers());
  for (Count l = 1; l < offsets.size(); ++l) offsets[l] = offsets[l - 1] + topology.n_parameters(l - 1);
  return offsets;
}

double logistic(double z) { return 1 / (1 + std::exp(-z)); }

/// The tanh form of Hendrycks & Gimpel 2016.
Response gelu(double z) {
  const double root = std::sqrt(2 / std::numbers::pi);
  const double t = std::tanh(root * (z + 0.044715 * z * z * z));
  const double slope = root * (1 + 3 * 0.044715 * z * z);
  return {z / 2 * (1 + t), (1 + t) / 2 + z / 2 * (1 - t * t) * slope};
}

std::vector<double> softmax(std::span<const double> z) {
  const double largest = *std::ranges::max_element(z);
  std::vector<double> p;
  double sum = 0;
  for (const double value : z) sum += p.emplace_back(std::exp(value - largest));
  for (double& value : p) value /= sum;
  return p;
}

/// Adds weight * d(row loss)/d(parameters) to `sum`.
void add_row_gradient(const Topology& topology, std::span<const double> parameters, const Trace& trace,
                      const Example& row, std::vector<double> delta, std::span<double> sum) {
  const std::vector<Count> offsets = layer_offsets(topology);
  for (Count l = topology.n_layers(); l-- > 0;) {
    const Count n_in = fan_in(topology, l);
    const std::span<const double> input = l == 0 ? std::span(row.inputs) : std::span(trace.a[l - 1]);
    std::vector<double> error(n_in, 0);
    for (Count o = 0; o < delta.size(); ++o) {
      const Count begin = offsets[l] + o * (n_in + 1);
      for (Count i = 0; i < n_in; ++i) {
        sum[begin + i] += delta[o] * input[i];
        error[i] += delta[o] * parameters[begin + i];
      }
      sum[begin + n_in] += delta[o];
    }
    if (l == 0) break;
    for (Count i = 0; i < n_in; ++i) {
      error[i] *= respond(topology.activation(l - 1), trace.z[l - 1][i]).slope;
      if (!row.dropout.empty()) error[i] *= row.dropout[l - 1][i];
    }
    delta = std::move(error);
  }
}

/// Calls f(index) for every weight, biases left out.
template <class F>
void for_each_weight(const Topology& topology, F f) {
  Count index = 0;
  for (Count l = 0; l < topology.n_layers(); ++l) {
    for (Count o = 0; o < fan_out(topology, l); ++o, ++index) {
      for (Count i = 0; i < fan_in(topology, l); ++i, ++index) f(index);
    }
  }
}

std::vector<double> widened(const std::vector<float>& values) { return {values.begin(), values.end()}; }

std::vector<float> rounded(const std::vector<double>& values) {
  std::vector<float> floats(values.size());
  std::ranges::transform(values, floats.begin(), [](double value) { return static_cast<float>(value); });
  return floats;
}

void copy_scalars(const auto& from, auto& to) {
  to.step = from.step;
  to.beta_1_power = from.beta_1_power;
  to.beta_2_power = from.beta_2_power;
  to.epoch = from.epoch;
  to.n_stalled = from.n_stalled;
  to.best_epoch = from.best_epoch;
  to.best_metric = from.best_metric;
  to.n_rate_drops = from.n_rate_drops;
  to.n_rate_stalled = from.n_rate_stalled;
  to.best_train_loss = from.best_train_loss;
  to.status = from.status;
}

/// Finite as the float that a TrialState holds: the fp32 engines diverge at the same bound.
bool all_finite(const std::vector<double>& values) {
  return std::ranges::all_of(values, [](double value) { return std::isfinite(static_cast<float>(value)); });
}

/// Scikit-learn's adaptive rate: a fifth after more epochs without a gain than patience has, 10 without patience.
/// False where it has fallen to 1e-6.
bool adapt_rate(const Hyperparameters& hyperparameters, double train_loss, State& state) {
  const double gain = state.best_train_loss - train_loss;
  ++state.n_rate_stalled;
  if (gain >= hyperparameters.tol) state.n_rate_stalled = 0;
  state.best_train_loss = std::min(state.best_train_loss, train_loss);
  if (hyperparameters.learning_rate_init * std::pow(0.2, state.n_rate_drops) <= 1e-6) return false;
  const bool has_patience = hyperparameters.n_iter_no_change > 0;
  if (state.n_rate_stalled > (has_patience ? static_cast<std::uint32_t>(hyperparameters.n_iter_no_change) : 10U)) {
    state.n_rate_drops += 1;
    state.n_rate_stalled = state.n_stalled = 0;
  }
  return true;
}

}  // namespace

State widened(const TrialState& state) {
  State wide{widened(state.parameters), widened(state.first_moment), widened(state.second_moment),
             widened(state.best_parameters)};
  copy_scalars(state, wide);
  return wide;
}

TrialState rounded(const State& state) {
  TrialState narrow;
  narrow.parameters = rounded(state.parameters);
  narrow.first_moment = rounded(state.first_moment);
  narrow.second_moment = rounded(state.second_moment);
  narrow.best_parameters = rounded(state.best_parameters);
  copy_scalars(state, narrow);
  return narrow;
}

Response respond(Activation f, double z) {
  constexpr double kSlope = static_cast<double>(kLeakySlope);
  switch (f) {
    case Activation::identity:
      return {z, 1};
    case Activation::relu:
      return z > 0 ? Response{z, 1} : Response{0, 0};
    case Activation::leaky_relu:
      return z > 0 ? Response{z, 1} : Response{kSlope * z, kSlope};
    case Activation::sigmoid:
      return {logistic(z), logistic(z) * (1 - logistic(z))};
    case Activation::tanh:
      return {std::tanh(z), 1 - std::tanh(z) * std::tanh(z)};
    case Activation::elu:
      return z > 0 ? Response{z, 1} : Response{std::expm1(z), std::exp(z)};
    case Activation::softplus:
      return {std::max(z, 0.0) + std::log1p(std::exp(-std::abs(z))), logistic(z)};
    case Activation::silu:
      return {z * logistic(z), logistic(z) * (1 + z * logistic(-z))};
    case Activation::gelu:
      return gelu(z);
  }
  throw Error("an activation that the reference engine does not know");
}

Trace forward(const Topology& topology, std::span<const double> parameters, const Example& row) {
  Trace trace;
  const double* weight = parameters.data();
  for (Count l = 0; l < topology.n_layers(); ++l) {
    const std::span<const double> input = l == 0 ? std::span(row.inputs) : std::span(trace.a[l - 1]);
    std::vector<double> z(fan_out(topology, l), 0);
    std::vector<double> a(z.size());
    for (Count o = 0; o < z.size(); ++o) {
      for (const double value : input) z[o] += *weight++ * value;
      z[o] += *weight++;
      a[o] = respond(topology.activation(l), z[o]).value;
      if (!row.dropout.empty() && l < row.dropout.size()) a[o] *= row.dropout[l][o];
    }
    trace.z.push_back(std::move(z));
    trace.a.push_back(std::move(a));
  }
  return trace;
}

std::vector<double> training_targets(const Hyperparameters& hyperparameters, std::span<const double> targets) {
  std::vector<double> aims(targets.begin(), targets.end());
  if (hyperparameters.loss != Loss::cross_entropy) return aims;
  const double share = hyperparameters.label_smoothing;
  for (double& aim : aims) aim = (1 - share) * aim + share / static_cast<double>(aims.size());
  return aims;
}

double row_loss(const Hyperparameters& hyperparameters, std::span<const double> z, std::span<const double> targets) {
  double sum = 0;
  switch (hyperparameters.loss) {
    case Loss::squared_error:
      for (Count o = 0; o < z.size(); ++o) sum += (targets[o] - z[o]) * (targets[o] - z[o]);
      return sum;
    case Loss::half_squared_error:
      for (Count o = 0; o < z.size(); ++o) sum += (targets[o] - z[o]) * (targets[o] - z[o]) / 2;
      return sum;
    case Loss::absolute_error:
      for (Count o = 0; o < z.size(); ++o) sum += std::abs(targets[o] - z[o]);
      return sum;
    case Loss::huber: {
      const double bend = hyperparameters.huber_delta;
      for (Count o = 0; o < z.size(); ++o) {
        const double distance = std::abs(targets[o] - z[o]);
        sum += distance <= bend ? distance * distance / 2 : bend * (distance - bend / 2);
      }
      return sum;
    }
    case Loss::cross_entropy: {
      const double largest = *std::ranges::max_element(z);
      double likelihood = 0;
      for (Count o = 0; o < z.size(); ++o) {
        sum += std::exp(z[o] - largest);
        likelihood += targets[o] * (z[o] - largest);
      }
      return std::log(sum) - likelihood;
    }
    case Loss::binary_cross_entropy:
      // -y log s(z) - (1 - y) log(1 - s(z)), in the form that does not overflow.
      for (Count o = 0; o < z.size(); ++o) {
        sum += std::max(z[o], 0.0) - z[o] * targets[o] + std::log1p(std::exp(-std::abs(z[o])));
      }
      return sum;
  }
  throw Error("a loss that the reference engine does not know");
}

std::vector<double> output_delta(const Hyperparameters& hyperparameters, std::span<const double> z,
                                 std::span<const double> targets) {
  const double bend = hyperparameters.huber_delta;
  std::vector<double> delta = prediction(hyperparameters.loss, z);
  for (Count o = 0; o < delta.size(); ++o) {
    delta[o] -= targets[o];
    if (hyperparameters.loss == Loss::squared_error) delta[o] *= 2;
    if (hyperparameters.loss == Loss::absolute_error && delta[o] != 0) delta[o] = delta[o] > 0 ? 1 : -1;
    if (hyperparameters.loss == Loss::huber && std::abs(delta[o]) > bend) delta[o] = delta[o] > 0 ? bend : -bend;
  }
  return delta;
}

std::vector<double> prediction(Loss loss, std::span<const double> z) {
  if (loss == Loss::cross_entropy) return softmax(z);
  std::vector<double> values(z.begin(), z.end());
  if (loss == Loss::binary_cross_entropy) std::ranges::transform(values, values.begin(), logistic);
  return values;
}

Gradient gradient(const Topology& topology, const Hyperparameters& hyperparameters, std::span<const double> parameters,
                  std::span<const Example> rows) {
  Gradient result;
  result.objective.assign(parameters.size(), 0);
  for (const Example& row : rows) {
    const Trace trace = forward(topology, parameters, row);
    const std::vector<double> targets = training_targets(hyperparameters, row.targets);
    result.loss += row.weight * row_loss(hyperparameters, trace.z.back(), targets);
    result.weight += row.weight;
    std::vector<double> delta = output_delta(hyperparameters, trace.z.back(), targets);
    for (double& value : delta) value *= row.weight;
    add_row_gradient(topology, parameters, trace, row, std::move(delta), result.objective);
  }
  const double inverse = result.weight > 0 ? 1 / result.weight : 0;  // rows of no weight ask for nothing
  for (double& value : result.objective) value *= inverse;
  for_each_weight(topology, [&](Count index) {
    const double w = parameters[index];
    const double direction = w > 0 ? 1 : w < 0 ? -1 : 0;
    result.objective[index] += inverse * (l2_penalty(hyperparameters) * w + hyperparameters.l1 * direction);
  });
  return result;
}

void clip(double largest, std::span<double> gradient) {
  double squares = 0;
  for (const double g : gradient) squares += g * g;
  if (largest == 0 || squares <= largest * largest) return;
  for (double& g : gradient) g *= largest / std::sqrt(squares);
}

void update(const Topology& topology, const Hyperparameters& hyperparameters, double rate,
            std::span<const double> gradient, State& state) {
  ++state.step;
  std::vector<double>& w = state.parameters;
  std::vector<double> rates;  // of each parameter
  for (Count l = 0; l < topology.n_layers(); ++l) {
    const auto above = static_cast<double>(topology.n_layers() - 1 - l);
    rates.insert(rates.end(), topology.n_parameters(l), rate * std::pow(hyperparameters.layer_rate, above));
  }
  if (hyperparameters.solver == Solver::adamw) {
    for_each_weight(topology, [&](Count index) { w[index] *= 1 - rates[index] * hyperparameters.alpha; });
  }
  if (corrects_bias(hyperparameters.solver)) {
    const double beta_1 = hyperparameters.beta_1, beta_2 = hyperparameters.beta_2;
    state.beta_1_power *= beta_1;
    state.beta_2_power *= beta_2;
    const double correction = std::sqrt(1 - state.beta_2_power) / (1 - state.beta_1_power);
    for (Count k = 0; k < w.size(); ++k) {
      double& m = state.first_moment[k];
      double& v = state.second_moment[k];
      m = beta_1 * m + (1 - beta_1) * gradient[k];
      v = beta_2 * v + (1 - beta_2) * gradient[k] * gradient[k];
      w[k] -= rates[k] * correction * m / (std::sqrt(v) + hyperparameters.epsilon);
    }
    return;
  }
  if (hyperparameters.solver == Solver::rmsprop) {
    for (Count k = 0; k < w.size(); ++k) {
      double& v = state.second_moment[k];
      v = hyperparameters.beta_2 * v + (1 - hyperparameters.beta_2) * gradient[k] * gradient[k];
      w[k] -= rates[k] * gradient[k] / (std::sqrt(v) + hyperparameters.epsilon);
    }
    return;
  }
  const double mu = hyperparameters.momentum;
  for (Count k = 0; k < w.size(); ++k) {
    if (mu > 0) {
      double& velocity = state.first_moment[k];
      velocity = mu * velocity - rates[k] * gradient[k];
      w[k] += hyperparameters.nesterovs_momentum ? mu * velocity - rates[k] * gradient[k] : velocity;
    } else {
      w[k] -= rates[k] * gradient[k];
    }
  }
}

std::vector<std::vector<double>> dropout_factors(const Trial& trial, std::uint64_t step, std::size_t position) {
  std::vector<std::vector<double>> factors;
  for (Count l = 0; l + 1 < trial.topology.n_layers(); ++l) {
    const std::vector<float> row = dropout_row(trial, step, l, position);
    factors.emplace_back(row.begin(), row.end());
  }
  return factors;
}

std::optional<EpochSums> train_epoch(const Trial& trial, std::span<const std::uint32_t> order,
                                     const std::function<Example(std::uint32_t)>& example_of, double rate,
                                     const std::stop_token& stop, State& state) {
  const Hyperparameters& h = trial.hyperparameters;
  const Count batch_size = h.batch_size == 0 ? order.size() : static_cast<Count>(h.batch_size);
  EpochSums sums;
  for (Count begin = 0; begin < order.size(); begin += batch_size) {
    if (stop.stop_requested()) return std::nullopt;
    std::vector<Example> rows;
    for (const std::uint32_t row : order.subspan(begin, std::min(batch_size, order.size() - begin))) {
      rows.push_back(example_of(row));
      if (h.dropout > 0) rows.back().dropout = dropout_factors(trial, state.step, rows.size() - 1);
    }
    Gradient step = gradient(trial.topology, h, state.parameters, rows);
    clip(h.clip_norm, step.objective);
    sums.loss += step.loss;
    sums.weight += step.weight;
    update(trial.topology, h, rate, step.objective, state);
  }
  ++state.epoch;
  return sums;
}

void decide(const Hyperparameters& hyperparameters, bool maximize, double metric, double train_loss, bool finite,
            State& state) {
  if (!finite || !all_finite(state.parameters) || !all_finite(state.first_moment) || !all_finite(state.second_moment)) {
    state.status = TrialStatus::diverged;
    return;
  }
  const bool has_patience = hyperparameters.n_iter_no_change > 0;
  if (has_patience) {
    const bool is_first = state.best_epoch == 0;
    const double gain = is_first   ? std::numeric_limits<double>::infinity()
                        : maximize ? metric - state.best_metric
                                   : state.best_metric - metric;
    state.n_stalled = gain >= hyperparameters.tol ? 0 : state.n_stalled + 1;
    if (gain > 0) {
      state.best_metric = metric;
      state.best_epoch = state.epoch;
      state.best_parameters = state.parameters;
    }
  }
  const bool is_adaptive = hyperparameters.learning_rate == Schedule::adaptive;
  const bool rate_may_fall = is_adaptive && adapt_rate(hyperparameters, train_loss, state);
  if (has_patience && !rate_may_fall &&
      state.n_stalled > static_cast<std::uint32_t>(hyperparameters.n_iter_no_change)) {
    state.status = TrialStatus::stopped;
  } else if (state.epoch >= static_cast<std::uint32_t>(hyperparameters.max_iter)) {
    state.status = TrialStatus::finished;
  }
  if (has_patience && state.status != TrialStatus::running) state.parameters = state.best_parameters;
}

}  // namespace shoal::reference
