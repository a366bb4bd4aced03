#include <algorithm>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "search/choices.hpp"
#include "search/draws.hpp"
#include "search/grid.hpp"
#include "search/population.hpp"
#include "search/setting.hpp"
#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal {
namespace {

Loss default_loss(Task task) {
  switch (task) {
    case Task::classification:
      return Loss::cross_entropy;
    case Task::multilabel:
      return Loss::binary_cross_entropy;
    case Task::regression:
      break;
  }
  return Loss::squared_error;
}

/// Why the loss cannot be used for the table; empty: it can.
std::string loss_fault(Loss loss, const DataShape& shape) {
  const std::string quoted = "'" + std::string(name(loss)) + "' ";
  const bool of_numbers = loss < Loss::cross_entropy;
  switch (shape.task) {
    case Task::regression:
      return of_numbers ? "" : quoted + "is not for regression; use squared_error, absolute_error or huber";
    case Task::multilabel:
      return loss == Loss::binary_cross_entropy ? "" : quoted + "is not for multilabel; use binary_cross_entropy";
    case Task::classification:
      break;
  }
  if (of_numbers) return quoted + "is not for classification; use cross_entropy";
  if (loss == Loss::binary_cross_entropy && shape.n_targets != 2) {
    return quoted + "needs exactly 2 classes, the table has " + std::to_string(shape.n_targets) + "; use cross_entropy";
  }
  return "";
}

/// The words that a sweep gives for a parameter.
std::set<std::string> words_of(const SweepSpec& spec, std::string_view parameter) {
  std::set<std::string> words;
  for (const Axis& axis : spec.axes) {
    const auto column = std::ranges::find(axis.parameters, parameter);
    if (column == axis.parameters.end()) continue;
    for (const auto& choice : axis.values) {
      words.insert(std::get<std::string>(choice[static_cast<std::size_t>(column - axis.parameters.begin())]));
    }
  }
  return words;
}

void check_fit(const SweepSpec& spec, const DataShape& shape) {
  std::vector<Diagnostic> faults;
  const std::string file = spec.file.string();
  for (const std::string& loss : words_of(spec, "loss")) {
    if (std::string fault = loss_fault(loss_named(loss).value(), shape); !fault.empty()) {
      faults.push_back({file, 0, "parameters.loss", std::move(fault)});
    }
  }
  if (shape.task == Task::multilabel && words_of(spec, "class_weight").contains("balanced")) {
    faults.push_back({file, 0, "parameters.class_weight", "'balanced' is not for multilabel: a row has no one class"});
  }
  if (!metric_applies(spec.metric, shape.task)) {
    faults.push_back({file, 0, "metric.name",
                      "'" + std::string(name(spec.metric)) + "' means nothing for " + std::string(name(shape.task))});
  }
  if (spec.early_terminate.type == Terminator::pbt && !search::Population(spec).explores()) {
    faults.push_back({file, 0, "early_terminate.type",
                      "'pbt' has nothing to explore: give a distribution or several values to one of " +
                          search::explorable_parameters()});
  }
  if (!faults.empty()) throw InputError(std::move(faults));
}

std::vector<search::Choices> choices_of(const SweepSpec& spec) {
  std::vector<search::Choices> choices;
  for (const Axis& axis : spec.axes) choices.emplace_back(axis);
  return choices;
}

}  // namespace

struct Trials::State {
  State(const SweepSpec& spec, const DataShape& data_shape, const std::stop_token& stop)
      : shape(data_shape), repeat(spec.repeat), seed(spec.trainer.seed), choices(choices_of(spec)) {
    base.hyperparameters.loss = default_loss(shape.task);
    const std::string file = spec.file.string();
    const bool countable = std::ranges::none_of(choices, [](const search::Choices& axis) { return axis.size() == 0; });
    if (spec.method == Method::grid || countable) grid.emplace(choices, base, file);
    if (spec.method == Method::grid) {
      n_settings = std::min(grid->size(), spec.run_cap.value_or(grid->size()));
      n_merged = grid->n_merged();
      dropped.assign(grid->dropped().begin(), grid->dropped().end());
      return;
    }
    if (!countable && !spec.run_cap) throw InputError({file, 0, "run_cap", "is required with a distribution"});
    std::uint64_t n_wanted = countable ? grid->size() : *spec.run_cap;
    n_wanted = std::min(n_wanted, spec.run_cap.value_or(n_wanted));
    constexpr std::uint64_t kMostSettings = 1ULL << 26;
    if (n_wanted > kMostSettings) {
      throw InputError({file, 0, "run_cap", "must be at most 67108864 for method " + std::string(name(spec.method))});
    }
    grid.reset();
    draws = std::make_unique<search::Draws>(choices, base, spec.method, seed, n_wanted, stop);
    n_settings = draws->size();
    n_merged = draws->n_merged();
    dropped.assign(draws->dropped().begin(), draws->dropped().end());
  }
  // The grid and the draws refer to `choices` and `base`.
  State(const State&) = delete;
  State& operator=(const State&) = delete;

  DataShape shape;
  std::uint32_t repeat;
  std::uint64_t seed;
  std::vector<search::Choices> choices;
  search::Setting base;
  std::optional<search::Grid> grid;
  std::unique_ptr<const search::Draws> draws;
  std::uint64_t n_settings = 0;
  std::uint64_t n_merged = 0;
  std::vector<std::string> dropped;
};

Trials::Trials(const SweepSpec& spec, const DataShape& shape, const std::stop_token& stop) {
  check_fit(spec, shape);
  state_ = std::make_unique<const State>(spec, shape, stop);
  // Nobody would wait until more are planned.
  constexpr std::uint64_t kMostTrials = 1ULL << 32;
  if (state_->n_settings > kMostTrials / spec.repeat / shape.n_folds) {
    throw InputError({spec.file.string(), 0, state_->n_settings > 1 ? "parameters" : "repeat",
                      std::to_string(state_->n_settings) + " settings x " + std::to_string(spec.repeat) +
                          " repeats x " + std::to_string(shape.n_folds) +
                          " folds are more than 2^32 trials: give fewer of them, or a run_cap"});
  }
}
Trials::~Trials() = default;
Trials::Trials(Trials&&) noexcept = default;
Trials& Trials::operator=(Trials&&) noexcept = default;

std::uint64_t Trials::n_settings() const noexcept { return state_->n_settings; }
std::uint64_t Trials::size() const noexcept { return state_->n_settings * state_->repeat * state_->shape.n_folds; }
std::uint64_t Trials::n_merged() const noexcept { return state_->n_merged; }
std::vector<std::string> Trials::dropped_parameters() const { return state_->dropped; }

Trial Trials::at(std::uint64_t number) const {
  if (number >= size()) throw Error("there is no trial " + std::to_string(number) + " of " + std::to_string(size()));
  const State& state = *state_;
  Trial trial;
  trial.number = number;
  trial.fold = static_cast<std::uint32_t>(number % state.shape.n_folds);
  trial.repeat = static_cast<std::uint32_t>(number / state.shape.n_folds % state.repeat);
  trial.setting = number / state.shape.n_folds / state.repeat;
  search::Setting setting = state.draws ? state.draws->at(trial.setting) : state.grid->at(trial.setting);
  trial.id = state.draws ? state.draws->id(trial.setting) : search::id_of(setting);
  if (trial.repeat > 0) trial.id += ".r" + std::to_string(trial.repeat);
  if (state.shape.has_cv) trial.id += ".f" + std::to_string(trial.fold);
  trial.seed = setting.seed.value_or(state.seed) + trial.repeat;
  trial.shuffle_seed = setting.hyperparameters.shuffle == Shuffle::per_trial ? trial.seed : state.seed;
  const bool one_output =
      state.shape.task == Task::classification && setting.hyperparameters.loss == Loss::binary_cross_entropy;
  trial.topology = {.n_inputs = state.shape.n_inputs,
                    .hidden_layer_sizes = std::move(setting.hidden_layer_sizes),
                    .activations = std::move(setting.activations),
                    .n_outputs = one_output ? 1 : state.shape.n_targets};
  trial.hyperparameters = setting.hyperparameters;
  return trial;
}

DataShape shape_of(const Dataset& dataset) {
  return {.task = dataset.task(),
          .n_inputs = dataset.n_inputs(),
          .n_targets = dataset.n_targets(),
          .n_folds = static_cast<std::uint32_t>(dataset.splits.size()),
          .has_cv = dataset.splits.size() > 1};
}

}  // namespace shoal
