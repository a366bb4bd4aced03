#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal {
namespace {

constexpr DataShape kLetters{.task = Task::classification, .n_inputs = 16, .n_targets = 26};
constexpr DataShape kTable{.task = Task::regression, .n_inputs = 4, .n_targets = 2};

SweepSpec parsed(const std::string& rest) {
  return parse_sweep("data: {train: t.csv}\n" + rest, "sweep.yaml", "/data");
}

std::string fault(const std::string& rest, const DataShape& shape) {
  const SweepSpec spec = parsed(rest);
  try {
    const Trials trials(spec, shape);
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

std::map<std::string, std::string> parameters(const Trial& trial) {
  std::map<std::string, std::string> out;
  for (const auto& [name, value] : parameters_of(trial)) out.emplace(name, value);
  return out;
}

std::set<std::string> ids(const Trials& trials) {
  std::set<std::string> out;
  for (std::uint64_t i = 0; i < trials.size(); ++i) out.insert(trials.at(i).id);
  return out;
}

const std::string kExample = R"(
method:  random
run_cap: 2000
metric:  {name: val_accuracy, goal: maximize}
trainer: {seed: 1}
parameters:
  hidden_layer_sizes: {values: [[32], [64, 64]]}
  activation:         {values: [relu, tanh]}
  learning_rate_init: {distribution: log_uniform_values, min: 1e-4, max: 1e-1}
  alpha:              {values: [0, 1e-4]}
  batch_size:         {values: [32, 64]}
  max_iter:           30
)";

TEST(Trials, ExpandTheExampleOfTheDocumentation) {
  const Trials trials(parsed(kExample), kLetters);
  ASSERT_EQ(trials.size(), 2000U);
  EXPECT_EQ(ids(trials).size(), 2000U);
  int n_below_1e_3 = 0;
  int n_tanh = 0;
  for (std::uint64_t i = 0; i < trials.size(); ++i) {
    const Trial trial = trials.at(i);
    const Hyperparameters& h = trial.hyperparameters;
    ASSERT_GE(h.learning_rate_init, 1e-4);
    ASSERT_LE(h.learning_rate_init, 1e-1);
    EXPECT_LE(parameters(trial).at("learning_rate_init").size(), 11U);  // 6 digits, point, exponent
    n_below_1e_3 += h.learning_rate_init < 1e-3 ? 1 : 0;
    n_tanh += trial.topology.activations.at(0) == Activation::tanh ? 1 : 0;
    EXPECT_EQ(trial.seed, 1U);
    EXPECT_EQ(trial.topology.n_outputs, 26);
    EXPECT_EQ(h.loss, Loss::cross_entropy);
    EXPECT_EQ(h.max_iter, 30);
  }
  // Expected 667 and 1000; five standard deviations are about 105 and 112.
  EXPECT_NEAR(n_below_1e_3, 667, 105);
  EXPECT_NEAR(n_tanh, 1000, 112);
}

TEST(Trials, EqualABruteForceGrid) {
  const Trials trials(parsed(R"(
parameters:
  solver: {values: [sgd, adam]}
  momentum: {values: [0, 0.5, 0.9]}
  nesterovs_momentum: {values: [true, false]}
  beta_1: {values: [0.8, 0.9, 0.9]}
  alpha: {values: [0, 1e-3]}
  hidden_layer_sizes: {values: [[], 8, [8, 8]]}
  activation: {values: [relu, tanh]}
)"),
                      kTable);
  std::set<std::string> expected;
  for (const std::string solver : {"sgd", "adam"}) {
    for (const std::string momentum : {"0", "0.5", "0.9"}) {
      for (const std::string nesterov : {"true", "false"}) {
        for (const std::string beta : {"0.8", "0.9"}) {
          for (const std::string alpha : {"0", "0.001"}) {
            for (const std::string sizes : {"[]", "[8]", "[8, 8]"}) {
              for (const std::string activation : {"relu", "tanh"}) {
                const bool sgd = solver == "sgd";
                expected.insert(solver + '|' + (sgd ? momentum : "") + '|' + (sgd && momentum != "0" ? nesterov : "") +
                                '|' + (sgd ? "" : beta) + '|' + alpha + '|' + sizes + '|' +
                                (sizes == "[]" ? "" : activation));
              }
            }
          }
        }
      }
    }
  }
  std::set<std::string> found;
  for (std::uint64_t i = 0; i < trials.size(); ++i) {
    auto p = parameters(trials.at(i));
    EXPECT_TRUE(found
                    .insert(p["solver"] + '|' + p["momentum"] + '|' + p["nesterovs_momentum"] + '|' + p["beta_1"] +
                            '|' + p["alpha"] + '|' + p["hidden_layer_sizes"] + '|' + p["activation"])
                    .second);
  }
  EXPECT_EQ(found, expected);
  EXPECT_EQ(trials.n_merged(), 2U * 3 * 2 * 3 * 2 * 3 * 2 - expected.size());
  EXPECT_EQ(ids(trials).size(), expected.size());
  EXPECT_EQ(trials.dropped_parameters(),
            (std::vector<std::string>{"activation", "beta_1", "momentum", "nesterovs_momentum"}));
}

TEST(Trials, KeepTheirIdsWhenAGridValueIsAdded) {
  const std::string rest = "parameters: {solver: {values: [sgd, adam]}, alpha: {values: [0, 1";
  const std::set<std::string> few = ids(Trials(parsed(rest + "]}}\n"), kTable));
  const std::set<std::string> more = ids(Trials(parsed(rest + ", 2]}}\n"), kTable));
  EXPECT_EQ(few.size(), 4U);
  EXPECT_EQ(more.size(), 6U);
  EXPECT_TRUE(std::ranges::includes(more, few));
}

TEST(Trials, HaveTheSameIdWhetherADefaultIsWrittenOrNot) {
  const Trials implied(parsed("parameters: {alpha: 0}\n"), kTable);
  const Trials written(
      parsed("parameters: {alpha: 0.0, solver: adam, momentum: 0.3, hidden_layer_sizes: 100, activation: [relu]}\n"),
      kTable);
  EXPECT_EQ(implied.at(0).id, written.at(0).id);
  EXPECT_EQ(implied.at(0).hyperparameters, written.at(0).hyperparameters);
  EXPECT_EQ(setting_id(implied.at(0)), implied.at(0).id);
  Trial nameless = implied.at(0);
  nameless.id.clear();
  EXPECT_EQ(setting_id(nameless), implied.at(0).id);
}

TEST(Trials, MergeActivationListsWithTheWordTheyMean) {
  const Trials trials(parsed("parameters: {hidden_layer_sizes: {values: [[8, 8]]}, activation: {values: [relu, [relu, "
                             "relu], [relu, tanh]]}}\n"),
                      kTable);
  EXPECT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials.n_merged(), 1U);
  EXPECT_EQ(parameters(trials.at(1)).at("activation"), "[relu, tanh]");
}

TEST(Trials, NumberFoldsWithinRepeatsWithinSettings) {
  const DataShape folds{.task = Task::regression, .n_inputs = 4, .n_targets = 1, .n_folds = 3, .has_cv = true};
  const Trials trials(parsed("repeat: 2\ntrainer: {seed: 10}\nparameters: {alpha: {values: [0, 1]}}\n"), folds);
  ASSERT_EQ(trials.size(), 12U);
  const Trial trial = trials.at(11);
  EXPECT_EQ(trial.setting, 1U);
  EXPECT_EQ(trial.repeat, 1U);
  EXPECT_EQ(trial.fold, 2U);
  EXPECT_EQ(trial.seed, 11U);
  EXPECT_EQ(trial.shuffle_seed, 10U);
  EXPECT_EQ(trial.id, setting_id(trial) + ".r1.f2");
  EXPECT_EQ(setting_id(trials.at(6)), setting_id(trial));
  EXPECT_THROW(static_cast<void>(trials.at(12)), Error);
}

TEST(Trials, TakeTheirSeedFromTheParameterWhereItIsGiven) {
  const Trials trials(parsed("trainer: {seed: 10}\nparameters: {seed: {values: [4, 5]}}\n"), kTable);
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_EQ(trials.at(0).seed, 4U);
  EXPECT_EQ(trials.at(1).seed, 5U);
  EXPECT_EQ(trials.at(1).shuffle_seed, 10U);
  EXPECT_NE(trials.at(0).id, trials.at(1).id);
  const Trials other(parsed("trainer: {seed: 11}\n"), kTable);
  EXPECT_EQ(other.at(0).id, Trials(parsed("trainer: {seed: 12}\n"), kTable).at(0).id);
}

TEST(Trials, AreTheSameInAnyOrder) {
  for (const std::string method : {"random", "sobol", "grid"}) {
    const SweepSpec spec = parsed(
        "method: " + method + "\nrun_cap: 40\nparameters:\n  max_iter: {distribution: int_uniform, min: 3, max: 90}\n" +
        "  solver: {values: [sgd, adam]}\n");
    const Trials forward(spec, kTable);
    const Trials backward(spec, kTable);
    ASSERT_EQ(forward.size(), 40U);
    std::vector<Trial> late(40);
    for (std::uint64_t i = 40; i-- > 0;) late[i] = backward.at(i);
    for (std::uint64_t i = 0; i < 40; ++i) {
      EXPECT_EQ(forward.at(i).id, late[i].id);
      Trial nameless = late[i];
      nameless.id.clear();
      EXPECT_EQ(setting_id(nameless), late[i].id);
      EXPECT_GE(late[i].hyperparameters.max_iter, 3);
      EXPECT_LE(late[i].hyperparameters.max_iter, 90);
    }
  }
}

TEST(Trials, FindTheWholeGridWithoutARunCap) {
  for (const std::string method : {"random", "sobol"}) {
    const Trials trials(
        parsed("method: " + method + "\nparameters: {alpha: {values: [0, 1, 2]}, max_iter: {values: [3, 4]}}\n"),
        kTable);
    EXPECT_EQ(trials.size(), 6U) << method;
  }
}

TEST(Trials, OfSobolFillEveryEighthOfEveryAxisEvenly) {
  const Trials trials(parsed("method: sobol\nrun_cap: 64\nparameters:\n"
                             "  alpha: {distribution: uniform, min: 0, max: 1}\n"
                             "  momentum: {distribution: uniform, min: 0.1, max: 0.9}\n  solver: sgd\n"),
                      kTable);
  ASSERT_EQ(trials.size(), 64U);
  std::vector<int> alpha(8);
  std::vector<int> momentum(8);
  for (std::uint64_t i = 0; i < 64; ++i) {
    const Hyperparameters h = trials.at(i).hyperparameters;
    ++alpha.at(static_cast<std::size_t>(h.alpha * 8));
    ++momentum.at(static_cast<std::size_t>((h.momentum - 0.1) / 0.8 * 8));
  }
  EXPECT_EQ(alpha, std::vector<int>(8, 8));
  EXPECT_EQ(momentum, std::vector<int>(8, 8));
}

TEST(Trials, OfAGridHaveAsManyEvenlySpacedValuesAsADistributionCounts) {
  const Trials trials(parsed("parameters:\n"
                             "  learning_rate_init: {distribution: log_uniform_values, min: 1e-3, max: 1e3, count: 3}\n"
                             "  alpha: {distribution: uniform, min: 0, max: 1, count: 4}\n"),
                      kTable);
  ASSERT_EQ(trials.size(), 12U);
  std::vector<std::string> found;
  for (std::uint64_t i = 0; i < trials.size(); ++i) {
    auto p = parameters(trials.at(i));
    found.push_back(p["learning_rate_init"] + ' ' + p["alpha"]);
  }
  EXPECT_EQ(found,
            (std::vector<std::string>{"0.001 0", "0.001 0.333333", "0.001 0.666667", "0.001 1", "1 0", "1 0.333333",
                                      "1 0.666667", "1 1", "1000 0", "1000 0.333333", "1000 0.666667", "1000 1"}));
}

TEST(Trials, OfAGridHaveBothEndsOfADistributionAsTheyAreWritten) {
  const Trials trials(
      parsed("parameters: {alpha: {distribution: uniform, min: 0.12345678, max: 0.87654321, count: 3}}\n"), kTable);
  ASSERT_EQ(trials.size(), 3U);
  EXPECT_EQ(trials.at(0).hyperparameters.alpha, 0.12345678);
  EXPECT_EQ(trials.at(1).hyperparameters.alpha, 0.5);
  EXPECT_EQ(trials.at(2).hyperparameters.alpha, 0.87654321);
}

TEST(Trials, OfAGridMergeValuesThatSixDigitsCannotTellApart) {
  const Trials trials(parsed("parameters: {alpha: {distribution: uniform, min: 1, max: 1.00002, count: 9}}\n"), kTable);
  EXPECT_EQ(trials.size(), 3U);
  EXPECT_EQ(trials.n_merged(), 6U);
}

TEST(Trials, OfSixteenMillionAreHadOneByOne) {
  const Trials trials(
      parsed("parameters:\n"
             "  learning_rate_init: {distribution: log_uniform_values, min: 1e-3, max: 1e3, count: 4096}\n"
             "  layer_rate: {distribution: log_uniform_values, min: 1e-2, max: 1e2, count: 4096}\n"),
      kTable);
  ASSERT_EQ(trials.size(), 16777216U);
  EXPECT_EQ(trials.n_merged(), 0U);
  EXPECT_EQ(trials.at(4095).hyperparameters.layer_rate, 100);
  EXPECT_EQ(trials.at(16777215).hyperparameters.learning_rate_init, 1000);
  // 10^(-3 + 6 * 2048 / 4095) and 10^(-2 + 4 * 1 / 4095)
  EXPECT_EQ(trials.at(std::uint64_t{2048} * 4096 + 1).hyperparameters.learning_rate_init, 1.00169);
  EXPECT_EQ(trials.at(std::uint64_t{2048} * 4096 + 1).hyperparameters.layer_rate, 0.0100225);
}

TEST(Trials, AreCountedWithoutBeingListed) {
  const std::string many = "parameters:\n  seed: {distribution: int_uniform, min: 0, max: 2147483647}\n  alpha: ";
  const Trials trials(parsed(many + "{values: [0, 1]}\n"), kTable);
  EXPECT_EQ(trials.size(), 4294967296U);
  EXPECT_EQ(trials.at(4294967295U).seed, 2147483647U);
  EXPECT_EQ(fault(many + "{values: [0, 1, 2]}\n", kTable),
            "sweep.yaml: parameters: 6442450944 settings x 1 repeats x 1 folds are more than 2^32 trials: give fewer "
            "of them, or a run_cap");
  EXPECT_EQ(Trials(parsed(many + "{values: [0, 1, 2]}\nrun_cap: 10\n"), kTable).size(), 10U);
}

/// Numbers are drawn to six digits: 101 lie from 0.1 to 0.1001.
TEST(Trials, AreNoLongerDrawnWhereThereAreHardlyOthers) {
  for (const std::string method : {"random", "sobol"}) {
    const Trials trials(parsed("method: " + method +
                               "\nrun_cap: 1000000\n"
                               "parameters: {learning_rate_init: {distribution: uniform, min: 0.1, max: 0.1001}}\n"),
                        kTable);
    EXPECT_EQ(trials.size(), 101U) << method;
    EXPECT_LT(trials.n_merged(), 64U * 103 + 101 * 10) << method;
  }
}

TEST(Trials, AreNotDrawnOnceStopped) {
  std::stop_source source;
  source.request_stop();
  const SweepSpec spec =
      parsed("method: random\nrun_cap: 10\nparameters: {alpha: {distribution: uniform, min: 0, max: 1}}\n");
  EXPECT_THROW(Trials(spec, kTable, source.get_token()), StoppedError);
}

TEST(Trials, RefuseWhatDoesNotFitTheTable) {
  EXPECT_EQ(fault("parameters: {loss: cross_entropy}\n", kTable),
            "sweep.yaml: parameters.loss: 'cross_entropy' is not for regression; use squared_error, "
            "absolute_error or huber");
  EXPECT_EQ(fault("parameters: {loss: binary_cross_entropy}\nmetric: {name: val_r2}\n", kLetters),
            "sweep.yaml: parameters.loss: 'binary_cross_entropy' needs exactly 2 classes, the table has 26; use "
            "cross_entropy\nsweep.yaml: metric.name: 'val_r2' means nothing for classification");
  EXPECT_EQ(fault("parameters: {loss: squared_error}\n", {.task = Task::multilabel, .n_inputs = 1, .n_targets = 2}),
            "sweep.yaml: parameters.loss: 'squared_error' is not for multilabel; use binary_cross_entropy");
  EXPECT_EQ(fault("parameters: {class_weight: {values: [none, balanced]}}\n",
                  {.task = Task::multilabel, .n_inputs = 1, .n_targets = 2}),
            "sweep.yaml: parameters.class_weight: 'balanced' is not for multilabel: a row has no one class");
}

TEST(Trials, NeedANumberToExploreForPbt) {
  const std::string pbt = "early_terminate: pbt\n";
  EXPECT_EQ(fault(pbt + "parameters: {hidden_layer_sizes: {values: [4, 8]}, alpha: 0.1}\n", kTable),
            "sweep.yaml: early_terminate.type: 'pbt' has nothing to explore: give a distribution or several values to "
            "one of learning_rate_init, layer_rate, momentum, beta_1, beta_2, epsilon, alpha, l1, clip_norm, dropout, "
            "label_smoothing");
  EXPECT_EQ(Trials(parsed(pbt + "parameters: {alpha: {values: [0.1, 0.2]}}\n"), kTable).size(), 2U);
}

TEST(Trials, ShuffleByTheirOwnSeedWhereAsked) {
  const Trials trials(parsed("trainer: {seed: 4}\nparameters: {shuffle: {values: [shared, per_trial]}, seed: 9}\n"),
                      kTable);
  EXPECT_EQ(trials.at(0).shuffle_seed, 4U);
  EXPECT_EQ(trials.at(1).shuffle_seed, 9U);
}

TEST(Trials, DropTheNumbersOfLossesAndSchemesThatTheyDoNotUse) {
  const Trials trials(parsed("metric: {name: val_rmse}\n"
                             "parameters: {loss: {values: [squared_error, huber]}, huber_delta: {values: [1, 2]},\n"
                             "  init: zeros, init_range: {values: [0.1, 0.2]}}\n"),
                      kTable);
  EXPECT_EQ(trials.size(), 3U);
  EXPECT_EQ(trials.n_merged(), 5U);
  EXPECT_EQ(trials.dropped_parameters(), (std::vector<std::string>{"huber_delta", "init_range"}));
}

TEST(Trials, HaveOneOutputForTwoClassesUnderBinaryCrossEntropy) {
  const DataShape two{.task = Task::classification, .n_inputs = 3, .n_targets = 2};
  EXPECT_EQ(Trials(parsed("parameters: {loss: binary_cross_entropy}\n"), two).at(0).topology.n_outputs, 1);
  EXPECT_EQ(Trials(parsed(""), two).at(0).topology.n_outputs, 2);
}

}  // namespace
}  // namespace shoal
