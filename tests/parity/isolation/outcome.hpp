#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <gtest/gtest.h>
#include <vector>

#include "shoal/engine.hpp"

namespace shoal::testing {

/// What became of a trial.
struct Outcome {
  TrialState state;
  std::vector<EpochRecord> records;
  MetricSums sums;
};

inline bool same_bits(const std::vector<float>& a, const std::vector<float>& b) {
  return std::ranges::equal(a, b, [](float x, float y) {
    return std::bit_cast<std::uint32_t>(x) == std::bit_cast<std::uint32_t>(y) || (x != x && y != y);
  });
}

inline bool same_number(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}

inline void expect_same(const Outcome& a, const Outcome& b) {
  EXPECT_TRUE(same_bits(a.state.parameters, b.state.parameters));
  EXPECT_TRUE(same_bits(a.state.first_moment, b.state.first_moment));
  EXPECT_TRUE(same_bits(a.state.second_moment, b.state.second_moment));
  EXPECT_TRUE(same_bits(a.state.best_parameters, b.state.best_parameters));
  EXPECT_EQ(a.state.step, b.state.step);
  EXPECT_TRUE(same_number(a.state.beta_1_power, b.state.beta_1_power));
  EXPECT_TRUE(same_number(a.state.beta_2_power, b.state.beta_2_power));
  EXPECT_EQ(a.state.n_rate_drops, b.state.n_rate_drops);
  EXPECT_EQ(a.state.epoch, b.state.epoch);
  EXPECT_EQ(a.state.status, b.state.status);
  EXPECT_EQ(a.state.best_epoch, b.state.best_epoch);
  EXPECT_TRUE(same_number(a.sums.loss, b.sums.loss));
  EXPECT_TRUE(same_number(a.sums.weight, b.sums.weight));
  EXPECT_EQ(a.sums.n_rows, b.sums.n_rows);
  EXPECT_TRUE(std::ranges::equal(a.sums.squared_error, b.sums.squared_error, same_number));
  EXPECT_EQ(a.sums.n_predicted, b.sums.n_predicted);
  EXPECT_EQ(a.sums.n_true_positive, b.sums.n_true_positive);
  EXPECT_EQ(a.sums.n_ordered_pairs, b.sums.n_ordered_pairs);
  ASSERT_EQ(a.records.size(), b.records.size());
  for (std::size_t e = 0; e < a.records.size(); ++e) {
    EXPECT_EQ(a.records[e].epoch, b.records[e].epoch);
    EXPECT_TRUE(same_number(a.records[e].train_loss, b.records[e].train_loss));
    EXPECT_TRUE(same_number(a.records[e].train_weight, b.records[e].train_weight));
    EXPECT_TRUE(same_number(a.records[e].val_loss, b.records[e].val_loss));
    EXPECT_TRUE(same_number(a.records[e].val_weight, b.records[e].val_weight));
    EXPECT_TRUE(same_number(a.records[e].metric, b.records[e].metric));
  }
}

}  // namespace shoal::testing
