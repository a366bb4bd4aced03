#include "shoal/sweep.hpp"

#include <array>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/error.hpp"

namespace shoal {
namespace {

SweepSpec parsed(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  return parse_sweep(yaml, "sweep.yaml", "/data", overrides);
}

std::string message(const std::string& yaml, const std::vector<std::string>& overrides) {
  try {
    static_cast<void>(parsed(yaml, overrides));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

const std::string kEverything = R"(
data: {train: tables/t.csv, target: [y, -1, "2"], task: regression, categorical: [a], drop: [b, 3], groups: g,
       weights: w, header: true, missing: impute, scale: minmax, target_scale: none, cv: 5, test: /abs/test.csv}
method: sobol
run_cap: 50
repeat: 3
metric: {name: val_rmse}
early_terminate: none
trainer: {engine: cpu, precision: fp32, seed: 7, threads: 2, memory: 2GiB, checkpoint_every: 2.5, keep: 0}
parameters:
  architecture:
    values:
      - {hidden_layer_sizes: [8, 4], activation: [relu, logistic]}
      - {hidden_layer_sizes: 16, activation: tanh}
  alpha: {distribution: uniform, min: 0, max: 1e-2}
  max_iter: {distribution: int_uniform, min: 2, max: 9}
  batch_size: {values: [full, 32]}
  nesterovs_momentum: false
  dropout: 0
  loss: {values: [squared_error, half_squared_error]}
)";

TEST(Sweep, IsUtf8) {
  const auto message = [](const std::string& yaml, const std::string& name, const std::vector<std::string>& overrides) {
    try {
      (void)parse_sweep(yaml, name, "/data", overrides);
    } catch (const InputError& error) {
      return std::string(error.what());
    }
    return std::string();
  };
  const std::string yaml = "data: {train: t\xC3\xA9.csv}\n";
  EXPECT_EQ(message(yaml, "s\xC3\xA9.yaml", {}), "");
  EXPECT_EQ(message("# \xC3\xA9\ndata: {train: t\xE9.csv}\n", "s.yaml", {}),
            "s.yaml:2: is not UTF-8 text; save the sweep file as UTF-8");
  EXPECT_EQ(message(yaml, "s\xE9.yaml", {}), "s\xE9.yaml: the path of a sweep file must be UTF-8 text");
  EXPECT_EQ(message(yaml, "s.yaml", {"data.test=\xE9"}), "override 'data.test=\xE9': is not UTF-8 text");
}

TEST(Sweep, KeepsEveryKey) {
  const SweepSpec spec = parsed(kEverything);
  EXPECT_EQ(spec.data.train, "/data/tables/t.csv");
  EXPECT_EQ(spec.data.test, "/abs/test.csv");
  ASSERT_EQ(spec.data.target.size(), 3U);
  EXPECT_EQ(spec.data.target[0], ColumnName("y"));
  EXPECT_EQ(spec.data.target[1], ColumnName(-1));
  EXPECT_EQ(spec.data.target[2], ColumnName("2"));
  EXPECT_EQ(spec.data.task, Task::regression);
  EXPECT_EQ(spec.data.cv, 5);
  EXPECT_EQ(spec.data.header, true);
  EXPECT_EQ(spec.data.missing, MissingPolicy::impute);
  EXPECT_EQ(spec.data.scale, InputScale::minmax);
  EXPECT_EQ(spec.data.target_scale, TargetScale::none);
  EXPECT_EQ(spec.method, Method::sobol);
  EXPECT_EQ(spec.run_cap, 50U);
  EXPECT_EQ(spec.repeat, 3U);
  EXPECT_EQ(spec.metric, Metric::val_rmse);
  EXPECT_FALSE(spec.maximize);
  EXPECT_EQ(spec.trainer.engine, "cpu");
  EXPECT_EQ(spec.trainer.precision, Precision::fp32);
  EXPECT_EQ(spec.trainer.seed, 7U);
  EXPECT_EQ(spec.trainer.threads, 2U);
  EXPECT_EQ(spec.trainer.memory_bytes, 2147483648U);
  EXPECT_EQ(spec.trainer.checkpoint_every_s, 2.5);
  EXPECT_EQ(spec.trainer.keep, 0U);
  ASSERT_EQ(spec.axes.size(), 7U);
  EXPECT_EQ(spec.axes[0].parameters, (std::vector<std::string>{"hidden_layer_sizes", "activation"}));
  EXPECT_EQ(text(spec.axes[0].values[0][1]), "[relu, sigmoid]");
  EXPECT_EQ(text(spec.axes[0].values[1][0]), "[16]");
  EXPECT_EQ(spec.axes[1].max, 0.01);
  EXPECT_EQ(spec.axes[2].distribution, Distribution::int_uniform);
}

TEST(Sweep, ReadsItsResolvedTextBackToTheSame) {
  for (const std::string& yaml :
       {kEverything, std::string("data: {train: 'odd \"name\\\\: x.csv', validation: v.csv}\n"),
        std::string("data: {train: t.csv}\nearly_terminate: {type: pbt, perturb: [0.5, 3]}\n"),
        std::string("data: {train: t.csv}\nparameters: {hidden_layer_sizes: [], alpha: 1e-7}\n"),
        std::string("data: {train: t.csv, target: 402.10, drop: [0.0, -1, 03], validation: '0.25'}\n"),
        std::string("data: {train: t.csv}\nparameters: {init: \"a, b: #c [1] \\\"d\\\".safetensors\"}\n"),
        std::string(
            "data: {train: t.csv}\nparameters: {init: {values: [\"a,b.safetensors\", zeros, c-d/e.safetensors]}}\n"),
        std::string(
            "data: {train: t.csv}\nparameters: {alpha: {distribution: uniform, min: 0, max: 1, count: 5}}\n")}) {
    const SweepSpec first = parsed(yaml);
    const SweepSpec second = parsed(first.resolved);
    EXPECT_EQ(first.resolved, second.resolved);
    EXPECT_EQ(first.data.train, second.data.train);
    EXPECT_EQ(first.data.target, second.data.target);
    EXPECT_EQ(first.data.header, second.data.header);
    EXPECT_EQ(first.data.validation, second.data.validation);
    ASSERT_EQ(first.axes.size(), second.axes.size());
    for (std::size_t a = 0; a < first.axes.size(); ++a) {
      EXPECT_EQ(first.axes[a].parameters, second.axes[a].parameters);
      EXPECT_EQ(first.axes[a].values, second.axes[a].values);
      EXPECT_EQ(first.axes[a].distribution, second.axes[a].distribution);
      EXPECT_EQ(first.axes[a].count, second.axes[a].count);
    }
  }
}

TEST(Sweep, TakesAsAnIndexOnlyWhatIsWrittenAsOne) {
  const SweepSpec spec = parsed("data: {train: t.csv, target: 402.10, drop: [0.0, -1, 03, +4, 1e3, 12, '12']}\n");
  EXPECT_EQ(spec.data.target, std::vector<ColumnName>{"402.10"});
  EXPECT_EQ(spec.data.drop,
            (std::vector<ColumnName>{"0.0", std::int64_t{-1}, "03", "+4", "1e3", std::int64_t{12}, "12"}));
}

TEST(Sweep, TakesTheWordOfWhoSaysWhetherThereIsAHeader) {
  EXPECT_EQ(parsed("data: {train: t.csv}\n").data.header, std::nullopt);
  EXPECT_EQ(parsed("data: {train: t.csv, header: auto}\n").data.header, std::nullopt);
  EXPECT_EQ(parsed("data: {train: t.csv, header: False}\n").data.header, false);
  EXPECT_EQ(message("data:\n  train: t.csv\n  header: 1\n", {}),
            "sweep.yaml:3: data.header: has no value '1'; known: true, false, auto");
}

TEST(Sweep, ResolvesDefaults) {
  EXPECT_EQ(parsed("data: {train: t.csv}\n").resolved,
            "data:\n  train: \"t.csv\"\n  task: auto\n  missing: error\n  scale: standard\n  validation: 0.2\n"
            "method: grid\nrepeat: 1\nmetric: {name: val_loss, goal: minimize}\nearly_terminate: {type: none}\n"
            "trainer: {engine: auto, precision: strict, seed: 0, checkpoint_every: 30, keep: 10}\n");
}

TEST(Sweep, ReadsTheOptionsOfPbt) {
  const SweepSpec defaults = parsed("data: {train: t.csv}\nearly_terminate: pbt\n");
  EXPECT_EQ(defaults.early_terminate.type, Terminator::pbt);
  EXPECT_NE(defaults.resolved.find("early_terminate: {type: pbt, interval: 5, quantile: 0.25, perturb: [0.8, 1.25], "
                                   "resample: 0.1, group: 1000}\n"),
            std::string::npos);
  const SweepSpec given = parsed(
      "data: {train: t.csv}\n"
      "early_terminate: {type: pbt, interval: 7, quantile: 0.5, perturb: [0.5, 1], resample: 0, group: 2}\n");
  EXPECT_EQ(given.early_terminate.interval, 7U);
  EXPECT_EQ(given.early_terminate.quantile, 0.5);
  EXPECT_EQ(given.early_terminate.perturb, (std::array{0.5, 1.0}));
  EXPECT_EQ(given.early_terminate.resample, 0);
  EXPECT_EQ(given.early_terminate.group, 2U);
}

TEST(Sweep, FollowsTheMetricUnlessAGoalIsGiven) {
  EXPECT_TRUE(parsed("data: {train: t}\nmetric: {name: val_accuracy}\n").maximize);
  EXPECT_FALSE(parsed("data: {train: t}\nmetric: {name: val_accuracy, goal: minimize}\n").maximize);
}

TEST(Overrides, ReplaceAndCreateKeys) {
  const SweepSpec spec =
      parsed("data: {train: t.csv}\nparameters:\n  alpha: {values: [0, 1]}\n",
             {"parameters.alpha=1e-3", "trainer.seed=3", "parameters.hidden_layer_sizes=[8, 8]", "data.train=u.csv"});
  EXPECT_EQ(spec.data.train, "/data/u.csv");
  EXPECT_EQ(spec.trainer.seed, 3U);
  ASSERT_EQ(spec.axes.size(), 2U);
  EXPECT_EQ(text(spec.axes[0].values.at(0).at(0)), "0.001");
  EXPECT_EQ(text(spec.axes[1].values.at(0).at(0)), "[8, 8]");
}

TEST(Overrides, MakeAGridSmaller) {
  const SweepSpec spec =
      parsed("data: {train: t.csv}\nparameters: {alpha: {distribution: uniform, min: 0, max: 1, count: 512}}\n",
             {"parameters.alpha.count=8"});
  EXPECT_EQ(spec.axes.at(0).count, 8U);
}

TEST(Overrides, AreNamedInErrors) {
  const std::string yaml = "data: {train: t.csv}\nmethod: grid\n";
  EXPECT_EQ(message(yaml, {"parameters.alpha=-1"}),
            "override 'parameters.alpha=-1': parameters.alpha: must be at least 0, is -1");
  EXPECT_EQ(message(yaml, {"parametrs.alpha=1"}),
            "override 'parametrs.alpha=1': parametrs: is not a known key; did you mean 'parameters'?");
  EXPECT_EQ(message(yaml, {"seed"}), "override 'seed': must be written path=value, for instance parameters.max_iter=5");
  EXPECT_EQ(message(yaml, {"method.x=1"}), "override 'method.x=1': method.x: 'method' is 'grid', not a map");
  EXPECT_EQ(message(yaml, {"trainer..seed=1"}), "override 'trainer..seed=1': trainer..seed: has an empty key");
  EXPECT_EQ(message(yaml, {"repeat=[1"}).substr(0, 19), "override 'repeat=[1");
}

}  // namespace
}  // namespace shoal
