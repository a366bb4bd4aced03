#include <algorithm>
#include <fmt/format.h>
#include <set>

#include "search/expansion.hpp"
#include "search/settings.hpp"
#include "shoal/error.hpp"
#include "shoal/sweep.hpp"
#include "spec/nearest.hpp"

namespace shoal {
namespace {

using search::Expansion;
using search::Settings;

Loss default_loss(Task task) {
  switch (task) {
    case Task::classification:
      return Loss::cross_entropy;
    case Task::regression:
      return Loss::squared_error;
    case Task::multilabel:
      return Loss::binary_cross_entropy;
  }
  return Loss::squared_error;
}

/// Why a loss cannot be used for the table; empty if it can.
std::string loss_refusal(Loss loss, const DataShape& shape) {
  const bool squared = loss == Loss::squared_error || loss == Loss::half_squared_error;
  if (squared != (shape.task == Task::regression)) {
    return fmt::format("{} is no loss for {}; use {}", name(loss), name(shape.task), name(default_loss(shape.task)));
  }
  if (shape.task == Task::multilabel && loss != Loss::binary_cross_entropy) {
    return "multilabel needs binary_cross_entropy";
  }
  if (shape.task == Task::classification && loss == Loss::binary_cross_entropy && shape.n_targets != 2) {
    return fmt::format("binary_cross_entropy takes 2 classes, the table has {}; use cross_entropy", shape.n_targets);
  }
  return {};
}

std::set<Loss> losses_of(const SweepSpec& spec, Task task) {
  std::set<Loss> losses;
  for (const Axis& axis : spec.axes) {
    for (std::size_t p = 0; p < axis.parameters.size(); ++p) {
      if (axis.parameters[p] != "loss") continue;
      for (const auto& choice : axis.values) losses.insert(loss_named(std::get<std::string>(choice[p])).value());
    }
  }
  if (losses.empty()) losses.insert(default_loss(task));
  return losses;
}

void check_against_table(const SweepSpec& spec, const DataShape& shape) {
  std::vector<Diagnostic> faults;
  const std::string file = spec.file.string();
  const std::set<Loss> losses = losses_of(spec, shape.task);
  for (const Loss loss : losses) {
    const std::string refusal = loss_refusal(loss, shape);
    if (!refusal.empty()) faults.push_back({file, 0, "parameters.loss", refusal});
  }
  const bool by_loss = spec.metric == Metric::val_loss || spec.metric == Metric::train_loss;
  if (by_loss && losses.size() > 1) {
    faults.push_back(
        {file, 0, "metric.name",
         fmt::format("{} cannot be compared between different losses; choose another metric", name(spec.metric))});
  }
  if (!metric_applies(spec.metric, shape.task)) {
    faults.push_back(
        {file, 0, "metric.name", fmt::format("{} means nothing for {}", name(spec.metric), name(shape.task))});
  }
  if (!faults.empty()) throw InputError(std::move(faults));
}

std::unique_ptr<Expansion> make_expansion(const SweepSpec& spec, const Settings& defaults) {
  if (spec.method == Method::grid) return search::make_grid(spec.axes, defaults);
  std::uint64_t n = spec.run_cap.value_or(0);
  if (!spec.run_cap) n = search::make_grid(spec.axes, defaults)->size();
  if (spec.method == Method::random) return search::make_random(spec.axes, defaults, n, spec.trainer.seed);
  return search::make_sobol(spec.axes, defaults, n, spec.trainer.seed);
}

}  // namespace

struct Trials::State {
  DataShape shape;
  std::uint32_t repeat = 1;
  std::uint64_t seed = 0;
  std::unique_ptr<Expansion> expansion;
  std::uint64_t n_settings = 0;
  std::vector<Axis> axes;
};

Trials::Trials(const SweepSpec& spec, const DataShape& shape) {
  check_against_table(spec, shape);
  Settings defaults;
  defaults.hyperparameters.loss = default_loss(shape.task);
  auto state = std::make_unique<State>();
  state->shape = shape;
  state->repeat = spec.repeat;
  state->seed = spec.trainer.seed;
  state->expansion = make_expansion(spec, defaults);
  state->n_settings = std::min(state->expansion->size(), spec.run_cap.value_or(state->expansion->size()));
  state->axes = spec.axes;
  state_ = std::move(state);
}

Trials::~Trials() = default;
Trials::Trials(Trials&&) noexcept = default;
Trials& Trials::operator=(Trials&&) noexcept = default;

std::uint64_t Trials::n_settings() const noexcept { return state_->n_settings; }
std::uint64_t Trials::size() const noexcept { return state_->n_settings * state_->repeat * state_->shape.n_folds; }
std::uint64_t Trials::n_merged() const noexcept { return state_->expansion->n_merged(); }

Trial Trials::at(std::uint64_t number) const {
  const State& s = *state_;
  if (number >= size()) throw Error(fmt::format("there is no trial {}: the sweep has {}", number, size()));
  Trial trial;
  trial.number = number;
  trial.fold = static_cast<std::uint32_t>(number % s.shape.n_folds);
  trial.repeat = static_cast<std::uint32_t>(number / s.shape.n_folds % s.repeat);
  trial.setting = number / s.shape.n_folds / s.repeat;
  const Settings settings = s.expansion->at(trial.setting);
  trial.hyperparameters = settings.hyperparameters;
  trial.topology.n_inputs = s.shape.n_inputs;
  trial.topology.hidden_layer_sizes = settings.hidden_layer_sizes;
  trial.topology.activations = settings.activations;
  if (settings.activations.size() == 1)
    trial.topology.activations.assign(settings.hidden_layer_sizes.size(), settings.activations.front());
  if (settings.hidden_layer_sizes.empty()) trial.topology.activations.clear();
  const bool one_output =
      s.shape.task == Task::classification && settings.hyperparameters.loss == Loss::binary_cross_entropy;
  trial.topology.n_outputs = one_output ? 1 : s.shape.n_targets;
  trial.seed = settings.seed.value_or(s.seed) + trial.repeat;
  trial.shuffle_seed = s.seed;
  trial.id = search::identity_text(settings);
  if (trial.repeat > 0) trial.id += fmt::format(".r{}", trial.repeat);
  if (s.shape.has_cv) trial.id += fmt::format(".f{}", trial.fold);
  return trial;
}

std::vector<std::string> Trials::dropped_parameters() const {
  std::vector<std::string> dropped;
  constexpr std::uint64_t kLooked = 4096;  // settings; enough to meet every combination that decides what is used
  for (const Axis& axis : state_->axes) {
    for (const std::string& parameter : axis.parameters) {
      for (std::uint64_t i = 0; i < std::min(kLooked, state_->n_settings); ++i) {
        if (search::uses(state_->expansion->at(i), parameter)) continue;
        dropped.push_back(parameter);
        break;
      }
    }
  }
  return dropped;
}

DataShape shape_of(const Dataset& dataset) {
  const bool has_cv = dataset.splits.size() > 1;
  return {dataset.task(), dataset.n_inputs(), dataset.n_targets(), static_cast<std::uint32_t>(dataset.splits.size()),
          has_cv};
}

}  // namespace shoal
