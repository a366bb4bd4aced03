// Loss curves and final parameters that PyTorch found in float64 (make_golden.py), against the reference and cpu
// engines.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <vector>

#include "engine/definition.hpp"
#include "engine/reference/reference.hpp"
#include "noise.hpp"
#include "shoal/engine.hpp"
#include "store/trial_json.hpp"
#include "verify/bounded_training.hpp"
#include "verify/tables.hpp"

namespace shoal {
namespace {

using nlohmann::json;

constexpr std::size_t kRows = 38;
constexpr std::size_t kInputs = 3;

struct Golden {
  std::string name;
  Trial trial;
  Dataset dataset;
  TrialState start;
  std::vector<double> losses;  ///< [epoch]
  std::vector<double> parameters;
  std::vector<reference::Example> rows;
};

Dataset table(Loss loss) {
  const std::vector<float> inputs = golden::noise(kRows * kInputs, 1);
  if (loss == Loss::cross_entropy) {
    std::vector<float> classes;
    for (std::size_t row = 0; row < kRows; ++row) {
      const double x = std::abs(static_cast<double>(inputs[row * kInputs]));
      classes.push_back(static_cast<float>(static_cast<int>(9 * x) % 3));
    }
    return verify::plain_dataset(Task::classification, inputs, kInputs, classes, 3);
  }
  std::vector<float> targets = golden::noise(kRows * 2, 2);
  const bool labels = loss == Loss::binary_cross_entropy;
  if (labels) std::ranges::transform(targets, targets.begin(), [](float t) { return t > 0 ? 1.0F : 0.0F; });
  return verify::plain_dataset(labels ? Task::multilabel : Task::regression, inputs, kInputs, targets, 2);
}

Golden golden_of(const json& from) {
  Golden g;
  Trial defaults;
  json settings = json::parse(store::to_json(defaults).dump());
  settings["hyperparameters"].merge_patch(from["hyperparameters"]);
  g.trial = store::trial_from_json(settings);
  Topology& topology = g.trial.topology;
  topology.hidden_layer_sizes = from["hidden_layer_sizes"].get<std::vector<std::int32_t>>();
  for (const json& word : from["activations"])
    topology.activations.push_back(activation_named(word.get<std::string>()).value());
  const Hyperparameters& h = g.trial.hyperparameters;
  g.dataset = table(h.loss);
  topology.n_inputs = kInputs;
  topology.n_outputs = n_outputs(g.dataset, h.loss);
  g.trial.seed = 11;
  if (from["weighted"]) {
    for (const float w : golden::noise(kRows, 4)) g.dataset.weights.push_back(std::abs(w) + 0.25F);
  }
  g.start = initial_state(g.trial);
  const std::vector<float> drawn = golden::noise(topology.n_parameters(), 3);
  std::ranges::transform(drawn, g.start.parameters.begin(), [](float value) { return 0.75F * value; });
  g.losses = from["losses"].get<std::vector<double>>();
  g.parameters = from["parameters"].get<std::vector<double>>();
  g.name = from["activations"].dump() + ' ' + from["hyperparameters"].dump();
  const std::vector<float> of_classes = class_weights(g.dataset, g.dataset.splits.front(), h.class_weight);
  for (std::uint32_t row = 0; row < kRows; ++row) {
    reference::Example& example = g.rows.emplace_back();
    const std::span<const float> inputs = g.dataset.row(row);
    example.inputs.assign(inputs.begin(), inputs.end());
    std::vector<float> targets(static_cast<std::size_t>(topology.n_outputs));
    fill_target(g.dataset, g.dataset.splits.front(), h.loss, row, targets);
    example.targets.assign(targets.begin(), targets.end());
    example.weight = static_cast<double>(training_weight(g.dataset, of_classes, row));
  }
  return g;
}

std::vector<Golden> all() {
  std::ifstream file(SHOAL_SOURCE_DIR "/tests/golden/golden.json");
  const json document = json::parse(file);
  std::vector<Golden> found;
  for (const json& from : document["configurations"]) found.push_back(golden_of(from));
  return found;
}

double relative(double found, double expected) {
  return std::abs(found - expected) / std::max(1.0, std::abs(expected));
}

TEST(Golden, CoversTheDefinition) {
  const std::vector<Golden> every = all();
  EXPECT_GE(every.size(), 60U);
  std::set<Activation> activations;
  std::set<Loss> losses;
  std::set<Solver> solvers;
  std::set<Schedule> schedules;
  for (const Golden& g : every) {
    activations.insert(g.trial.topology.activations.begin(), g.trial.topology.activations.end());
    losses.insert(g.trial.hyperparameters.loss);
    solvers.insert(g.trial.hyperparameters.solver);
    schedules.insert(g.trial.hyperparameters.learning_rate);
  }
  EXPECT_EQ(activations.size(), activation_names().size());
  EXPECT_EQ(losses.size(), loss_names().size());
  EXPECT_EQ(solvers.size(), solver_names().size());
  EXPECT_EQ(schedules.size(), schedule_names().size());
}

TEST(Golden, TheReferenceAgreesToTenDigits) {
  double worst = 0;
  for (const Golden& g : all()) {
    const Hyperparameters& h = g.trial.hyperparameters;
    reference::State state = reference::widened(g.start);
    for (std::size_t epoch = 0; epoch < g.losses.size(); ++epoch) {
      const float rate = epoch_rate(g.trial, kRows, static_cast<std::uint32_t>(epoch), state.n_rate_drops);
      const auto sums = reference::train_epoch(
          g.trial, epoch_order(g.trial, kRows, static_cast<std::uint32_t>(epoch)),
          [&](std::uint32_t row) { return g.rows[row]; }, static_cast<double>(rate), {}, state);
      const double loss = sums->loss / sums->weight;
      worst = std::max(worst, relative(loss, g.losses[epoch]));
      ASSERT_LT(relative(loss, g.losses[epoch]), 1e-10) << g.name << ", epoch " << epoch;
      reference::decide(h, false, loss, loss, true, state);
    }
    ASSERT_EQ(state.parameters.size(), g.parameters.size());
    for (std::size_t k = 0; k < g.parameters.size(); ++k) {
      worst = std::max(worst, relative(state.parameters[k], g.parameters[k]));
      ASSERT_LT(relative(state.parameters[k], g.parameters[k]), 1e-10) << g.name << ", parameter " << k;
    }
  }
  EXPECT_GT(worst, 0);  // two programs, not one
  RecordProperty("worst", std::to_string(worst * 1e15) + "e-15");
}

TEST(Golden, TheCpuEngineStaysWithinItsBound) {
  std::size_t n_sgd = 0;
  std::size_t n_tight = 0;
  for (const Golden& g : all()) {
    const Hyperparameters& h = g.trial.hyperparameters;
    const auto n_epochs = static_cast<std::uint32_t>(g.losses.size());
    const auto engine = make_engine("cpu", g.dataset, {.n_threads = 1});
    const Gang gang{gang_key(g.trial), 0, 1, false, h.dropout > 0};
    engine->prepare(std::span(&gang, 1));
    engine->place(0, g.trial, g.start);
    const TrainTarget target{0, n_epochs};
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    engine->train(std::span(&target, 1), {}, records, lost);
    ASSERT_EQ(records.size(), n_epochs);
    verify::BoundedState state = verify::bounded_state(g.start);
    reference::State decisions;
    decisions.best_train_loss = std::numeric_limits<double>::infinity();
    for (std::uint32_t epoch = 0; epoch < n_epochs; ++epoch) {
      const float rate = epoch_rate(g.trial, kRows, epoch, decisions.n_rate_drops);
      const verify::Bounded loss = verify::bounded_epoch(verify::kStrictProducts, g.trial, g.rows, rate, state);
      const double weight = records[epoch].train_weight;
      EXPECT_NEAR(records[epoch].train_loss / weight, g.losses[epoch], loss.error / weight + 1e-10) << g.name;
      ++decisions.epoch;
      reference::decide(h, false, g.losses[epoch], g.losses[epoch], true, decisions);
    }
    const TrialState found = engine->read(0);
    for (std::size_t k = 0; k < g.parameters.size(); ++k) {
      const double error = state.parameters[k].error;
      EXPECT_NEAR(static_cast<double>(found.parameters[k]), g.parameters[k], error + 1e-10) << g.name;
      if (h.solver != Solver::sgd) continue;
      ++n_sgd;
      n_tight += error < 1e-3 ? 1 : 0;
    }
  }
  // A bound that admits anything proves nothing; 50 steps of a solver that divides by the gradient leave none.
  EXPECT_GT(n_tight, n_sgd * 3 / 4) << "of " << n_sgd;
}

}  // namespace
}  // namespace shoal
