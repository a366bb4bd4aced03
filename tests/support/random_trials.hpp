#pragma once

#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/trial.hpp"

/// Random tables and trials for tests: small, of every kind that the engines know.
namespace shoal::testing {

using Random = std::mt19937_64;

inline std::uint64_t below(Random& random, std::uint64_t n) { return random() % n; }
inline double unit(Random& random) { return static_cast<double>(random() >> 11) * 0x1p-53; }

template <class T>
T one_of(Random& random, const std::vector<T>& values) {
  return values[below(random, values.size())];
}

/// A table of n_rows rows, the last quarter of them validation, with scaling that is not neutral.
inline Dataset random_dataset(Random& random, Task task, std::size_t n_rows, std::int32_t n_inputs,
                              std::int32_t n_targets, bool weighted = false) {
  Dataset data;
  data.n_rows = n_rows;
  data.preprocessing.task = task;
  data.preprocessing.n_inputs = n_inputs;
  for (std::int32_t k = 0; k < n_targets; ++k) {
    (task == Task::classification ? data.preprocessing.classes : data.preprocessing.target_names)
        .push_back("t" + std::to_string(k));
  }
  for (std::size_t i = 0; i < n_rows * static_cast<std::size_t>(n_inputs); ++i) {
    data.inputs.push_back(static_cast<float>(4 * unit(random) - 2));
  }
  for (std::size_t i = 0; i < n_rows; ++i) {
    if (task == Task::classification) {
      data.labels.push_back(static_cast<std::int32_t>(below(random, static_cast<std::uint64_t>(n_targets))));
    }
    for (std::int32_t k = 0; task != Task::classification && k < n_targets; ++k) {
      const double value = task == Task::multilabel ? static_cast<double>(below(random, 2)) : 3 * unit(random) - 1;
      data.targets.push_back(static_cast<float>(value));
    }
    if (weighted) data.weights.push_back(static_cast<float>(below(random, 4)) * 0.5F);
  }
  Split split;
  for (std::uint32_t i = 0; i < n_rows; ++i) (i < n_rows - n_rows / 4 ? split.training : split.validation).push_back(i);
  const auto n = static_cast<std::size_t>(n_inputs);
  split.inputs.offset.assign(n, 0.125F);
  split.inputs.factor.assign(n, 0.75F);
  split.inputs.fill.assign(n, 0.0F);
  const auto n_t = static_cast<std::size_t>(n_targets);
  split.targets.offset.assign(n_t, task == Task::regression ? 0.25F : 0.0F);
  split.targets.factor.assign(n_t, task == Task::regression ? 1.5F : 1.0F);
  split.targets.unit.assign(n_t, task == Task::regression ? 1 / 1.5 : 1.0);
  data.splits.push_back(split);
  return data;
}

inline Loss random_loss(Random& random, const Dataset& data) {
  if (data.task() == Task::multilabel) return Loss::binary_cross_entropy;
  if (data.task() == Task::regression) return static_cast<Loss>(below(random, 4));
  return data.n_targets() == 2 ? one_of<Loss>(random, {Loss::cross_entropy, Loss::binary_cross_entropy})
                               : Loss::cross_entropy;
}

/// A trial of any shape of 0 to 4 hidden layers, solver, schedule and patience that fits the table.
inline Trial random_trial(Random& random, const Dataset& data) {
  Trial trial;
  Hyperparameters& h = trial.hyperparameters;
  h.loss = random_loss(random, data);
  trial.topology.n_inputs = data.n_inputs();
  trial.topology.n_outputs =
      data.task() == Task::classification && h.loss == Loss::binary_cross_entropy ? 1 : data.n_targets();
  for (std::uint64_t l = below(random, 5); l > 0; --l) {
    trial.topology.hidden_layer_sizes.push_back(static_cast<std::int32_t>(1 + below(random, 20)));
    trial.topology.activations.push_back(static_cast<Activation>(below(random, activation_names().size())));
  }
  h.solver = static_cast<Solver>(below(random, solver_names().size()));
  h.learning_rate_init = std::pow(10.0, -3 * unit(random));
  h.learning_rate = static_cast<Schedule>(below(random, schedule_names().size()));
  h.warmup_epochs = static_cast<std::int32_t>(below(random, 3));
  h.step_size = static_cast<std::int32_t>(1 + below(random, 3));
  h.momentum = one_of<double>(random, {0.0, 0.5, 0.9});
  h.nesterovs_momentum = below(random, 2) == 1;
  h.alpha = one_of<double>(random, {0.0, 1e-4, 0.1});
  h.huber_delta = 0.25 + unit(random);
  h.label_smoothing = one_of<double>(random, {0.0, 0.0, 0.1});
  if (data.task() == Task::classification) h.class_weight = static_cast<ClassWeight>(below(random, 2));
  h.layer_rate = one_of<double>(random, {1.0, 1.0, 0.7});
  h.l1 = one_of<double>(random, {0.0, 0.0, 1e-2});
  h.clip_norm = one_of<double>(random, {0.0, 0.0, 0.5});
  h.dropout = one_of<double>(random, {0.0, 0.0, 0.3});
  h.batch_size = one_of<std::int32_t>(random, {0, 1, 5, 8, 32});
  h.max_iter = static_cast<std::int32_t>(1 + below(random, 4));
  h.n_iter_no_change = static_cast<std::int32_t>(below(random, 3));
  h.tol = one_of<double>(random, {0.0, 1e-4, 0.5});
  h.init = static_cast<Init>(below(random, init_names().size() - 1));  // zeros, the last one, trains nothing
  h.bias_init = static_cast<BiasInit>(below(random, 2));
  h.shuffle = static_cast<Shuffle>(below(random, shuffle_names().size()));
  trial.seed = below(random, 1000);
  trial.shuffle_seed = h.shuffle == Shuffle::per_trial ? trial.seed : 3;
  return trial;
}

}  // namespace shoal::testing
