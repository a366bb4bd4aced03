#include "run/setting_means.hpp"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <gtest/gtest.h>
#include <limits>
#include <map>

#include "small_sweeps.hpp"

namespace shoal {
namespace {

namespace fs = std::filesystem;

struct SettingMeans : testing::Test {
  SettingMeans() : directory(store::RunDirectory::create(folder / "run", manifest())) {}
  static store::Manifest manifest() {
    store::Manifest manifest;
    manifest.metric = Metric::val_loss;
    return manifest;
  }
  void add(const std::string& id, double loss, TrialStatus status = TrialStatus::finished) {
    TrialResult result;
    result.trial.id = id;
    result.trial.topology = {2, {3}, {Activation::relu}, 1};
    result.status = status;
    result.epochs = result.best_epoch = 4;
    result.metrics.values[static_cast<std::size_t>(Metric::val_loss)] = loss;
    directory.add(result);
  }
  std::vector<SettingRow> ranked() { return run::setting_means(directory, Metric::val_loss, false); }

  small::Folder folder;
  store::RunDirectory directory;
};

TEST_F(SettingMeans, AreMeansWithTheirStandardErrors) {
  for (const auto& [id, loss] : std::map<std::string, double>{{"a.f0", 1}, {"a.f1", 2}, {"a.f2", 6}, {"b.f0", 2}}) {
    add(id, loss);
  }
  const std::vector<SettingRow> rows = ranked();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].id, "b");
  EXPECT_TRUE(std::isnan(rows[0].standard_error));
  EXPECT_EQ(rows[1].id, "a");
  EXPECT_EQ(rows[1].rank, 2U);
  EXPECT_EQ(rows[1].n_trials, 3U);
  EXPECT_DOUBLE_EQ(rows[1].mean, 3);
  EXPECT_DOUBLE_EQ(rows[1].standard_error, std::sqrt(7.0 / 3));  // variance 7 of three
  EXPECT_DOUBLE_EQ(rows[1].epochs, 4);
}

TEST_F(SettingMeans, RankWhatRanToItsEndFirstAndWhatDivergedLast) {
  add("a.f0", 1, TrialStatus::pruned);
  add("a.f1", 1, TrialStatus::pruned);
  add("b.f0", 9);
  add("b.f1", 9, TrialStatus::stopped);
  add("c.f0", 0.1);
  add("c.f1", std::numeric_limits<double>::quiet_NaN(), TrialStatus::diverged);
  add("d.f0", 9);
  add("d.f1", 9);
  std::string order;
  for (const SettingRow& row : ranked()) order += row.id + std::string(name(row.status)) + ' ';
  EXPECT_EQ(order, "bstopped dfinished apruned cdiverged ");
}

std::vector<SettingRow> rows_of(const std::vector<double>& means, double standard_error) {
  std::vector<SettingRow> rows;
  for (const double mean : means) {
    SettingRow& row = rows.emplace_back();
    row.id = std::to_string(rows.size());
    row.mean = mean;
    row.standard_error = standard_error;
  }
  return rows;
}

std::string ids(const std::vector<SettingRow>& rows) {
  std::string text;
  for (const SettingRow& row : rows) text += row.id;
  return text;
}

TEST(Contenders, AreTheBestOrAllWithinAStandardErrorOfItThatEndedLikeIt) {
  // Settings 1 to 5, by rank.
  std::vector<SettingRow> rows = rows_of({0.10, 0.12, 0.13, 0.149, 0.151}, 0.05);
  EXPECT_EQ(ids(run::contenders(rows, Choice::best)), "1");
  EXPECT_EQ(ids(run::contenders(rows, Choice::one_standard_error)), "1234");
  rows[3].status = TrialStatus::pruned;
  EXPECT_EQ(ids(run::contenders(rows, Choice::one_standard_error)), "123");
  EXPECT_TRUE(run::contenders({}, Choice::best).empty());
  EXPECT_TRUE(run::contenders(rows_of({std::nan("")}, 0), Choice::best).empty());
  rows[0].status = TrialStatus::diverged;
  EXPECT_TRUE(run::contenders(rows, Choice::best).empty());
}

std::vector<float> parameters(const fs::path& run, const std::string& id) {
  return store::RunDirectory::open(run).network(id).parameters;
}

/// A sweep of one setting over rows that are all validated on as well is what trains on all rows.
TEST(FinalNetwork, OfFoldsIsTheWinningSettingTrainedOnAllRows) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  spec.data.cv = 3;
  spec.data.test = folder / "classes.csv";
  const RunSummary summary = small::run_into(spec, folder / "folds");
  ASSERT_TRUE(summary.setting.has_value());
  EXPECT_EQ(summary.winner, summary.setting->id + ".all");
  EXPECT_EQ(summary.setting->n_trials, 3U);

  SweepSpec all = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  all.data.validation = folder / "classes.csv";
  all.trainer.keep = 4;
  small::run_into(all, folder / "all");
  EXPECT_EQ(parameters(folder / "folds", summary.winner), parameters(folder / "all", summary.setting->id));
  // What is validated on is what was trained on, and here what is tested on.
  const store::StoredRow row = store::RunDirectory::open(folder / "all").row(summary.setting->id);
  EXPECT_EQ(summary.test->of(Metric::val_accuracy), row.metrics.of(Metric::val_accuracy));
  const Predictions of_best = predict(folder / "folds", "best", folder / "classes.csv");
  EXPECT_EQ(of_best.ids, std::vector<std::string>{summary.winner});
  EXPECT_EQ(of_best.values, predict(folder / "all", summary.setting->id, folder / "classes.csv").values);
}

TEST(FinalNetwork, IsTheSmallestWithinAStandardErrorWhereThatIsAsked) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_accuracy);
  spec.data.cv = 3;
  spec.choice = Choice::one_standard_error;
  const RunSummary summary = small::run_into(spec, folder / "run");
  const SettingBoard board = setting_board(folder / "run", 4);
  const auto width = [](const SettingRow& row) { return std::stoi(row.parameters.at(0).second.substr(1)); };
  const SettingRow* expected = &board.rows.front();
  for (const SettingRow& row : board.rows) {
    const bool is_near = board.rows[0].mean - row.mean <= board.rows[0].standard_error;
    if (is_near && width(row) < width(*expected)) expected = &row;
  }
  EXPECT_EQ(board.rows[0].parameters.at(0).first, "hidden_layer_sizes");
  EXPECT_EQ(summary.setting->id, expected->id);
}

TEST(FinalNetwork, IsTrainedAgainWhereItsFileIsLost) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  const RunSummary whole = small::run_into(spec, folder / "run");
  const std::vector<float> expected = parameters(folder / "run", whole.winner);
  fs::remove(folder / ("run/models/" + whole.winner + ".safetensors"));
  std::string manifest = small::content(folder / "run/manifest.json");
  manifest.replace(manifest.find("\"done\""), 6, "\"interrupted\"");
  std::ofstream(folder / "run/manifest.json") << manifest;
  EXPECT_EQ(small::run_into(spec, folder / "run", true).winner, whole.winner);
  EXPECT_EQ(parameters(folder / "run", whole.winner), expected);
}

TEST(FinalNetwork, OfRepeatsIsTheBestTrialOfTheWinningSetting) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  SweepSpec spec = small::sweep(folder / "classes.csv", Metric::val_loss);
  spec.repeat = 3;
  spec.trainer.keep = 12;
  const RunSummary whole = small::run_into(spec, folder / "whole");
  spec.trainer.keep = 0;
  const RunSummary one = small::run_into(spec, folder / "one");
  EXPECT_EQ(one.winner, whole.winner);
  EXPECT_EQ(parameters(folder / "one", one.winner), parameters(folder / "whole", whole.winner));
  const SettingBoard board = setting_board(folder / "one", 2);
  ASSERT_EQ(board.rows.size(), 2U);
  EXPECT_EQ(board.n_settings, 4U);
  EXPECT_EQ(board.n_trials, 12U);
  EXPECT_EQ(board.rows[0].id, one.setting->id);
  EXPECT_TRUE(one.winner.starts_with(one.setting->id));
  ASSERT_EQ(board.rows[0].parameters.size(), 3U);  // the seeds differ, too
  EXPECT_TRUE(settings_have_several_trials(folder / "one"));
}

}  // namespace
}  // namespace shoal
