#include "report/importance.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <gtest/gtest.h>
#include <numeric>
#include <string>

namespace shoal::report {
namespace {

ParameterColumn column(std::string name, std::vector<std::uint32_t> codes) {
  ParameterColumn out;
  out.name = std::move(name);
  out.codes = std::move(codes);
  const std::uint32_t n_levels = *std::ranges::max_element(out.codes) + 1;
  for (std::uint32_t level = 0; level < n_levels; ++level) {
    out.levels.push_back(std::to_string(level));
    out.numbers.push_back(level);
  }
  return out;
}

/// 256 trials of four parameters with 4 values each, every combination once, sorted by what `metric` makes of them.
template <class MetricOf>
TrialTable planted(const MetricOf& metric) {
  std::vector<std::array<std::uint32_t, 4>> settings;
  for (std::uint32_t i = 0; i < 256; ++i) settings.push_back({i % 4, i / 4 % 4, i / 16 % 4, i / 64});
  std::ranges::stable_sort(settings, [&](const auto& a, const auto& b) { return metric(a) < metric(b); });
  TrialTable table;
  std::array<std::vector<std::uint32_t>, 4> codes;
  for (const auto& setting : settings) {
    table.ids.push_back("t" + std::to_string(table.ids.size()));
    table.ranked.push_back(metric(setting));
    for (std::size_t p = 0; p < 4; ++p) codes[p].push_back(setting[p]);
  }
  table.statuses.assign(256, TrialStatus::finished);
  for (std::size_t p = 0; p < 4; ++p) table.parameters.push_back(column("p" + std::to_string(p), codes[p]));
  return table;
}

double share_of(const Importance& importance, std::size_t parameter) {
  return std::ranges::find(importance.alone, parameter, &Importance::Effect::parameter)->share;
}

TEST(Importance, GivesAllToTheParameterThatDecides) {
  const Importance importance = importance_of(planted([](const auto& s) { return static_cast<double>(s[2]); }));
  EXPECT_EQ(importance.alone.front().parameter, 2U);
  EXPECT_DOUBLE_EQ(share_of(importance, 2), 1);
  for (const std::size_t other : {0U, 1U, 3U}) EXPECT_EQ(share_of(importance, other), 0);
  EXPECT_TRUE(importance.pairs.empty());
}

TEST(Importance, DividesBetweenTwoByTheirVariance) {
  // Ranks of 4 a + b are those of the 16 values, 16 trials each: the variance of 4 a is 16 times that of b. With
  // u = 16 / 17, epsilon squared of a is u - 3 (1 - u) / 252.
  const Importance importance = importance_of(planted([](const auto& s) { return 4.0 * s[0] + s[1]; }));
  EXPECT_NEAR(share_of(importance, 0), 16.0 / 17 - 3 * (1.0 / 17) / 252, 1e-12);
  EXPECT_NEAR(share_of(importance, 1), 1.0 / 17 - 3 * (16.0 / 17) / 252, 1e-12);
  EXPECT_EQ(importance.alone.at(1).parameter, 1U);
  // They add up, so that together they say no more than each alone.
  for (const auto& pair : importance.pairs) EXPECT_LT(pair.share, 1e-12);
}

TEST(Importance, FindsAPairThatNoneOfBothShowsAlone) {
  const Importance importance =
      importance_of(planted([](const auto& s) { return static_cast<double>((s[1] + s[3]) % 4); }));
  EXPECT_EQ(share_of(importance, 1), 0);
  ASSERT_EQ(importance.pairs.size(), 1U);
  EXPECT_EQ(importance.pairs[0].first, 1U);
  EXPECT_EQ(importance.pairs[0].second, 3U);
  EXPECT_DOUBLE_EQ(importance.pairs[0].share, 1);
}

TEST(Importance, TakesRanksSoThatOneBadTrialDecidesNothing) {
  const auto metric = [](const auto& s) { return static_cast<double>(s[0]); };
  TrialTable table = planted(metric);
  table.ranked.back() = 1e30;
  const double share = share_of(importance_of(table), 0);
  EXPECT_GT(share, 0.99);
}

TEST(Importance, CutsManyNumbersIntoTenGroups) {
  TrialTable table;
  std::vector<std::uint32_t> codes(1000);
  std::iota(codes.begin(), codes.end(), 0U);
  table.parameters.push_back(column("many", codes));
  for (std::size_t i = 0; i < 1000; ++i) {
    table.ids.push_back(std::to_string(i));
    table.ranked.push_back(static_cast<double>(i));
  }
  table.statuses.assign(1000, TrialStatus::finished);
  // Within 100 ranks that follow each other the variance is (100^2 - 1) / 12, of all (1000^2 - 1) / 12.
  const double within = (100.0 * 100 - 1) / (1000.0 * 1000 - 1);
  EXPECT_NEAR(share_of(importance_of(table), 0), 1 - within - 9 * within / 990, 1e-12);
}

TEST(Importance, SaysNothingOfParametersWithATrialAValue) {
  TrialTable table;
  ParameterColumn words = column("words", {0, 1, 2});
  words.numbers.clear();
  table.parameters.push_back(words);
  table.ids = {"a", "b", "c"};
  table.ranked = {1, 2, 3};
  table.statuses.assign(3, TrialStatus::finished);
  EXPECT_TRUE(std::isnan(importance_of(table).alone.at(0).share));
}

}  // namespace
}  // namespace shoal::report
