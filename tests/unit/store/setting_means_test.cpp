#include "store/setting_means.hpp"

#include <cmath>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <limits>
#include <map>

#include "store_fixture.hpp"

namespace shoal::store {
namespace {

struct SettingMeans : StoreTest {
  SettingMeans() : directory(RunDirectory::create(folder / "run", manifest_of())) {}
  void add(const std::string& id, double loss, TrialStatus status = TrialStatus::finished) {
    directory.add(result_of(id, loss, status));
  }
  std::vector<SettingRow> ranked() { return setting_means(directory, Metric::val_loss, false); }

  RunDirectory directory;
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
  EXPECT_DOUBLE_EQ(rows[1].epochs, 1);
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

TEST_F(SettingMeans, ThatAreEqualAreRankedById) {
  // 458 right of 600 in three folds of 200: in another order their thirds have another sum.
  const std::vector<double> right{0.765, 0.755, 0.77};
  ASSERT_NE(right[0] / 3 + right[1] / 3 + right[2] / 3, right[2] / 3 + right[0] / 3 + right[1] / 3);
  for (std::size_t k = 0; k < 3; ++k) {
    add("a.f" + std::to_string(k), right[k]);
    add("b.f" + std::to_string(k), right[(k + 2) % 3]);
  }
  for (const bool maximize : {false, true}) {
    const std::vector<SettingRow> rows = setting_means(directory, Metric::val_loss, maximize);
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[0].id, "a");
    EXPECT_EQ(rows[0].mean, 0.763333333333);
    EXPECT_EQ(rows[1].mean, 0.763333333333);
  }
}

TEST_F(SettingMeans, OfSomeOfTheTrialsComeBehindThoseOfAll) {
  Manifest manifest = manifest_of();
  manifest.n_trials = 12;
  manifest.n_settings = 6;
  directory.flush(manifest);
  add("a.f0", 1);  // a lucky fold
  for (const char* const id : {"b.f0", "b.f1"}) add(id, 5);
  for (const char* const id : {"c.f0", "c.f1"}) add(id, 2, TrialStatus::pruned);
  add("d.f0", 0.5, TrialStatus::diverged);
  std::string order;
  for (const SettingRow& row : ranked()) order += fmt::format("{} {}/{} ", row.id, row.n_trials, row.n_wanted);
  EXPECT_EQ(order, "b 2/2 c 2/2 a 1/2 d 1/2 ");
}

TEST_F(SettingMeans, OfEpochsAreWhole) {
  for (std::size_t k = 0; k < 7; ++k) {
    TrialResult result = result_of("a.f" + std::to_string(k), 1);
    result.best_epoch = 12;
    directory.add(result);
  }
  EXPECT_EQ(ranked().at(0).epochs, 12);
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
  EXPECT_EQ(ids(contenders(rows, Choice::best)), "1");
  EXPECT_EQ(ids(contenders(rows, Choice::one_standard_error)), "1234");
  rows[3].status = TrialStatus::pruned;
  EXPECT_EQ(ids(contenders(rows, Choice::one_standard_error)), "123");
  // A rung ended some before all of their folds were trained, though none of their trials itself.
  for (SettingRow& row : rows) row.n_trials = row.n_wanted = 5;
  rows[1].n_trials = 2;
  EXPECT_EQ(ids(contenders(rows, Choice::one_standard_error)), "13");
  rows[0].n_trials = rows[2].n_trials = 4;
  EXPECT_EQ(ids(contenders(rows, Choice::one_standard_error)), "123");
  EXPECT_TRUE(contenders({}, Choice::best).empty());
  EXPECT_TRUE(contenders(rows_of({std::nan("")}, 0), Choice::best).empty());
  rows[0].status = TrialStatus::diverged;
  EXPECT_TRUE(contenders(rows, Choice::best).empty());
}

}  // namespace
}  // namespace shoal::store
