#include <algorithm>
#include <filesystem>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "small_sweeps.hpp"

namespace shoal {
namespace {

TEST(PlanSweep, SaysWhatWouldRun) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  const PlanSummary plan = plan_sweep(spec);
  EXPECT_EQ(plan.engine, "cpu");
  EXPECT_FALSE(plan.engine_reason.empty());
  EXPECT_EQ(plan.n_trials, 4U);
  EXPECT_EQ(plan.n_settings, 4U);
  EXPECT_EQ(plan.n_chunks, 1U);
  ASSERT_EQ(plan.rows.size(), 2U);
  // 2-8-4-3: 24 + 36 + 15 parameters; 2-4-3: 12 + 15.
  EXPECT_EQ(plan.rows[0].topology.substr(0, 7), "2-8-4-3");
  EXPECT_EQ(plan.rows[0].n_parameters, 75U);
  EXPECT_EQ(plan.rows[0].n_trials, 2U);
  EXPECT_EQ(plan.rows[1].n_parameters, 27U);
  EXPECT_LE(plan.predicted_bytes, plan.memory_bytes);
  const std::size_t n_training = load_dataset(spec.data, spec.trainer.seed).splits.at(0).training.size();
  EXPECT_EQ(plan.network_samples, 4 * 6 * n_training);
  EXPECT_GT(plan.estimated_s, 0);
  EXPECT_LT(plan.estimated_s, 60);
}

TEST(PlanSweep, WritesNothing) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  (void)plan_sweep(small::sweep(folder / "classes.csv", Metric::val_loss));
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder / ""), {}), 1);
}

TEST(PlanSweep, CountsTheStatesThatWaitAtRungs) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  spec.trainer.engine = "cpu";
  const std::uint64_t without = plan_sweep(spec).predicted_bytes;
  // Rungs after 1, 2 and 4 epochs. Two networks each of 27 and 75 parameters: adam has three floats for each, and a
  // curve 32 bytes for each of 4 epochs.
  const std::uint64_t waiting = 2 * (3 * 4 * 27 + 4 * 32) + 2 * (3 * 4 * 75 + 4 * 32);
  for (const Terminator type : {Terminator::halving, Terminator::hyperband}) {
    spec.early_terminate.type = type;
    spec.early_terminate.eta = 2;
    EXPECT_EQ(plan_sweep(spec).predicted_bytes, without + waiting) << name(type);
  }
  spec.trainer.memory_bytes = without + waiting;
  EXPECT_EQ(plan_sweep(spec).n_chunks, 1U);
  spec.trainer.memory_bytes = without;
  EXPECT_EQ(plan_sweep(spec).n_chunks, 2U);
  spec.trainer.memory_bytes = waiting;
  EXPECT_THROW((void)plan_sweep(spec), InputError);
}

TEST(PlanSweep, SaysWhereNoRungIsEverReached) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  const std::string note = "early_terminate: no rung comes before the last of 6 epochs: none is ended early";
  spec.early_terminate.type = Terminator::halving;
  spec.early_terminate.min_iter = 5;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 0);
  spec.early_terminate.min_iter = 6;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 1);
  spec.early_terminate.type = Terminator::none;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 0);
}

TEST(PlanSweep, SaysWhereNoSettingBecomesACopy) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  spec.early_terminate.type = Terminator::pbt;
  spec.early_terminate.quantile = 0.2;
  const std::string note = "early_terminate: a quantile of 0.2 of 4 settings is none: no setting becomes a copy";
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 1);
  spec.early_terminate.quantile = 0.25;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 0);
}

TEST(PlanSweep, SaysWhereTheWorstIsTakenAsTheBest) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  const std::string note = "metric.goal: the lowest val_accuracy is taken as the best";
  spec.maximize = true;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 0);
  spec.maximize = false;
  EXPECT_EQ(std::ranges::count(plan_sweep(spec).notes, note), 1);
}

TEST(PlanSweep, NamesTheLineOfWhatDoesNotFitTheTable) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string yaml = "data:\n  train: classes.csv\n  target: colour\n";
  const std::string table = (folder / "classes.csv").string();
  try {
    (void)plan_sweep(parse_sweep(yaml, "s.yaml", folder / ""));
    FAIL();
  } catch (const InputError& error) {
    const std::string expected = "s.yaml:3: data.target: " + table + ": there is no column 'colour'";
    EXPECT_EQ(std::string(error.what()).substr(0, expected.size()), expected);
  }
}

TEST(PlanSweep, SaysHowMuchMemoryIsNeeded) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  spec.trainer.memory_bytes = 1000;
  EXPECT_THROW((void)plan_sweep(spec), InputError);
}

std::string refusal(const std::string& yaml, const std::filesystem::path& folder,
                    const std::vector<std::string>& overrides = {}) {
  try {
    (void)plan_sweep(parse_sweep(yaml, "s.yaml", folder, overrides));
  } catch (const Error& error) {
    return error.what();
  }
  return "planned";
}

TEST(PlanSweep, SaysWhatTheLargestGangOfAllWindowsNeeds) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string yaml =
      "data: {train: classes.csv}\n"
      "repeat: 65536\n"
      "trainer: {engine: cpu}\n"
      "parameters:\n"
      "  hidden_layer_sizes: {values: [[2], [300]]}\n"
      "  max_iter: 1\n";
  const std::string text = refusal(yaml, folder / "", {"trainer.memory=1KiB"});
  EXPECT_TRUE(
      text.starts_with("override 'trainer.memory=1KiB': trainer.memory: is 1.0 KiB, but the table, trials and "
                       "their records and one gang of networks of 1803 parameters need "))
      << text;
  const std::size_t begin = text.find('(') + 1;
  const std::string bytes = text.substr(begin, text.find(" bytes)") - begin);
  EXPECT_EQ(refusal(yaml, folder / "", {"trainer.memory=" + bytes}), "planned");
}

TEST(PlanSweep, SaysWhereAPrecisionIsAskedForThatTheEngineHasNot) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  EXPECT_EQ(refusal("data: {train: classes.csv}\ntrainer:\n  engine: cpu\n  precision: bf16\n", folder / ""),
            "s.yaml:4: trainer.precision: 'bf16': engine cpu computes in strict only");
}

TEST(PlanSweep, NamesTheKeyThatMakesTheNeedWhereNoneSetsTheLimit) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string yaml =
      "data: {train: classes.csv}\n"
      "repeat: 1000\n"
      "parameters:\n"
      "  hidden_layer_sizes: [2]\n"
      "  max_iter: 2147483647\n";
  const std::string text = refusal(yaml, folder / "");
  EXPECT_TRUE(
      text.starts_with("s.yaml:5: parameters.max_iter: the table, trials and their records and one gang of "
                       "networks of 15 parameters need "))
      << text;
  EXPECT_NE(text.find(" of them for records and learning curves; there are "), std::string::npos) << text;
  EXPECT_TRUE(text.ends_with(", the share of what is free that a sweep takes: trainer.memory sets another")) << text;
  const std::string set = refusal(yaml + "trainer: {memory: 1MiB}\n", folder / "");
  EXPECT_TRUE(set.starts_with("s.yaml:6: trainer.memory: is 1.0 MiB, but the table, ")) << set;
  EXPECT_TRUE(set.ends_with(" of them for records and learning curves (parameters.max_iter)")) << set;
}

TEST(PlanSweep, NamesTheKeyThatAsksForAnEngineThatIsNotThere) {
  const std::vector<EngineInfo> all = engines();
  const auto cuda = std::ranges::find(all, "cuda", &EngineInfo::name);
  if (cuda->available) GTEST_SKIP() << "this machine has a GPU: " << cuda->detail;
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string data = "data: {train: classes.csv}\n";
  const std::string why = "engine cuda is not available: " + cuda->detail;
  EXPECT_EQ(refusal(data + "trainer:\n  engine: cuda\n", folder / ""), "s.yaml:3: trainer.engine: " + why);
  EXPECT_EQ(refusal(data + "trainer:\n  precision: fp32\n", folder / ""),
            "s.yaml:3: trainer.precision: 'fp32' is for GPUs, 'strict' for all engines: " + why);
  EXPECT_EQ(refusal(data, folder / "", {"trainer.engine=cuda"}),
            "override 'trainer.engine=cuda': trainer.engine: " + why);
}

}  // namespace
}  // namespace shoal
