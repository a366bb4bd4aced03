#include "engine/cpu/lane_choice.hpp"

#include <gtest/gtest.h>

#include "engine/cpu/cpu_engine.hpp"

namespace shoal::cpu {
namespace {

GangKey key(const Topology& topology) {
  GangKey key;
  key.topology = topology;
  return key;
}

const Topology kTiny{1, {2, 2}, {Activation::relu, Activation::relu}, 1};
const Topology kWide{10, {64}, {Activation::relu}, 2};
const Topology kLarge{16, {64, 64}, {Activation::relu, Activation::relu}, 26};

TEST(LaneChoice, NetworksWhoseVectorFitsTheCacheHaveLanes) {
  EXPECT_TRUE(has_lanes(key(kTiny), 16));
  EXPECT_TRUE(has_lanes(key(kWide), 16));
  EXPECT_FALSE(has_lanes(key(kLarge), 16));
}

TEST(LaneChoice, TheEngineNamesTheKernelOfAGang) {
  const Dataset data;
  const auto engine = make_cpu_engine(data, {});
  EXPECT_EQ(engine->kernel({.key = key(kTiny), .n_slots = 1}), "lane_per_network");
  EXPECT_EQ(engine->kernel({.key = key(kWide), .n_slots = 16}), "lane_per_network");
  EXPECT_EQ(engine->kernel({.key = key(kWide), .n_slots = 1}), "core_per_network");
  EXPECT_EQ(engine->kernel({.key = key(kLarge), .n_slots = 16}), "core_per_network");
}

TEST(LaneChoice, ATinyNetworkTakesAVectorAloneAndAWideOneWantsCompany) {
  EXPECT_EQ(fewest_lanes(kTiny, 16), 1U);
  // 16 lanes of 1664 multiply-adds against 3968 of a core.
  EXPECT_EQ(fewest_lanes(kWide, 16), 7U);
}

}  // namespace
}  // namespace shoal::cpu
