#include "train/round_sizer.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace shoal::train {
namespace {

/// A machine that does `rate` units a second for each network, up to `n_parallel` networks at once.
struct Machine {
  double rate;
  std::size_t n_parallel;
  double network_cost;  ///< of an epoch

  /// Runs calls until the sizer has settled; the last call's seconds.
  double settle(RoundSizer& sizer, std::size_t n_networks = 1'000'000) const {
    double seconds = 0;
    for (int i = 0; i < 40; ++i) {
      const std::size_t n = std::min(sizer.width(), n_networks);
      const std::uint32_t epochs = sizer.epochs(network_cost * static_cast<double>(n), n);
      const double cost = network_cost * static_cast<double>(n) * epochs;
      seconds = network_cost * epochs / rate * std::ceil(static_cast<double>(n) / static_cast<double>(n_parallel));
      sizer.measured(cost, seconds, epochs, n);
    }
    return seconds;
  }
};

TEST(RoundSizer, AsksForOneEpochOfOneNetworkAtFirst) {
  const RoundSizer sizer(0.2, 2);
  EXPECT_EQ(sizer.width(), 1U);
  EXPECT_EQ(sizer.epochs(1.0, 1), 1U);
}

TEST(RoundSizer, FitsCallsOfSmallNetworksToTheTime) {
  RoundSizer sizer(0.2, 2);
  const double seconds = Machine{1e6, 2, 100.0}.settle(sizer);
  EXPECT_NEAR(seconds, 0.2, 0.02);
}

TEST(RoundSizer, KeepsFewNetworksInFlightOnFewCores) {
  RoundSizer sizer(0.2, 2);
  Machine{1e6, 2, 100.0}.settle(sizer);
  EXPECT_GE(sizer.width(), 2U);
  EXPECT_LE(sizer.width(), 32U);
}

TEST(RoundSizer, FillsAWideMachine) {
  RoundSizer sizer(0.2, 2);
  Machine{1e4, 20'000, 100.0}.settle(sizer);
  EXPECT_GE(sizer.width(), 16'384U);
}

TEST(RoundSizer, KeepsAsFewNetworksAsCoresWhereAnEpochIsLong) {
  RoundSizer sizer(0.2, 4);
  const double seconds = Machine{1.0, 4, 5.0}.settle(sizer);
  EXPECT_EQ(sizer.width(), 4U);
  EXPECT_EQ(seconds, 5.0);
}

TEST(RoundSizer, GrowsFromTheSizeOfAGang) {
  RoundSizer sizer(0.2, 2);
  sizer.measured(256, 0.001, 1, 256);
  EXPECT_EQ(sizer.width(), 1024U);
}

TEST(RoundSizer, RecordsNoMoreThanIsPlanned) {
  RoundSizer sizer(0.2, 2);
  Machine{1e12, 2, 1.0}.settle(sizer);
  EXPECT_EQ(sizer.epochs(1.0, 1), 131'072U);
  EXPECT_EQ(sizer.epochs(1000.0, 1000), 131U);
  EXPECT_EQ(sizer.epochs(200'000.0, 200'000), 1U);
}

TEST(RoundSizer, AsksForOneEpochWhereNoTimeIsGiven) {
  RoundSizer sizer(0.0, 2);
  Machine{1e9, 2, 1.0}.settle(sizer);
  EXPECT_EQ(sizer.epochs(1.0, 1), 1U);
}

}  // namespace
}  // namespace shoal::train
