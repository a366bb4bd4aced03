#include "engine/cpu/mixed_vectors.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cpu/lane_layout.hpp"
#include "kernels/cpu/lane_per_network.hpp"
#include "tests/support/random_trials.hpp"
#include "tests/support/toy_engine.hpp"

namespace shoal::cpu {
namespace {

constexpr std::size_t kLanes = 16;

Gang gang_of(std::vector<std::int32_t> widths, Slot first, std::uint32_t n) {
  Gang gang;
  gang.key.topology = {4, widths, std::vector(widths.size(), Activation::relu), 2};
  gang.key.batch_size = 32;
  gang.first_slot = first;
  gang.n_slots = n;
  return gang;
}

/// A gang of one network for each width, places side by side.
std::vector<Gang> gangs_of(const std::vector<std::vector<std::int32_t>>& widths) {
  std::vector<Gang> gangs;
  for (const auto& of_network : widths) gangs.push_back(gang_of(of_network, static_cast<Slot>(gangs.size()), 1));
  return gangs;
}

std::vector<MixedVector> mixed(const std::vector<Gang>& gangs, double core_costs_more = 1, bool is_busy = true) {
  EngineOptions options;
  options.costs = slowed(options.costs, "core_per_network", core_costs_more);
  std::vector<LoosePlaces> places;
  for (const Gang& each : gangs) places.push_back({&each, each.n_slots});
  const Dataset data = toy::dataset(1000);
  return mixed_vectors(places, LaneChoice(options, kLanes, 4), data, is_busy);
}

TEST(LaneLayout, SaysWhichUnitsALaneHasAndWhereItsParametersLie) {
  const std::vector<Topology> of_lanes{gang_of({3, 2}, 0, 1).key.topology, gang_of({1, 5}, 0, 1).key.topology};
  EXPECT_EQ(widest(of_lanes).hidden_layer_sizes, (std::vector<std::int32_t>{3, 5}));
  const LaneLayout layout(of_lanes, 4);
  const LaneShape shape = layout.shape();
  EXPECT_TRUE(shape.is_mixed);
  EXPECT_EQ(shape.n_parameters, 3U * 5 + 5 * 4 + 2 * 6);
  EXPECT_EQ(shape.layers[0].n_common, 1U);
  EXPECT_EQ(shape.layers[1].n_common, 2U);
  EXPECT_EQ(shape.layers[2].n_common, 2U);
  for (std::size_t unit = 0; unit < 5; ++unit) {
    EXPECT_EQ(shape.layers[1].present[unit * 4 + 0], unit < 2 ? 1.0F : 0.0F);
    EXPECT_EQ(shape.layers[1].present[unit * 4 + 1], 1.0F);
    EXPECT_EQ(shape.layers[1].present[unit * 4 + 2], 0.0F) << "nobody has this lane";
  }
  std::vector<std::size_t> elements;
  layout.each_parameter(1, [&](std::size_t canonical, std::size_t element) {
    EXPECT_EQ(canonical, elements.size());
    elements.push_back(element);
  });
  // One unit of four inputs; five of one, each in a row of three and a bias; two outputs of five.
  EXPECT_EQ(elements, (std::vector<std::size_t>{0,  1,  2,  3,  4,  15, 18, 19, 22, 23, 26, 27, 30, 31,
                                                34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46}));
  EXPECT_EQ(layout.n_parameters(1), elements.size());
}

TEST(LaneLayout, OfOneTopologyIsCanonical) {
  const Topology topology = gang_of({3, 2}, 0, 1).key.topology;
  const LaneLayout layout(topology);
  EXPECT_FALSE(layout.shape().is_mixed);
  std::size_t n = 0;
  layout.each_parameter(7, [&](std::size_t canonical, std::size_t element) {
    EXPECT_EQ(canonical, n++);
    EXPECT_EQ(canonical, element);
  });
  EXPECT_EQ(n, topology.n_parameters());
}

TEST(MixedVectors, PutTheNearestWidthsTogether) {
  std::vector<std::vector<std::int32_t>> widths;
  for (std::int32_t i = 0; i < 16; ++i) {
    widths.push_back({10 + i % 2});
    widths.push_back({40 + i % 2});
  }
  const std::vector<Gang> gangs = gangs_of(widths);
  const std::vector<MixedVector> vectors = mixed(gangs);
  ASSERT_EQ(vectors.size(), 2U);
  EXPECT_EQ(vectors[0].gang.key.topology.hidden_layer_sizes, (std::vector<std::int32_t>{41}));
  EXPECT_EQ(vectors[1].gang.key.topology.hidden_layer_sizes, (std::vector<std::int32_t>{11}));
  for (const MixedVector& vector : vectors) {
    EXPECT_EQ(vector.slots.size(), kLanes);
    EXPECT_TRUE(std::ranges::is_sorted(vector.slots));
    for (std::size_t i = 0; i < vector.slots.size(); ++i) {
      EXPECT_EQ(vector.topologies[i], gangs[vector.slots[i]].key.topology);
    }
  }
}

TEST(MixedVectors, LeaveNetworksAloneThatHaveLittleInCommon) {
  std::vector<std::vector<std::int32_t>> widths(16, {2});
  widths.front() = {30};
  const std::vector<Gang> one_is_wide = gangs_of(widths);
  const std::vector<MixedVector> of_fifteen = mixed(one_is_wide, 100);
  ASSERT_EQ(of_fifteen.size(), 1U);
  EXPECT_EQ(of_fifteen.front().slots.size(), 15U) << "who would carry the weights of one";
  EXPECT_EQ(of_fifteen.front().slots.front(), 1U);
  for (std::size_t i = 0; i < 8; ++i) widths[i] = {30};
  EXPECT_EQ(mixed(gangs_of(widths), 100).size(), 1U) << "at most twice their own";
}

TEST(MixedVectors, LeaveNetworksAloneThatCoresTrainSooner) {
  const std::vector<std::vector<std::int32_t>> widths(16, {20});
  EXPECT_EQ(mixed(gangs_of(widths)).size(), 1U);
  EXPECT_TRUE(mixed(gangs_of(widths), 0.01).empty());
  EXPECT_TRUE(mixed(gangs_of(widths), 0.5, false).empty()) << "four threads that nobody else wants";
}

TEST(MixedVectors, NeitherPartAGangNorMixFamilies) {
  std::vector<Gang> gangs;
  Slot next = 0;
  for (const std::uint32_t n : {9U, 7U, 9U, 7U}) {
    gangs.push_back(gang_of({20 + static_cast<std::int32_t>(gangs.size())}, next, n));
    next += n;
  }
  std::vector<MixedVector> vectors = mixed(gangs);
  ASSERT_EQ(vectors.size(), 2U);
  for (const MixedVector& vector : vectors) {
    ASSERT_EQ(vector.places.size(), 2U);
    EXPECT_EQ(vector.places[0].n + vector.places[1].n, 16U);
  }
  gangs[0].key.solver = gangs[2].key.solver = Solver::adam;
  const std::vector<MixedVector> of_sgd = mixed(gangs);
  ASSERT_EQ(of_sgd.size(), 1U) << "nine and nine are too many";
  EXPECT_EQ(of_sgd.front().slots.size(), 14U);
  EXPECT_EQ(of_sgd.front().gang.key.solver, Solver::sgd);
}

TEST(MixedVectors, HaveOneEpochAndKeepTheBestOrNot) {
  const std::vector<std::vector<std::int32_t>> widths(32, {20});
  std::vector<Gang> gangs = gangs_of(widths);
  ASSERT_EQ(mixed(gangs, 100).size(), 2U);
  for (std::size_t i = 0; i < 32; ++i) {
    gangs[i].first_epoch = i % 2 == 0 ? 9 : 0;
    gangs[i].keeps_best = i % 4 < 2;
  }
  EXPECT_EQ(mixed(gangs, 100).size(), 4U);
  for (const MixedVector& vector : mixed(gangs, 100)) {
    for (const Slot slot : vector.slots) {
      EXPECT_EQ(gangs[slot].first_epoch, vector.gang.first_epoch);
      EXPECT_EQ(gangs[slot].keeps_best, vector.gang.keeps_best);
    }
  }
}

TEST(MixedVectors, LeaveAGangAVectorOfItsOwnThatIsSooner) {
  const std::vector<Gang> gangs{gang_of({20}, 0, 15), gang_of({40}, 15, 1)};
  EXPECT_TRUE(mixed(gangs).empty()) << "fifteen would wait for one that is twice as wide";
  const std::vector<Gang> nearer{gang_of({20}, 0, 15), gang_of({21}, 15, 1)};
  EXPECT_EQ(mixed(nearer).size(), 1U);
}

TEST(MixedVectors, TakeNoMoreMemoryThanTheEnginePredicts) {
  testing::Random random(3);
  const Dataset data = testing::random_dataset(random, Task::regression, 60, 4, 2);
  EngineOptions options{.n_threads = 1};
  options.costs = slowed(options.costs, "core_per_network", 100);
  const auto engine = make_cpu_engine(data, options);
  for (const std::uint32_t n_narrow : {8U, 15U}) {
    const std::vector<Gang> gangs{gang_of({10}, 0, n_narrow), gang_of({18}, n_narrow, 16 - n_narrow)};
    std::uint64_t predicted = 0;
    for (const Gang& each : gangs) predicted += each.n_slots * engine->bytes_per_slot(each);
    const Topology all = widest({{gangs[0].key.topology, gangs[1].key.topology}});
    EXPECT_GE(predicted, 2 * all.n_parameters() * kLanes * sizeof(float)) << "weights and first moments of all lanes";
  }
}

TEST(MixedVectors, AreOfPlainNetworksWithHiddenLayers) {
  EXPECT_TRUE(may_mix(gang_of({8}, 0, 1).key));
  EXPECT_FALSE(may_mix(gang_of({}, 0, 1).key));
  GangKey clipped = gang_of({8}, 0, 1).key;
  clipped.plain = false;
  EXPECT_FALSE(may_mix(clipped));
  EXPECT_EQ(family(gang_of({8, 3}, 0, 1).key), family(gang_of({2, 9}, 0, 1).key));
  EXPECT_NE(family(gang_of({8, 3}, 0, 1).key), family(gang_of({8}, 0, 1).key));
}

TEST(MixedVectors, AreWhatTheEnginePredictsAndCallsTogether) {
  if (all_lane_kernels().front().n_lanes == 1) GTEST_SKIP() << "this machine has no vectors";
  testing::Random random(1);
  const Dataset data = testing::random_dataset(random, Task::regression, 200, 4, 2);
  const auto engine = make_cpu_engine(data, {.n_threads = 1});
  std::vector<std::vector<std::int32_t>> widths(16, {20});
  for (std::size_t i = 8; i < 16; ++i) widths[i] = {21};
  const std::vector<Gang> gangs = gangs_of(widths);
  EXPECT_EQ(engine->kernel(gangs.front()), "core_per_network");
  const std::vector<std::vector<Prediction>> all = engine->predictions_together(gangs);
  double seconds = 0;
  for (const std::vector<Prediction>& of_gang : all) {
    ASSERT_EQ(of_gang.size(), 2U);
    EXPECT_EQ(of_gang[0].kernel, "lane_per_network");
    EXPECT_EQ(of_gang[1].kernel, "core_per_network");
    EXPECT_LT(of_gang[0].epoch_s, of_gang[1].epoch_s);
    seconds += of_gang[0].epoch_s;
  }
  Gang vector = gang_of({21}, 0, 16);
  EXPECT_NEAR(seconds, engine->predictions(vector).front().epoch_s, 1e-9) << "together they are one of the widest";
  engine->prepare(gangs);
  for (const Gang& each : gangs) EXPECT_EQ(engine->company(each), 0U);
}

}  // namespace
}  // namespace shoal::cpu
