#include "engine/definition.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "kernels/math/dropout.hpp"
#include "kernels/math/epoch_decision.hpp"
#include "kernels/math/normal.hpp"
#include "kernels/math/permutation.hpp"
#include "kernels/math/philox.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal {
namespace {

/// The distribution of a layer's parameters: normal, or uniform of the same variance.
struct InitDistribution {
  double variance = 0;
  bool normal = false;
};

/// range: of Init::uniform.
InitDistribution init_distribution(Init init, double range, double fan_in, double fan_out) {
  switch (init) {
    case Init::glorot_uniform:
    case Init::glorot_normal:  // Glorot & Bengio 2010, equation 12
      return {2.0 / (fan_in + fan_out), init == Init::glorot_normal};
    case Init::he_uniform:
    case Init::he_normal:  // He et al. 2015, equation 10
      return {2.0 / fan_in, init == Init::he_normal};
    case Init::lecun_uniform:
    case Init::lecun_normal:  // LeCun et al. 1998, equation 16
      return {1.0 / fan_in, init == Init::lecun_normal};
    case Init::uniform:
      return {range * range / 3.0, false};
    case Init::zeros:
      return {};
  }
  return {};
}

float draw(const InitDistribution& distribution, std::uint64_t seed, std::size_t layer, std::size_t element) {
  const math::Words4 words = math::random_words(math::Purpose::init, 0, static_cast<std::uint32_t>(layer),
                                                static_cast<std::uint32_t>(element), seed);
  const double unit = math::open_unit(words.word[0], words.word[1]);
  if (distribution.normal) {
    const double angle = math::open_unit(words.word[2], words.word[3]);
    return static_cast<float>(std::sqrt(distribution.variance) * math::standard_normal(unit, angle));
  }
  return static_cast<float>((2.0 * unit - 1.0) * std::sqrt(3.0 * distribution.variance));
}

/// Loshchilov & Hutter 2017, equation 5, without restarts; `done`: share of the horizon, in [0, 1).
double cosine_rate(const Hyperparameters& h, double done) {
  return h.eta_min + 0.5 * (h.learning_rate_init - h.eta_min) * (1.0 + std::cos(std::numbers::pi * done));
}

}  // namespace

GangKey gang_key(const Trial& trial) {
  const Hyperparameters& h = trial.hyperparameters;
  const bool plain = h.l1 == 0 && h.clip_norm == 0 && h.dropout == 0 && h.layer_rate == 1 &&
                     h.class_weight == ClassWeight::none && h.learning_rate != Schedule::adaptive;
  return {trial.topology, h.loss, h.solver, trial.fold, h.batch_size, h.shuffle, trial.shuffle_seed, plain};
}

TrialState initial_state(const Trial& trial) {
  const Hyperparameters& h = trial.hyperparameters;
  TrialState state;
  state.parameters.reserve(trial.topology.n_parameters());
  if (trial.start) state.parameters = *trial.start;
  for (std::size_t l = 0; !trial.start && l < trial.topology.n_layers(); ++l) {
    const auto fan_in = static_cast<std::size_t>(trial.topology.fan_in(l));
    const auto fan_out = static_cast<std::size_t>(trial.topology.fan_out(l));
    const InitDistribution distribution =
        init_distribution(h.init, h.init_range, static_cast<double>(fan_in), static_cast<double>(fan_out));
    for (std::size_t element = 0; element < fan_out * (fan_in + 1); ++element) {
      const bool is_bias = element % (fan_in + 1) == fan_in;
      const bool drawn = !is_bias || h.bias_init == BiasInit::like_weights;
      state.parameters.push_back(drawn ? draw(distribution, trial.seed, l, element) : 0.0F);
    }
  }
  if (has_first_moment(h)) state.first_moment.assign(state.parameters.size(), 0.0F);
  if (has_second_moment(h.solver)) state.second_moment.assign(state.parameters.size(), 0.0F);
  return state;
}

void fill_epoch_order(const Trial& trial, std::uint32_t epoch, std::span<std::uint32_t> order) {
  const auto n = static_cast<std::uint32_t>(order.size());
  if (trial.hyperparameters.shuffle == Shuffle::none) {
    std::iota(order.begin(), order.end(), 0U);
  } else if (n < math::kSmallestFeistel) {
    math::shuffle_few(order.data(), n, trial.shuffle_seed, epoch);
  } else {
    const math::EpochPermutation permutation(n, trial.shuffle_seed, epoch);
    for (std::uint32_t i = 0; i < n; ++i) order[i] = permutation(i);
  }
}

std::vector<std::uint32_t> epoch_order(const Trial& trial, std::uint32_t n_rows, std::uint32_t epoch) {
  std::vector<std::uint32_t> order(n_rows);
  fill_epoch_order(trial, epoch, order);
  return order;
}

float epoch_rate(const Trial& trial, std::uint32_t n_rows, std::uint32_t epoch, std::uint32_t n_rate_drops) {
  const Hyperparameters& h = trial.hyperparameters;
  const double initial = h.learning_rate_init;
  switch (h.learning_rate) {
    case Schedule::constant:
      return static_cast<float>(initial);
    case Schedule::step: {
      const std::uint32_t n_steps = epoch / static_cast<std::uint32_t>(h.step_size);
      return static_cast<float>(initial * std::pow(h.gamma, static_cast<double>(n_steps)));
    }
    case Schedule::exponential:
      return static_cast<float>(initial * std::pow(h.gamma, static_cast<double>(epoch)));
    case Schedule::cosine:
      return static_cast<float>(cosine_rate(h, static_cast<double>(epoch) / static_cast<double>(h.max_iter)));
    case Schedule::warmup_cosine: {
      const auto warmup = static_cast<std::uint32_t>(h.warmup_epochs);
      if (epoch < warmup) return static_cast<float>(initial * (epoch + 1.0) / (warmup + 1.0));
      const double left = static_cast<double>(h.max_iter) - static_cast<double>(warmup);
      return static_cast<float>(cosine_rate(h, static_cast<double>(epoch - warmup) / left));
    }
    case Schedule::invscaling: {
      const double rows_seen = static_cast<double>(epoch) * static_cast<double>(n_rows);
      return static_cast<float>(initial / std::pow(rows_seen + 1.0, h.power_t));
    }
    case Schedule::adaptive:
      return static_cast<float>(math::adaptive_rate(initial, n_rate_drops));
  }
  return static_cast<float>(initial);
}

std::vector<double> layer_rates(const Trial& trial) {
  std::vector<double> factors(trial.topology.n_layers(), 1.0);
  for (std::size_t l = factors.size() - 1; l-- > 0;) {
    factors[l] = factors[l + 1] * trial.hyperparameters.layer_rate;
  }
  return factors;
}

std::vector<float> class_weights(const Dataset& dataset, const Split& split, ClassWeight kind) {
  if (kind == ClassWeight::none) return {};
  std::vector<double> counts(dataset.preprocessing.classes.size(), 0.0);
  for (const std::uint32_t row : split.training) ++counts[static_cast<std::size_t>(dataset.labels[row])];
  const auto n_rows = static_cast<double>(split.training.size());
  const auto n_classes = static_cast<double>(counts.size());
  std::vector<float> weights;
  for (const double count : counts) {
    weights.push_back(count > 0 ? static_cast<float>(n_rows / (n_classes * count)) : 0.0F);
  }
  return weights;
}

float training_weight(const Dataset& dataset, std::span<const float> class_weights, std::uint32_t row) {
  const float of_row = dataset.weights.empty() ? 1.0F : dataset.weights[row];
  return class_weights.empty() ? of_row : of_row * class_weights[static_cast<std::size_t>(dataset.labels[row])];
}

double mean_row_loss(const Dataset& dataset, const Trial& trial, std::span<const std::uint32_t> rows,
                     std::span<const float> losses) {
  const std::vector<float> of_classes =
      class_weights(dataset, dataset.splits.at(trial.fold), trial.hyperparameters.class_weight);
  math::Sum32 loss;
  math::Sum32 weight;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const auto row_weight = static_cast<double>(training_weight(dataset, of_classes, rows[r]));
    loss.add(row_weight * static_cast<double>(losses[r]));
    weight.add(row_weight);
  }
  return loss.total() / weight.total();
}

std::vector<float> dropout_row(const Trial& trial, std::uint64_t step, std::size_t l, std::size_t position) {
  const math::Dropout dropout(trial.hyperparameters.dropout, trial.seed, step);
  const auto n_units = static_cast<std::size_t>(trial.topology.fan_out(l));
  std::vector<float> row;
  for (std::size_t element = position * n_units; element < (position + 1) * n_units; ++element) {
    std::array<float, 4> four{};
    dropout.factors(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(element / 4), four.data());
    row.push_back(four.at(element % 4));
  }
  return row;
}

std::uint32_t rows_in_minibatch(const Trial& trial, std::uint32_t n_rows) {
  const auto wanted = static_cast<std::uint32_t>(trial.hyperparameters.batch_size);
  return wanted == 0 ? n_rows : std::min(wanted, n_rows);
}

EpochRows epoch_rows(const GangKey& key, const Dataset& dataset) {
  Trial trial;  // what rows_in_minibatch reads of one
  trial.hyperparameters.batch_size = key.batch_size;
  const Split& split = dataset.splits.at(key.fold);
  const auto n_training = static_cast<std::uint32_t>(split.training.size());
  return {n_training, static_cast<std::uint32_t>(split.validation.size()),
          std::max(1U, rows_in_minibatch(trial, n_training))};
}

double seconds_in_company(const Prediction& prediction, const Gang& gang) {
  const double share = static_cast<double>(std::max<std::uint64_t>(gang.n_company, gang.n_slots)) / gang.n_slots;
  return std::max(prediction.epoch_s * share, prediction.alone_s);
}

void rank(std::vector<Prediction>& predictions, const Gang& gang) {
  std::ranges::stable_sort(predictions, {}, [&](const Prediction& p) { return seconds_in_company(p, gang); });
}

std::int32_t n_outputs(const Dataset& dataset, Loss loss) {
  return dataset.task() == Task::classification && loss == Loss::binary_cross_entropy ? 1 : dataset.n_targets();
}

void scale_inputs(const InputScaling& scaling, std::span<const float> raw, std::span<float> scaled) {
  const std::size_t n = scaling.offset.size();
  for (std::size_t first = 0; first < raw.size(); first += n) {
    const auto from = raw.subspan(first, n);
    const auto to = scaled.subspan(first, n);
    for (std::size_t i = 0; i < n; ++i) {
      const float value = (from[i] - scaling.offset[i]) * scaling.factor[i];
      to[i] = from[i] != from[i] ? scaling.fill[i] : value;
    }
  }
}

void fill_target(const Dataset& dataset, const Split& split, Loss loss, std::uint32_t row, std::span<float> targets) {
  if (dataset.task() == Task::classification) {
    const auto label = static_cast<std::size_t>(dataset.labels[row]);
    if (loss == Loss::binary_cross_entropy) {
      targets[0] = static_cast<float>(label);
    } else {
      std::ranges::fill(targets, 0.0F);
      targets[label] = 1.0F;
    }
    return;
  }
  const std::size_t first = static_cast<std::size_t>(row) * targets.size();
  for (std::size_t o = 0; o < targets.size(); ++o) {
    targets[o] = (dataset.targets[first + o] - split.targets.offset[o]) * split.targets.factor[o];
  }
}

std::vector<double> table_outputs(const Dataset& dataset, const Split& split, std::size_t n_outputs,
                                  std::span<const float> raw) {
  const Preprocessing& preprocessing = dataset.preprocessing;
  std::vector<double> all;
  if (n_outputs == 1 && dataset.n_targets() == 2) {  // two classes, one output: the second class's probability
    for (const float second : raw)
      all.insert(all.end(), {1.0 - static_cast<double>(second), static_cast<double>(second)});
    return all;
  }
  all.assign(raw.begin(), raw.end());
  if (dataset.task() != Task::regression) return all;
  for (std::size_t i = 0; i < all.size(); ++i) {
    const std::size_t output = i % n_outputs;
    all[i] = all[i] / static_cast<double>(split.targets.factor.at(output)) +
             static_cast<double>(split.targets.offset.at(output)) + preprocessing.target_centre.at(output);
  }
  return all;
}

}  // namespace shoal
