#include "engine/cpu/lane_choice.hpp"

#include <gtest/gtest.h>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cpu/training_cost.hpp"
#include "tests/support/toy_engine.hpp"

namespace shoal::cpu {
namespace {

constexpr EpochRows kRows{1000, 0, 100};

const Topology kTiny{1, {2, 2}, {Activation::relu, Activation::relu}, 1};
const Topology kWide{10, {64}, {Activation::relu}, 2};

Gang gang(const Topology& topology, std::uint32_t n_slots, std::uint64_t n_company = 0) {
  Gang gang;
  gang.key.topology = topology;
  gang.key.batch_size = 100;
  gang.n_slots = n_slots;
  gang.n_company = n_company;
  return gang;
}

/// Multiply-adds alone cost something, the same on a core and in lanes.
EngineOptions multiply_adds() {
  EngineOptions options;
  options.costs.cpu = {};
  options.costs.cpu = CpuCosts{.core_vector = 16e-9,
                               .core_layer = 0,
                               .core_exponential = 0,
                               .core_output = 0,
                               .core_minibatch = 0,
                               .core_sgd = 0,
                               .core_moments = 0,
                               .core_epoch = 0,
                               .lane_vector = 1e-9,
                               .lane_spilled = 1e-9,
                               .lane_unit = 0,
                               .lane_exponential = 0,
                               .lane_sgd = 0,
                               .lane_moments = 0,
                               .lane_epoch = 0,
                               .measured_row = 0,
                               .measured_output = 0,
                               .final_output = 0,
                               .place_network = 0,
                               .place_parameter = 0};
  return options;
}

TEST(LaneChoice, AMachineThatIsFullTakesWhatLeavesItSoonest) {
  const LaneChoice choice(multiply_adds(), 16, 2);
  // A row of 10-64-2 on lanes: 2 x 640 + 3 x 128 = 1664; on a core with padded outputs: 2 x 640 + 2 x 64 x 16 + 64 x 2.
  const LaneChoice::Ways ways = choice.ways(gang(kWide, 16), kRows);
  EXPECT_DOUBLE_EQ(ways.lanes.alone_s, 1000 * 1664e-9);
  EXPECT_DOUBLE_EQ(ways.lanes.epoch_s, 1000 * 1664e-9 / 2);
  EXPECT_DOUBLE_EQ(ways.cores.epoch_s, 16 * 1000 * 3456e-9 / 2);
  EXPECT_TRUE(choice.has_lanes(gang(kWide, 16, 1'000'000), kRows));
  EXPECT_EQ(choice.fewest_lanes(gang(kWide, 16).key, kRows), 1U);
}

TEST(LaneChoice, AGangThatIsAloneMayBeSoonerOnAllCores) {
  EngineOptions options = multiply_adds();
  options.costs.cpu.core_vector = 4e-9;  // 864 a row: four networks of a core take as long as a vector
  const LaneChoice choice(options, 16, 8);
  EXPECT_TRUE(choice.has_lanes(gang(kWide, 16, 1'000'000), kRows));
  EXPECT_FALSE(choice.has_lanes(gang(kWide, 8), kRows)) << "each has a core of its own";
}

TEST(LaneChoice, ASlowVectorWantsCompany) {
  EngineOptions options = multiply_adds();
  options.costs.cpu.core_vector = 2e-9;  // 432 a row against 1664
  const LaneChoice choice(options, 16, 1);
  EXPECT_EQ(choice.fewest_lanes(gang(kWide, 1).key, kRows), 4U);
  EXPECT_FALSE(choice.has_lanes(gang(kWide, 3), kRows));
  EXPECT_TRUE(choice.has_lanes(gang(kWide, 4), kRows));
  options.costs.cpu.core_vector = 1e-10;
  EXPECT_EQ(LaneChoice(options, 16, 1).fewest_lanes(gang(kWide, 1).key, kRows), 17U) << "never";
}

TEST(LaneChoice, ACoreTakesWhatFullVectorsLeaveOver) {
  EngineOptions options = multiply_adds();
  options.costs.cpu.core_vector = 2e-9;
  const LaneChoice choice(options, 16, 1);
  const double vector = choice.ways(gang(kWide, 16), kRows).lanes.epoch_s;
  const double core = choice.ways(gang(kWide, 1), kRows).cores.epoch_s;
  ASSERT_LT(core, vector);
  EXPECT_DOUBLE_EQ(choice.ways(gang(kWide, 33), kRows).lanes.epoch_s, 2 * vector + core);
  EXPECT_DOUBLE_EQ(choice.ways(gang(kWide, 31), kRows).lanes.epoch_s, 2 * vector);
}

TEST(LaneChoice, ALargeNetworkHasAllCores) {
  const LaneChoice choice(multiply_adds(), 16, 4);
  const Topology large{784, {512, 512}, {Activation::relu, Activation::relu}, 10};
  const Prediction alone = choice.ways(gang(large, 1), {8192, 0, 8192}).cores;
  EXPECT_DOUBLE_EQ(alone.alone_s, alone.epoch_s);
  const Prediction by_small_steps = choice.ways(gang(large, 1), {8192, 0, 8}).cores;
  EXPECT_DOUBLE_EQ(by_small_steps.alone_s, 4 * by_small_steps.epoch_s);
}

TEST(LaneChoice, TheEngineTakesTheKernelThatItsCostsNameAndShowsTheOther) {
  const Dataset data = toy::dataset(1000);
  EngineOptions options;
  options.n_threads = 2;
  const auto engine = make_cpu_engine(data, options);
  ASSERT_EQ(engine->predictions(gang(kTiny, 16, 100)).size(), 2U);
  EXPECT_EQ(engine->kernel(gang(kTiny, 16, 100)), "lane_per_network");
  EXPECT_EQ(engine->predictions(gang(kTiny, 16, 100))[1].kernel, "core_per_network");
  const Topology large{16, {128, 128}, {Activation::relu, Activation::relu}, 26};
  EXPECT_EQ(engine->kernel(gang(large, 16, 100)), "core_per_network");
  EXPECT_EQ(engine->gang_size(gang(large, 16).key), 1U);
  options.costs.cpu.core_vector = options.costs.cpu.core_layer = 1;
  EXPECT_EQ(make_cpu_engine(data, options)->kernel(gang(large, 16, 100)), "lane_per_network");
}

/// bench_lanes has lanes ahead at 16-56-56-8, `shoal bench` a core at 16-64-64-26 (docs/decisions/core-per-network.md).
TEST(LaneChoice, TheShippedLimitIsWhereBothWereMeasuredToTakeAsLong) {
  const LaneChoice choice({}, 16, 1);
  const Topology smaller{16, {56, 56}, {Activation::relu, Activation::relu}, 8};
  EXPECT_LE(choice.fewest_lanes(gang(smaller, 16).key, kRows), 16U);
  const Topology larger{16, {64, 64}, {Activation::relu, Activation::relu}, 26};
  EXPECT_EQ(choice.fewest_lanes(gang(larger, 16).key, kRows), 17U);
}

TEST(CpuCost, GrowsWithRowsNetworksAndWidth) {
  const CpuCosts costs;
  const EpochRows few{500, 50, 32};
  const EpochRows many{1000, 50, 32};
  double core = 0;
  double lanes = 0;
  for (std::int32_t n = 1; n <= 64; ++n) {
    const GangKey key = gang({10, {n}, {Activation::tanh}, 2}, 1).key;
    const double of_core = core_epoch(costs, key, few, 16);
    const double of_lanes = lane_epoch(costs, key, few, 16, 16, true);
    EXPECT_GE(of_core, core) << n;
    EXPECT_GT(of_lanes, lanes) << n;
    EXPECT_GT(core_epoch(costs, key, many, 16), of_core);
    EXPECT_GT(lane_epoch(costs, key, many, 16, 16, true), of_lanes);
    EXPECT_LT(lane_epoch(costs, key, few, 16, 8, true), of_lanes) << "each has a metric of its own";
    EXPECT_EQ(lane_epoch(costs, key, few, 16, 8, false), lane_epoch(costs, key, few, 16, 16, false));
    core = of_core;
    lanes = of_lanes;
  }
}

}  // namespace
}  // namespace shoal::cpu
