#include "report/trial_table.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "small_sweeps.hpp"
#include "spec/nan.hpp"

namespace shoal::report {
namespace {

Trial trial_of(const std::string& id, double rate, std::vector<std::int32_t> sizes = {4}) {
  Trial trial;
  trial.id = id;
  trial.hyperparameters.learning_rate_init = rate;
  trial.topology = {.n_inputs = 2, .hidden_layer_sizes = sizes, .activations = {}, .n_outputs = 1};
  trial.topology.activations.assign(sizes.size(), Activation::relu);
  return trial;
}

TrialResult result_of(const Trial& trial, double accuracy, TrialStatus status = TrialStatus::finished) {
  TrialResult result;
  result.trial = trial;
  result.status = status;
  result.epochs = 2;
  result.metrics.values[static_cast<std::size_t>(Metric::val_accuracy)] = accuracy;
  result.train_seconds = 0.5;
  return result;
}

TrialTable table_of(const std::vector<TrialResult>& results) {
  const small::Folder folder;
  store::Manifest manifest;
  manifest.metric = Metric::val_accuracy;
  manifest.maximize = true;
  auto directory = store::RunDirectory::create(folder / "run", manifest);
  for (const TrialResult& result : results) directory.add(result);
  directory.flush(manifest);
  return read_trials(directory);
}

TEST(TrialTable, PutsTheBestFirstAndDivergedOnesLast) {
  const TrialTable table = table_of({result_of(trial_of("a", 0.1), 0.5), result_of(trial_of("b", 0.1), 0.9),
                                     result_of(trial_of("c", 0.1), 0.99, TrialStatus::diverged),
                                     result_of(trial_of("d", 0.1), kNaN), result_of(trial_of("e", 0.1), 0.5)});
  EXPECT_EQ(table.ids, (std::vector<std::string>{"b", "a", "e", "d", "c"}));
  EXPECT_EQ(table.seconds, std::vector<double>(5, 0.5));
  EXPECT_TRUE(table.parameters.empty());
}

TEST(TrialTable, HoldsParametersThatVaryWithTheirValuesInOrder) {
  const TrialTable table = table_of({result_of(trial_of("a", 0.1, {16}), 0.1), result_of(trial_of("b", 0.02), 0.2),
                                     result_of(trial_of("c", 1), 0.3)});
  ASSERT_EQ(table.parameters.size(), 2U);
  EXPECT_EQ(table.parameters[0].name, "hidden_layer_sizes");
  EXPECT_EQ(table.parameters[0].levels, (std::vector<std::string>{"[16]", "[4]"}));
  EXPECT_TRUE(table.parameters[0].numbers.empty());
  EXPECT_EQ(table.parameters[1].name, "learning_rate_init");
  EXPECT_EQ(table.parameters[1].numbers, (std::vector<double>{0.02, 0.1, 1}));
  EXPECT_EQ(table.parameters[1].codes, (std::vector<std::uint32_t>{2, 0, 1}));
}

TEST(TrialTable, KnowsTheSettingOfATrial) {
  EXPECT_EQ(setting_of("3fa9c1.r2.f0"), "3fa9c1");
  EXPECT_EQ(setting_of("3fa9c1"), "3fa9c1");
}

TEST(SpreadByFactors, TellsPowersFromSteps) {
  EXPECT_TRUE(is_spread_by_factors({1e-3, 2e-3, 5e-3, 1e-2, 2e-2}));
  EXPECT_TRUE(is_spread_by_factors({kNaN, 16, 64, 256}));
  EXPECT_FALSE(is_spread_by_factors({10, 50, 90}));
  EXPECT_FALSE(is_spread_by_factors({1, 2, 4}));
  EXPECT_FALSE(is_spread_by_factors({0, 1e-3, 1}));
  EXPECT_FALSE(is_spread_by_factors({-1, 1, 100}));
  EXPECT_FALSE(is_spread_by_factors({}));
}

}  // namespace
}  // namespace shoal::report
