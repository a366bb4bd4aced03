#include "verify/bounded_training.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace shoal::verify {
namespace {

using Row = std::vector<Bounded>;

Row exactly(const auto& values) {
  Row row;
  for (const auto value : values) row.push_back(exact(static_cast<double>(value)));
  return row;
}

constexpr double kFourUlp = 8 * kFloatRounding;

/// 8 roundings of the result and 5 of the sigmoid's argument v (docs/numerics.md): |z v| s (1 - s) <= 0.26 everywhere.
Bounded gelu(Bounded z) {
  const Bounded a = smooth(reference::respond(Activation::gelu, z.value).value, z, 1.13, 8 * kFloatRounding);
  return {a.value, a.error + 5 * 0.26 * kFloatRounding};
}

Bounded activated(Activation f, Bounded z) {
  switch (f) {
    case Activation::identity:
      return z;
    case Activation::relu:
      return select_positive(z, z, exact(0));
    case Activation::leaky_relu:
      return select_positive(z, z, exact(static_cast<double>(kLeakySlope)) * z);
    case Activation::sigmoid:
      return sigmoid(z);
    case Activation::tanh:
      return tanh(z);
    case Activation::elu:
    case Activation::softplus:
      return smooth(reference::respond(f, z.value).value, z, 1, kFourUlp);
    case Activation::silu:
      return smooth(reference::respond(f, z.value).value, z, 1.1, kFourUlp);
    case Activation::gelu:
      return gelu(z);
  }
  return {};
}

/// f'(z) of softplus, silu and gelu, the slope's own derivative at most 1/4, 1/2 and 0.8.
Bounded slope(Activation f, Bounded z) {
  const double value = reference::respond(f, z.value).slope;
  if (f == Activation::softplus) return smooth(value, z, 0.25, kFunctionRounding);
  const bool is_silu = f == Activation::silu;
  return {value, (is_silu ? 0.5 : 0.8) * z.error + (is_silu ? 16 : 32) * kFloatRounding};
}

/// e * f'(z), the derivative taken from a = f(z) where it is smooth.
Bounded through(Activation f, Bounded z, Bounded a, Bounded e) {
  switch (f) {
    case Activation::identity:
      return e;
    case Activation::relu:
      return select_positive(z, e, exact(0));
    case Activation::leaky_relu:
      return select_positive(z, e, exact(static_cast<double>(kLeakySlope)) * e);
    case Activation::sigmoid:
      return e * (a * (exact(1) - a));
    case Activation::tanh:
      return e * (exact(1) - a * a);
    case Activation::elu:
      return select_positive(z, e, e * (a + exact(1)));
    case Activation::softplus:
    case Activation::silu:
    case Activation::gelu:
      return e * slope(f, z);
  }
  return {};
}

struct Output {
  Bounded loss;
  Row delta;
};

Output softmax_output(const Hyperparameters& h, const Row& z, std::span<const double> targets) {
  // The largest of the engine's z may be another one, but is no further off than the worst of them.
  const Bounded largest = {std::ranges::max(z, {}, &Bounded::value).value,
                           std::ranges::max(z, {}, &Bounded::error).error};
  Row t;
  Bounded sum = exact(0);
  Bounded likelihood = exact(0);
  Bounded all = exact(0);
  const double other = h.label_smoothing / static_cast<double>(z.size());
  const Bounded off = constant(other);
  const Bounded on = constant(1 - h.label_smoothing + other);
  for (std::size_t o = 0; o < z.size(); ++o) {
    t.push_back(exp(z[o] - largest));
    sum = sum + t.back();
    all = all + (largest - z[o]);
    if (targets[o] > 0) likelihood = largest - z[o];
  }
  if (h.label_smoothing > 0) likelihood = off * all + (on - off) * likelihood;
  Output out{likelihood + log(sum), {}};
  for (std::size_t o = 0; o < z.size(); ++o) out.delta.push_back(t[o] / sum - (targets[o] > 0 ? on : off));
  return out;
}

/// The sign of r, which the bound may leave open.
Bounded direction(Bounded r) {
  const double sign = r.value > 0 ? 1 : r.value < 0 ? -1 : 0;
  return {sign, std::abs(r.value) > r.error || r.error == 0 ? 0.0 : 2.0};
}

/// Huber's q (|r| - q / 2) with q = min(|r|, bend), and r within [-bend, bend]: neither moves further than r.
Output huber_output(Bounded r, Bounded bend) {
  const Bounded distance = absolute(r);
  const Bounded q = {std::min(distance.value, bend.value), std::max(distance.error, bend.error)};
  return {q * (distance - exact(0.5) * q),
          {{std::clamp(r.value, -bend.value, bend.value), std::max(r.error, bend.error)}}};
}

Output output_of(const Hyperparameters& h, const Row& z, std::span<const double> targets) {
  const Loss loss = h.loss;
  if (loss == Loss::cross_entropy) return softmax_output(h, z, targets);
  Output out{exact(0), {}};
  for (std::size_t o = 0; o < z.size(); ++o) {
    const Bounded y = exact(targets[o]);
    if (loss == Loss::binary_cross_entropy) {
      const Bounded linear = select_positive(z[o], z[o], exact(0)) - z[o] * y;
      out.loss = out.loss + (linear + log(exact(1) + exp(-absolute(z[o]))));
      out.delta.push_back(sigmoid(z[o]) - y);
    } else {
      const Bounded r = z[o] - y;
      if (loss == Loss::absolute_error) {
        out.loss = out.loss + absolute(r);
        out.delta.push_back(direction(r));
        continue;
      }
      if (loss == Loss::huber) {
        const Output one = huber_output(r, constant(h.huber_delta));
        out.loss = out.loss + one.loss;
        out.delta.push_back(one.delta.front());
        continue;
      }
      const bool half = loss == Loss::half_squared_error;
      out.loss = out.loss + exact(half ? 0.5 : 1.0) * (r * r);
      out.delta.push_back(half ? r : r + r);
    }
  }
  return out;
}

/// 0 may stand for what is less than that, or may be by its error.
Bounded or_zero_below(double least, Bounded x) {
  const bool is_zero = x.value == 0 && x.error == 0;
  if (!is_zero && std::abs(x.value) - x.error < least) x.error += least;
  return x;
}
Bounded normal_or_zero(Bounded x) { return or_zero_below(0x1p-126, x); }
Bounded squarable_or_zero(Bounded g) { return or_zero_below(0x1p-58, g); }

/// Where v is 0 although gradients were not, since their squares would be subnormal, a step is that small gradient's
/// over epsilon.
bool has_longest_step(const Hyperparameters& h) { return h.epsilon >= 1e-15; }

/// Adam's |m| / sqrt(v) is bounded whatever the gradients were, by Cauchy and Schwarz:
/// |sum c1 b1^i g_i| <= c1 / sqrt(c2 (1 - b1^2 / b2)) * sqrt(sum c2 b2^i g_i^2). So a step whose direction the rounding
/// of tiny gradients leaves open still has a known length; both engines' steps lie within it (1e-5 covers roundings).
double largest_adam_ratio(const Hyperparameters& h) {
  const double c_1 = 1 - h.beta_1;
  const double c_2 = 1 - h.beta_2;
  return (1 + 1e-5) * c_1 / std::sqrt(c_2 * (1 - h.beta_1 * h.beta_1 / h.beta_2));
}

void adam_step(const Hyperparameters& h, std::span<const Bounded> rates, std::span<const Bounded> gradient,
               BoundedState& state) {
  state.beta_1_power *= h.beta_1;
  state.beta_2_power *= h.beta_2;
  const double correction = std::sqrt(1 - state.beta_2_power) / (1 - state.beta_1_power);
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const Bounded eta = rounded(rates[k].value * correction, rates[k].error * correction);
    Bounded& m = state.first_moment[k];
    Bounded& v = state.second_moment[k];
    const Bounded g = squarable_or_zero(gradient[k]);
    m = normal_or_zero(fma(constant(h.beta_1), m, constant(1 - h.beta_1) * g));
    v = normal_or_zero(fma(constant(h.beta_2), v, constant(1 - h.beta_2) * (g * g)));
    Bounded step = (eta * m) / (sqrt(v) + constant(h.epsilon));
    if (has_longest_step(h)) step.error = std::min(step.error, 2 * eta.value * largest_adam_ratio(h));
    state.parameters[k] = state.parameters[k] - step;
  }
}

/// w (1 - eta alpha) for weights, before adam's step.
void decay_step(const Topology& topology, const Hyperparameters& h, std::span<const Bounded> rates,
                BoundedState& state) {
  std::size_t k = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    for (std::int32_t o = 0; o < topology.fan_out(l); ++o, ++k) {
      for (std::int32_t i = 0; i < topology.fan_in(l); ++i, ++k) {
        const Bounded decay = rounded(rates[k].value * h.alpha, rates[k].error * h.alpha);
        state.parameters[k] = fma(-decay, state.parameters[k], state.parameters[k]);
      }
    }
  }
}

/// |g| / sqrt(v) <= 1 / sqrt(1 - beta_2), since v holds (1 - beta_2) g^2 at least.
void rmsprop_step(const Hyperparameters& h, std::span<const Bounded> rates, std::span<const Bounded> gradient,
                  BoundedState& state) {
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    Bounded& v = state.second_moment[k];
    const Bounded g = squarable_or_zero(gradient[k]);
    v = normal_or_zero(fma(constant(h.beta_2), v, constant(1 - h.beta_2) * (g * g)));
    const double longest = (1 + 1e-5) * rates[k].value / std::sqrt(1 - h.beta_2);
    Bounded step = (rates[k] * g) / (sqrt(v) + constant(h.epsilon));
    if (has_longest_step(h)) step.error = std::min(step.error, 2 * longest);
    state.parameters[k] = state.parameters[k] - step;
  }
}

void sgd_step(const Hyperparameters& h, std::span<const Bounded> rates, std::span<const Bounded> gradient,
              BoundedState& state) {
  const Bounded mu = constant(h.momentum);
  for (std::size_t k = 0; k < gradient.size(); ++k) {
    const Bounded eta = rates[k];
    Bounded& w = state.parameters[k];
    if (h.momentum == 0) {
      w = fma(-eta, gradient[k], w);
      continue;
    }
    Bounded& u = state.first_moment[k];
    const Bounded q = eta * gradient[k];
    u = normal_or_zero(fma(mu, u, -q));
    w = w + (h.nesterovs_momentum ? fma(mu, u, -q) : u);
  }
}

}  // namespace

BoundedState bounded_state(const TrialState& state) {
  return {exactly(state.parameters), exactly(state.first_moment), exactly(state.second_moment)};
}

BoundedPass bounded_pass(const Products& products, const Trial& trial, std::span<const Bounded> parameters,
                         std::span<const reference::Example> rows) {
  const Topology& topology = trial.topology;
  BoundedPass pass;
  std::vector<ProductSum> sums(parameters.size(), ProductSum(products));
  double weights = 0;
  for (const reference::Example& row : rows) {
    std::vector<Row> undropped(topology.n_layers());
    std::vector<Row> levels{exactly(row.inputs)};
    pass.z.clear();
    std::size_t k = 0;
    for (std::size_t l = 0; l < topology.n_layers(); ++l) {
      Row z;
      Row a;
      for (std::int32_t o = 0; o < topology.fan_out(l); ++o, ++k) {
        ProductSum sum(products, parameters[k + levels[l].size()]);
        for (const Bounded& input : levels[l]) sum.add(parameters[k++], input);
        z.push_back(sum.value());
        a.push_back(activated(topology.activation(l), z.back()));
        undropped[l].push_back(a.back());
        if (l < row.dropout.size()) a.back() = a.back() * exact(row.dropout[l][static_cast<std::size_t>(o)]);
      }
      pass.z.push_back(std::move(z));
      levels.push_back(std::move(a));
    }
    Output out = output_of(trial.hyperparameters, pass.z.back(), row.targets);
    const Bounded weight = exact(row.weight);
    pass.loss = pass.loss + weight * out.loss;
    weights += row.weight;
    Row delta = std::move(out.delta);
    if (row.weight != 1) std::ranges::transform(delta, delta.begin(), [&](Bounded d) { return d * weight; });
    for (std::size_t l = topology.n_layers(); l-- > 0;) {
      const Row& input = levels[l];
      k -= topology.n_parameters(l);
      std::vector<ProductSum> below_sums(input.size(), ProductSum(products));
      for (std::size_t o = 0; o < delta.size(); ++o) {
        const std::size_t first = k + o * (input.size() + 1);
        for (std::size_t i = 0; i < input.size(); ++i) {
          sums[first + i].add(delta[o], input[i]);
          below_sums[i].add(parameters[first + i], delta[o]);
        }
        sums[first + input.size()].add(delta[o], exact(1));
      }
      if (l == 0) break;
      Row below;
      for (const ProductSum& sum : below_sums) below.push_back(sum.value());
      for (std::size_t i = 0; i < below.size(); ++i) {
        below[i] = through(topology.activation(l - 1), pass.z[l - 1][i], undropped[l - 1][i], below[i]);
        if (!row.dropout.empty()) below[i] = below[i] * exact(row.dropout[l - 1][i]);
      }
      delta = std::move(below);
    }
  }
  for (const ProductSum& sum : sums) pass.gradient.push_back(sum.value());
  // The sum of weights is a sum of floats; its rounding counts where the weights are not whole.
  const Bounded total = rounded(weights, static_cast<double>(rows.size()) * kFloatRounding * weights);
  const Bounded inverse = weights == 0 ? exact(0) : exact(1) / total;
  const Hyperparameters& h = trial.hyperparameters;
  const Bounded decay = constant(h.solver == Solver::adamw ? 0 : h.alpha) * inverse;
  const Bounded l1 = constant(h.l1) * inverse;
  std::size_t k = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    for (std::int32_t o = 0; o < topology.fan_out(l); ++o) {
      for (std::int32_t i = 0; i <= topology.fan_in(l); ++i, ++k) {
        pass.gradient[k] = pass.gradient[k] * inverse;
        if (i == topology.fan_in(l)) continue;
        pass.gradient[k] = fma(decay, parameters[k], pass.gradient[k]);
        if (h.l1 > 0) pass.gradient[k] = pass.gradient[k] + l1 * direction(parameters[k]);
      }
    }
  }
  return pass;
}

namespace {

/// g * min(1, largest / |g|): the norm is off by no more than the norm of the errors.
void clip(double largest, std::vector<Bounded>& gradient) {
  double squares = 0;
  double errors = 0;
  for (const Bounded& g : gradient) {
    squares += g.value * g.value;
    errors += g.error * g.error;
  }
  const Bounded norm = {std::sqrt(squares), std::sqrt(errors)};
  const auto factor = [&](double n) { return n > largest ? largest / n : 1.0; };
  for (Bounded& g : gradient) g = g * monotonic(factor, norm, kFloatRounding);
}

/// The rate of each parameter: the epoch's float, times a layer's factor.
std::vector<Bounded> rates_of(const Trial& trial, float rate) {
  std::vector<Bounded> rates;
  for (std::size_t l = 0; l < trial.topology.n_layers(); ++l) {
    const auto above = static_cast<double>(trial.topology.n_layers() - 1 - l);
    const double factor = std::pow(trial.hyperparameters.layer_rate, above);
    const double of_layer = static_cast<double>(rate) * factor;
    rates.insert(rates.end(), trial.topology.n_parameters(l), factor == 1 ? exact(of_layer) : constant(of_layer));
  }
  return rates;
}

}  // namespace

Bounded bounded_epoch(const Products& products, const Trial& trial, std::span<const reference::Example> rows,
                      float rate, BoundedState& state) {
  const Hyperparameters& h = trial.hyperparameters;
  const std::size_t wanted = h.batch_size == 0 ? rows.size() : static_cast<std::size_t>(h.batch_size);
  const std::vector<Bounded> rates = rates_of(trial, rate);
  Bounded loss = exact(0);
  for (std::size_t begin = 0; begin < rows.size(); begin += wanted, ++state.step) {
    const auto given = rows.subspan(begin, std::min(wanted, rows.size() - begin));
    std::vector<reference::Example> minibatch(given.begin(), given.end());
    for (std::size_t r = 0; h.dropout > 0 && r < minibatch.size(); ++r) {
      minibatch[r].dropout = reference::dropout_factors(trial, state.step, r);
    }
    BoundedPass pass = bounded_pass(products, trial, state.parameters, minibatch);
    loss = loss + pass.loss;
    if (h.clip_norm > 0) clip(h.clip_norm, pass.gradient);
    if (h.solver == Solver::adamw) decay_step(trial.topology, h, rates, state);
    if (h.solver == Solver::rmsprop) {
      rmsprop_step(h, rates, pass.gradient, state);
    } else if (corrects_bias(h.solver)) {
      adam_step(h, rates, pass.gradient, state);
    } else {
      sgd_step(h, rates, pass.gradient, state);
    }
  }
  return loss;
}

}  // namespace shoal::verify
