#include "search/brackets.hpp"

#include <gtest/gtest.h>
#include <limits>

#include "spec/nan.hpp"

namespace shoal::search {
namespace {

using Epochs = std::vector<std::uint32_t>;

EarlyTerminate rule_of(Terminator type, std::uint32_t group) {
  EarlyTerminate rule;
  rule.type = type;
  rule.group = group;
  return rule;
}

TEST(Brackets, AreRangesOfSettingsWithoutHoles) {
  for (const Terminator type :
       {Terminator::none, Terminator::halving, Terminator::hyperband, Terminator::median, Terminator::pbt}) {
    for (const std::uint64_t n_settings : {0U, 1U, 7U, 49U, 50U, 1000U}) {
      const Brackets brackets(rule_of(type, 60), n_settings, 27, 100);
      std::uint64_t next = 0;
      for (std::uint64_t i = 0; i < brackets.size(); ++i) {
        const Bracket bracket = brackets.at(i);
        EXPECT_EQ(bracket.first_setting, next);
        EXPECT_GT(bracket.n_settings, 0U);
        next += bracket.n_settings;
      }
      EXPECT_EQ(next, n_settings);
    }
  }
}

TEST(Brackets, WithoutRungsHoldWhatIsPlannedTogether) {
  const Brackets brackets(rule_of(Terminator::none, 60), 250, 30, 100);
  ASSERT_EQ(brackets.size(), 3U);
  EXPECT_EQ(brackets.at(2).n_settings, 50U);
  EXPECT_TRUE(brackets.at(0).rungs.empty());
  EXPECT_EQ(brackets.expected_share(), 1);
}

TEST(Brackets, OfHalvingHaveRungsThatGrowByEta) {
  const Brackets brackets(rule_of(Terminator::halving, 4), 10, 10, 100);
  ASSERT_EQ(brackets.size(), 3U);
  EXPECT_EQ(brackets.at(0).rungs, (Epochs{1, 3, 9}));
  EXPECT_EQ(brackets.at(2).first_setting, 8U);
  EXPECT_EQ(brackets.at(2).n_settings, 2U);
  // Of 4 settings: 4 x 1, then 1 x 9 more epochs, of 4 x 10.
  EXPECT_DOUBLE_EQ(brackets.expected_share(), 13.0 / 40);
  // By one fold of four: a quarter of that, and the last setting's other folds.
  EXPECT_DOUBLE_EQ(Brackets(rule_of(Terminator::halving, 4), 10, 10, 100, 0.25).expected_share(), 10.75 / 40);
}

TEST(Brackets, OfMedianHaveRungsAtEqualDistances) {
  EXPECT_EQ(Brackets(rule_of(Terminator::median, 4), 10, 21, 100).at(0).rungs, (Epochs{5, 10, 15, 20}));
}

TEST(Brackets, OfPbtHaveRungsAtTheIntervalAndTrainAllEpochs) {
  EarlyTerminate rule = rule_of(Terminator::pbt, 4);
  rule.interval = 7;
  const Brackets brackets(rule, 10, 21, 100);
  EXPECT_EQ(brackets.at(0).rungs, (Epochs{7, 14}));
  EXPECT_EQ(brackets.expected_share(), 1);
}

TEST(Brackets, HaveNoRungAtOrBehindTheLastEpoch) {
  EXPECT_EQ(Brackets(rule_of(Terminator::halving, 4), 10, 9, 100).at(0).rungs, (Epochs{1, 3}));
  EXPECT_EQ(Brackets(rule_of(Terminator::halving, 4), 10, 1, 100).size(), 1U);
}

// The table of Hyperband for 27 epochs and eta 3: 27 settings from 1 epoch on, 12 from 3, 6 from 9, 4 without a rung.
TEST(Brackets, OfHyperbandAreThoseOfItsTable) {
  const Brackets brackets(rule_of(Terminator::hyperband, 49), 49 + 30, 27, 100);
  ASSERT_EQ(brackets.size(), 6U);
  const std::vector<std::uint64_t> sizes{27, 12, 6, 4, 27, 3};
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(brackets.at(i).n_settings, sizes[i]) << i;
  EXPECT_EQ(brackets.at(0).rungs, (Epochs{1, 3, 9}));
  EXPECT_EQ(brackets.at(1).rungs, (Epochs{3, 9}));
  EXPECT_EQ(brackets.at(2).rungs, (Epochs{9}));
  EXPECT_EQ(brackets.at(3).rungs, Epochs{});
  EXPECT_EQ(brackets.at(4).first_setting, 49U);
}

TEST(Brackets, OfHyperbandLeaveOutThoseThatAreLargerThanTheGroup) {
  const Brackets brackets(rule_of(Terminator::hyperband, 15), 20, 27, 100);
  ASSERT_EQ(brackets.size(), 4U);
  EXPECT_EQ(brackets.at(0).n_settings, 6U);
  EXPECT_EQ(brackets.at(0).rungs, (Epochs{9}));
  EXPECT_EQ(brackets.at(1).n_settings, 4U);
}

TEST(Brackets, OfHyperbandAreAllThereWhereFewerSettingsThanAGroupAre) {
  const Brackets brackets(rule_of(Terminator::hyperband, 1000), 60, 27, 100);
  const std::vector<std::uint64_t> sizes{27, 12, 6, 4, 11};
  ASSERT_EQ(brackets.size(), sizes.size());
  for (std::size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ(brackets.at(i).n_settings, sizes[i]) << i;
}

TEST(Brackets, OfHyperbandFillTheGroup) {
  const Brackets brackets(rule_of(Terminator::hyperband, 100), 98, 27, 100);
  ASSERT_EQ(brackets.size(), 4U);
  EXPECT_EQ(brackets.at(0).n_settings, 54U);
}

std::vector<Standing> ranked_by(const std::vector<double>& values) {
  std::vector<Standing> all;
  for (std::size_t i = 0; i < values.size(); ++i) {
    all.push_back({std::string(1, static_cast<char>('a' + i)), true, values[i], values[i], values[i]});
  }
  return all;
}

using Flags = std::vector<bool>;

TEST(Survivors, OfHalvingAreTheBestOneInEta) {
  const EarlyTerminate rule = rule_of(Terminator::halving, 4);
  EXPECT_EQ(survivors(rule, ranked_by({3, 1, 2, 5, 4, 6}), false), (Flags{false, true, true, false, false, false}));
  EXPECT_EQ(survivors(rule, ranked_by({3, 1, 2, 5, 4, 6}), true), (Flags{false, false, false, true, false, true}));
  EXPECT_EQ(survivors(rule, ranked_by({3, 1}), false), (Flags{false, true}));
}

TEST(Survivors, OfHalvingAreChosenByIdAmongEquals) {
  EXPECT_EQ(survivors(rule_of(Terminator::halving, 4), ranked_by({2, 2, 2}), true), (Flags{true, false, false}));
}

TEST(Survivors, AreNeverThoseWithoutANumberWhileThereAreOthers) {
  const EarlyTerminate rule = rule_of(Terminator::halving, 4);
  const double infinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(survivors(rule, ranked_by({kNaN, 1e9, -infinity}), false), (Flags{false, true, false}));
  EXPECT_EQ(survivors(rule, ranked_by({infinity, kNaN, -5}), true), (Flags{false, false, true}));
}

TEST(Survivors, AreOnlyThoseThatCompete) {
  std::vector<Standing> all = ranked_by({1, 2, 3, 4});
  all[0].competes = false;
  EXPECT_EQ(survivors(rule_of(Terminator::halving, 4), all, false), (Flags{false, true, false, false}));
}

TEST(Survivors, OfMedianAreThoseWhoseBestIsNoWorseThanTheMedianOfTheMeans) {
  std::vector<Standing> all{{"a", true, 9, 5, 8}, {"b", true, 9, 6, 7}, {"c", true, 9, 7.5, 9}, {"d", false, 9, 1, 3}};
  // Means 3, 7, 8, 9: the upper of the two in the middle, 8.
  EXPECT_EQ(survivors(rule_of(Terminator::median, 4), all, false), (Flags{true, true, true, false}));
  all[2].best = 8.5;
  EXPECT_EQ(survivors(rule_of(Terminator::median, 4), all, false), (Flags{true, true, false, false}));
  EXPECT_EQ(survivors(rule_of(Terminator::median, 4), all, true), (Flags{false, false, true, false}));
}

TEST(Survivors, OfMedianAreNotMoreWhereManyHaveNoMean) {
  const std::vector<Standing> all{{"a", true, 1, 1, 2},       {"b", true, 5, 5, 6},          {"c", true, 9, 9, 9},
                                  {"d", true, kNaN, 0, kNaN}, {"e", true, kNaN, kNaN, kNaN}, {"f", true, 3, kNaN, 3}};
  // Means 2, 3, 6, 9: the upper of the two in the middle, 6.
  EXPECT_EQ(survivors(rule_of(Terminator::median, 4), all, false), (Flags{true, true, false, true, false, false}));
}

TEST(Brackets, SayTheirLargestSizeAndTheirLastRung) {
  EarlyTerminate rule = rule_of(Terminator::halving, 2);
  rule.eta = 2;
  rule.group = 8;
  EXPECT_EQ(Brackets(rule, 20, 9, 100).most_settings(), 8U);
  EXPECT_EQ(Brackets(rule, 5, 9, 100).most_settings(), 5U);
  EXPECT_EQ(Brackets(rule, 20, 9, 100).last_rung(), 8U);
  EXPECT_EQ(Brackets(rule, 20, 8, 100).last_rung(), 4U);
  EXPECT_EQ(Brackets(rule_of(Terminator::none, 2), 20, 9, 100).last_rung(), 0U);
}

TEST(MostEpochs, IsTheLargestMaxIterOfTheSweep) {
  SweepSpec spec;
  EXPECT_EQ(most_epochs(spec), 200U);
  spec.axes.push_back({{"hidden_layer_sizes", "max_iter"}, {}, {}, 0, 0});
  spec.axes.back().values = {{std::vector<std::int64_t>{4}, std::int64_t{7}},
                             {std::vector<std::int64_t>{4}, std::int64_t{30}}};
  EXPECT_EQ(most_epochs(spec), 30U);
  spec.axes = {{{"max_iter"}, {}, Distribution::int_uniform, 3, 90}};
  EXPECT_EQ(most_epochs(spec), 90U);
}

}  // namespace
}  // namespace shoal::search
