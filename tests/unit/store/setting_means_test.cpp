#include "store/setting_means.hpp"

#include <cmath>
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
  EXPECT_TRUE(contenders({}, Choice::best).empty());
  EXPECT_TRUE(contenders(rows_of({std::nan("")}, 0), Choice::best).empty());
  rows[0].status = TrialStatus::diverged;
  EXPECT_TRUE(contenders(rows, Choice::best).empty());
}

}  // namespace
}  // namespace shoal::store
