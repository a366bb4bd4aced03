#include "data/splits.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <map>
#include <set>
#include <vector>

namespace shoal::data {
namespace {

/// Class sizes 1, 2, 7, 40, 90, interleaved.
std::vector<std::int32_t> uneven_classes() {
  std::vector<std::int32_t> labels;
  const std::vector<std::size_t> sizes{1, 2, 7, 40, 90};
  for (std::size_t i = 0; i < 90; ++i) {
    for (std::size_t k = 0; k < sizes.size(); ++k) {
      if (i < sizes[k]) labels.push_back(static_cast<std::int32_t>(k));
    }
  }
  return labels;
}

TEST(DealFolds, GivesEachClassWithinOneRowOfItsShareInEachFold) {
  const std::vector<std::int32_t> labels = uneven_classes();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const std::uint32_t n_folds : {2U, 3U, 5U, 10U}) {
      const std::vector<std::uint32_t> fold_of = deal_folds(labels.size(), n_folds, labels, {}, seed);
      std::map<std::pair<std::int32_t, std::uint32_t>, int> count;
      std::map<std::int32_t, int> size;
      for (std::size_t row = 0; row < labels.size(); ++row) {
        ASSERT_LT(fold_of[row], n_folds);
        ++count[{labels[row], fold_of[row]}];
        ++size[labels[row]];
      }
      for (const auto& [label, n] : size) {
        for (std::uint32_t f = 0; f < n_folds; ++f) {
          EXPECT_LT(std::abs(count[std::pair(label, f)] - static_cast<double>(n) / n_folds), 1.0);
        }
      }
    }
  }
}

TEST(HoldOut, TakesEachClassWithinOneRowOfItsShareAndTheWholeFraction) {
  const std::vector<std::int32_t> labels = uneven_classes();
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    for (const double fraction : {0.1, 0.2, 0.5}) {
      const std::vector<bool> held = hold_out(labels.size(), fraction, labels, {}, seed);
      std::map<std::int32_t, std::pair<int, int>> count;  // held, all
      for (std::size_t row = 0; row < labels.size(); ++row) {
        count[labels[row]].first += held[row] ? 1 : 0;
        ++count[labels[row]].second;
      }
      for (const auto& [label, n] : count) EXPECT_LE(std::abs(n.first - fraction * n.second), 1.0) << label;
      EXPECT_EQ(count[0].first, 0);  // the only row of its class stays to train on
      EXPECT_EQ(std::ranges::count(held, true), std::lround(fraction * 140));
    }
  }
}

TEST(Splits, KeepGroupsWhole) {
  std::vector<std::uint32_t> groups;
  for (std::uint32_t i = 0; i < 200; ++i) groups.push_back(i * i % 23);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const std::vector<std::uint32_t> fold_of = deal_folds(groups.size(), 4, {}, groups, seed);
    const std::vector<bool> held = hold_out(groups.size(), 0.25, {}, groups, seed);
    std::map<std::uint32_t, std::set<std::uint32_t>> folds;
    std::map<std::uint32_t, std::set<bool>> sides;
    for (std::size_t row = 0; row < groups.size(); ++row) {
      folds[groups[row]].insert(fold_of[row]);
      sides[groups[row]].insert(held[row]);
    }
    for (const auto& [group, seen] : folds) EXPECT_EQ(seen.size(), 1U) << group;
    for (const auto& [group, seen] : sides) EXPECT_EQ(seen.size(), 1U) << group;
    EXPECT_EQ(std::set<std::uint32_t>(fold_of.begin(), fold_of.end()).size(), 4U);
    EXPECT_GT(std::ranges::count(held, true), 0);
  }
}

TEST(Splits, DependOnTheSeedAlone) {
  const std::vector<std::int32_t> labels = uneven_classes();
  EXPECT_EQ(deal_folds(140, 5, labels, {}, 7), deal_folds(140, 5, labels, {}, 7));
  EXPECT_NE(deal_folds(140, 5, labels, {}, 7), deal_folds(140, 5, labels, {}, 8));
  EXPECT_EQ(hold_out(140, 0.2, labels, {}, 7), hold_out(140, 0.2, labels, {}, 7));
  EXPECT_NE(hold_out(140, 0.2, labels, {}, 7), hold_out(140, 0.2, labels, {}, 8));
}

}  // namespace
}  // namespace shoal::data
