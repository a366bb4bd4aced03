#include "shoal/ensemble.hpp"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <string>

#include "run/output_loss.hpp"
#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// A sweep of four networks, all stored; `data` and `more` go into its file.
SweepSpec ensemble_sweep(const small::Folder& folder, const std::string& data, const std::string& more) {
  std::ofstream(folder / "s.yaml") << "data: {" << data << ", validation: 0.4}\nmethod: grid\n"
                                   << more
                                   << "parameters:\n  hidden_layer_sizes: {values: [[3], [6]]}\n"
                                      "  learning_rate_init: {values: [0.01, 0.05]}\n  max_iter: 6\n  batch_size: 8\n";
  return load_sweep(folder / "s.yaml");
}

std::vector<double> target_of(const std::filesystem::path& table) {
  std::vector<double> values;
  for (const std::string& line : small::lines(small::content(table))) {
    if (!values.empty() || line != "a,b,y") values.push_back(std::stod(line.substr(line.rfind(',') + 1)));
  }
  return values;
}

struct EnsembleOfNumbers : testing::Test {
  EnsembleOfNumbers() {
    small::write_regression(folder / "y.csv");
    spec = ensemble_sweep(folder, "train: y.csv", "metric: {name: val_rmse}\n");
    small::run_into(spec, folder / "run");
  }
  /// By predictions and the table alone.
  [[nodiscard]] double rmse(const std::vector<double>& predicted) const {
    const std::vector<double> truth = target_of(folder / "y.csv");
    const std::vector<std::uint32_t> rows = load_dataset(spec.data, 0).splits.at(0).validation;
    double squares = 0;
    for (const std::uint32_t row : rows) squares += std::pow(predicted.at(row) - truth.at(row), 2);
    return std::sqrt(squares / static_cast<double>(rows.size()));
  }
  small::Folder folder;
  SweepSpec spec;
};

TEST_F(EnsembleOfNumbers, TakesTheBestStepByStep) {
  const std::vector<std::string> ids = store::RunDirectory::open(folder / "run").kept();
  ASSERT_EQ(ids.size(), 4U);
  std::vector<std::vector<double>> alone;
  for (const std::string& id : ids) alone.push_back(predict(folder / "run", id, folder / "y.csv").values);
  const auto average = [&](std::vector<std::size_t> of) {
    std::vector<double> sum(alone[0].size(), 0.0);
    for (const std::size_t k : of) {
      for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += alone[k][i] / static_cast<double>(of.size());
    }
    return sum;
  };
  std::size_t first = 0;
  for (std::size_t k = 1; k < ids.size(); ++k) first = rmse(alone[k]) < rmse(alone[first]) ? k : first;
  double best = rmse(alone[first]);
  for (std::size_t k = 0; k < ids.size(); ++k) best = std::min(best, rmse(average({first, k})));

  const Ensemble one = select_ensemble(folder / "run", {.size = 1, .metric = {}, .out = folder / "one.json"});
  EXPECT_EQ(one.best_id, ids[first]);
  EXPECT_NEAR(one.value, rmse(alone[first]), 1e-5);
  EXPECT_EQ(one.value, one.best_value);
  EXPECT_EQ(one.members.size(), 1U);
  const Ensemble two = select_ensemble(folder / "run", {.size = 2, .metric = {}, .out = folder / "two.json"});
  EXPECT_NEAR(two.value, best, 1e-5);
}

TEST_F(EnsembleOfNumbers, IsWhatPredictAverages) {
  EXPECT_THROW((void)predict(folder / "run", "ensemble", folder / "y.csv"), InputError);
  const Ensemble ensemble = select_ensemble(folder / "run", {});
  EXPECT_EQ(ensemble.file, folder / "run" / "ensemble.json");
  EXPECT_EQ(ensemble.n_rows, 32U);
  const Predictions predictions = predict(folder / "run", "ensemble", folder / "y.csv");
  ASSERT_EQ(predictions.ids.size(), ensemble.members.size());
  std::vector<double> sum(predictions.values.size(), 0.0);
  double weights = 0;
  for (const Ensemble::Member& member : ensemble.members) {
    const std::vector<double> values = predict(folder / "run", member.id, folder / "y.csv").values;
    for (std::size_t i = 0; i < sum.size(); ++i) sum[i] += member.weight * values[i];
    weights += member.weight;
  }
  EXPECT_NEAR(weights, 1.0, 1e-12);
  for (std::size_t i = 0; i < sum.size(); ++i) EXPECT_NEAR(predictions.values[i], sum[i], 1e-9);
  EXPECT_NEAR(rmse(predictions.values), ensemble.value, 1e-5);
  EXPECT_LE(ensemble.value, ensemble.best_value);
}

TEST_F(EnsembleOfNumbers, RefusesMetricsThatAnAverageHasNot) {
  const auto by = [&](Metric metric) { return EnsembleOptions{.size = 2, .metric = metric, .out = folder / "e"}; };
  EXPECT_THROW(select_ensemble(folder / "run", by(Metric::train_loss)), InputError);
  EXPECT_THROW(select_ensemble(folder / "run", by(Metric::val_accuracy)), InputError);
  EXPECT_THROW(select_ensemble(folder / "nowhere", {}), InputError);
  EXPECT_FALSE(std::filesystem::exists(folder / "e"));
  EXPECT_NO_THROW(select_ensemble(folder / "run", by(Metric::val_loss)));
}

TEST_F(EnsembleOfNumbers, RefusesAnotherTable) {
  std::ofstream(folder / "y.csv", std::ios::app) << "0,0,300\n";
  try {
    (void)select_ensemble(folder / "run", {});
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with((folder / "y.csv").string() + ": the table has changed since"))
        << error.what();
  }
  std::filesystem::remove(folder / "y.csv");
  EXPECT_THROW(select_ensemble(folder / "run", {}), InputError);
}

TEST_F(EnsembleOfNumbers, OfNetworksThatAreNoLongerStoredIsToBeChosenAgain) {
  const Ensemble ensemble = select_ensemble(folder / "run", {});
  const std::string id = ensemble.members.front().id;
  std::filesystem::remove(folder / "run" / "models" / (id + ".safetensors"));
  try {
    (void)predict(folder / "run", "ensemble", folder / "y.csv");
    ADD_FAILURE() << "nothing was thrown";
  } catch (const InputError& error) {
    EXPECT_EQ(error.what(), (folder / "run" / "ensemble.json").string() +
                                ": was chosen before the run went on, which has not kept network " + id +
                                "; `shoal ensemble` chooses again");
  }
  EXPECT_NO_THROW(select_ensemble(folder / "run", {}));
}

TEST(EnsembleOfClasses, NeedsNoTestTable) {
  const small::Folder folder;
  small::write_classes(folder / "c.csv");
  std::filesystem::copy_file(folder / "c.csv", folder / "t.csv");
  const SweepSpec spec = ensemble_sweep(folder, "train: c.csv, test: t.csv", "metric: {name: val_loss}\n");
  small::run_into(spec, folder / "run");
  std::filesystem::remove(folder / "t.csv");
  EXPECT_NO_THROW(select_ensemble(folder / "run", {}));
}

TEST(EnsembleOfClasses, AgreesWithTheMetricsOfTheRun) {
  const small::Folder folder;
  small::write_classes(folder / "c.csv");
  const SweepSpec spec = ensemble_sweep(folder, "train: c.csv", "metric: {name: val_loss}\n");
  const RunSummary summary = small::run_into(spec, folder / "run");
  const Ensemble ensemble = select_ensemble(folder / "run", {});
  EXPECT_EQ(ensemble.best_id, summary.winner);
  const double stored = store::RunDirectory::open(folder / "run").row(summary.winner).metrics.of(Metric::val_loss);
  EXPECT_NEAR(ensemble.best_value, stored, 1e-6);
}

TEST(EnsembleOfFolds, TakesNetworksOfOneSplit) {
  const small::Folder folder;
  small::write_classes(folder / "c.csv");
  std::ofstream(folder / "s.yaml") << "data: {train: c.csv, cv: 3}\nmethod: grid\nmetric: {name: val_accuracy}\n"
                                      "trainer: {keep: 6}\nparameters:\n"
                                      "  learning_rate_init: {values: [0.01, 0.05]}\n  max_iter: 4\n  batch_size: 8\n";
  small::run_into(load_sweep(folder / "s.yaml"), folder / "run");
  const Ensemble ensemble = select_ensemble(folder / "run", {});
  EXPECT_EQ(ensemble.n_candidates, 2U);
  EXPECT_EQ(ensemble.n_other_folds, 4U);
  EXPECT_EQ(ensemble.n_rows, 30U);
  const std::string fold = ".f" + std::to_string(ensemble.fold);
  EXPECT_TRUE(store::RunDirectory::open(folder / "run").best(1, Metric::val_accuracy, true).at(0).id.ends_with(fold));
  for (const Ensemble::Member& member : ensemble.members) EXPECT_TRUE(member.id.ends_with(fold)) << member.id;
}

TEST(OutputLoss, OfClassesIsOfTheChanceOfTheRightOne) {
  Dataset dataset;
  dataset.preprocessing.task = Task::classification;
  dataset.preprocessing.classes = {"a", "b"};
  dataset.labels = {0, 1, 0};
  const std::vector<std::uint32_t> rows{1, 2};
  const float ln_3 = 1.0986123F;
  const std::vector<double> two = run::chances(dataset, rows, std::vector<float>{0, ln_3, 40, -60});
  ASSERT_EQ(two.size(), 2U);
  EXPECT_NEAR(two[0], 0.75, 1e-7);
  EXPECT_EQ(two[1], 1);  // beside e^-100
  const std::vector<double> one = run::chances(dataset, rows, std::vector<float>{ln_3, 40});
  EXPECT_NEAR(one[0], 0.75, 1e-7);
  EXPECT_NEAR(one[1], std::exp(-40), 1e-30);
  EXPECT_FLOAT_EQ(run::chance_loss(std::vector<double>{one[1]}), 40);  // not what a float leaves beside 1
  EXPECT_FLOAT_EQ(run::chance_loss(std::vector<double>{0.0}), 744.44007F);
}

TEST(OutputLoss, OfLabelsIsTheirSum) {
  Dataset dataset;
  dataset.preprocessing.task = Task::multilabel;
  dataset.preprocessing.target_names = {"a", "b"};
  dataset.targets = {0, 0, 1, 0};
  const std::vector<double> found =
      run::chances(dataset, std::vector<std::uint32_t>{1}, std::vector<float>{-1.0986123F, 1.0986123F});
  ASSERT_EQ(found.size(), 2U);
  EXPECT_FLOAT_EQ(run::chance_loss(found), 2.7725887F);  // ln 4 + ln 4
}

TEST(OutputLoss, OfNumbersIsThatOfTheDefinition) {
  Dataset dataset;
  Split split;
  Hyperparameters h;
  dataset.preprocessing.task = Task::regression;
  dataset.targets = {5, 1};
  split.targets = {{1, 1}, {0.5F, 1}, {2, 1}};  // scaled: 2 and 0
  const std::vector<float> values{2.5F, 3.0F};  // 0.5 and 3 from there
  const auto loss = [&](Loss kind) {
    h.loss = kind;
    return run::residual_loss(dataset, split, h, 0, values);
  };
  EXPECT_FLOAT_EQ(loss(Loss::squared_error), 9.25F);
  EXPECT_FLOAT_EQ(loss(Loss::half_squared_error), 4.625F);
  EXPECT_FLOAT_EQ(loss(Loss::absolute_error), 3.5F);
  EXPECT_FLOAT_EQ(loss(Loss::huber), 2.625F);  // 0.125 + (3 - 0.5)
}

/// At rates at which probabilities become 0 and 1 as floats.
TEST(EnsembleOfClasses, KnowsTheLossOfNetworksThatAreFarTooSure) {
  const small::Folder folder;
  std::ofstream(folder / "l.csv") << [] {
    std::string text = "x,a,b\n";
    for (int i = 0; i < 120; ++i) {
      const int x = i * 37 % 120;
      text += std::to_string(x) + "," + std::to_string(x > 60 ? 1 : 0) + "," + std::to_string(i % 2) + "\n";
    }
    return text;
  }();
  std::ofstream(folder / "s.yaml") << "data: {train: l.csv, target: [a, b], task: multilabel}\n"
                                      "metric: {name: val_loss}\ntrainer: {keep: 6}\nparameters:\n"
                                      "  hidden_layer_sizes: [6]\n  max_iter: 20\n  batch_size: 8\n"
                                      "  learning_rate_init: {values: [30, 300]}\n  activation: tanh\n  solver: sgd\n";
  small::run_into(load_sweep(folder / "s.yaml"), folder / "run");
  const store::RunDirectory directory = store::RunDirectory::open(folder / "run");
  const Ensemble ensemble = select_ensemble(folder / "run", {});
  const store::StoredRow best = directory.best(1, Metric::val_loss, false).at(0);
  EXPECT_EQ(ensemble.best_id, best.id);
  EXPECT_NEAR(ensemble.best_value, best.metrics.of(Metric::val_loss), 1e-5 * ensemble.best_value);
  EXPECT_GT(ensemble.best_value, 40) << "too tame a test: a float leaves a label 17.3 beside 1";
}

}  // namespace
}  // namespace shoal
