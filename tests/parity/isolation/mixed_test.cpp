// Networks whose hidden layers differ in width share a vector, and end with the bits that each has alone on a core.
#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cpu/lane_gang.hpp"
#include "engine/cpu/mixed_vectors.hpp"
#include "shoal/costs.hpp"
#include "tests/parity/isolation/company.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

using testing::alone;
using testing::below;
using testing::Outcome;
using testing::Placed;
using testing::Random;

/// Trials that differ in all that networks of a vector may, widths among them.
std::vector<Trial> family_of(Random& random, const Dataset& data, std::size_t n) {
  Trial first;
  do {
    first = testing::random_trial(random, data);
    first.hyperparameters.shuffle = below(random, 3) == 0 ? Shuffle::none : Shuffle::shared;
    first.shuffle_seed = 3;
  } while (!cpu::may_mix(gang_key(first)));
  std::vector<Trial> trials;
  while (trials.size() < n) {
    Trial next = testing::companion(random, data, first);
    for (std::int32_t& width : next.topology.hidden_layer_sizes) {
      width = static_cast<std::int32_t>(1 + below(random, 14));
    }
    if (cpu::family(gang_key(next)) == cpu::family(gang_key(first))) trials.push_back(next);
  }
  return trials;
}

/// One vector of trials, whose places lie apart, trained for four epochs.
std::vector<Outcome> in_a_vector(const Dataset& data, Metric metric, const std::vector<Trial>& trials,
                                 std::size_t target) {
  const cpu::LaneKernels& kernels = cpu::all_lane_kernels()[target];
  std::vector<Topology> topologies;
  std::vector<Slot> slots;
  std::vector<TrainTarget> targets;
  for (const Trial& trial : trials) {
    topologies.push_back(trial.topology);
    slots.push_back(static_cast<Slot>(3 + slots.size() * slots.size()));
    targets.push_back({slots.back(), 4});
  }
  Gang gang{gang_key(trials.front()), 0, static_cast<std::uint32_t>(trials.size()), true, false};
  gang.key.topology = cpu::widest(topologies);
  cpu::Shared shared{&data, {.metric = metric}, {}};
  cpu::LaneTables tables;
  tables.prepare(data, std::span(&gang.key, 1));
  cpu::LaneWorker worker(cpu::all_kernels()[target], kernels);
  cpu::LaneGang lanes(std::make_shared<const cpu::LaneLayout>(topologies, kernels.n_lanes), gang, slots, kernels);
  for (std::size_t t = 0; t < trials.size(); ++t) lanes.place(shared, slots[t], trials[t], initial_state(trials[t]));
  std::vector<EpochRecord> records;
  lanes.train(shared, tables, targets, worker, {}, records);
  const std::vector<MetricSums> sums = lanes.measure(shared, tables, slots, worker, RowSet::validation);
  std::vector<Outcome> outcomes;
  for (std::size_t t = 0; t < trials.size(); ++t) {
    outcomes.push_back({lanes.read(slots[t]), testing::records_of(slots[t], records), sums[t]});
  }
  return outcomes;
}

TEST(MixedVector, EveryLaneEndsWithTheBitsOfItsNetworkAlone) {
  Random random(20261127);
  testing::Coverage coverage;
  for (int i = 0; i < 400; ++i) {
    const Dataset data = testing::small_table(random, i);
    const Metric metric = testing::one_of(random, testing::metrics_of(data.task()));
    const std::vector<Trial> trials = family_of(random, data, 4 + below(random, 5) * 3);
    std::vector<Outcome> expected;
    for (const Trial& trial : trials) expected.push_back(alone(data, trial, metric, cpu::kernels()));
    for (std::size_t target = 0; target < cpu::all_kernels().size(); ++target) {
      const std::size_t n_lanes = cpu::all_lane_kernels()[target].n_lanes;
      SCOPED_TRACE("vectors " + std::to_string(i) + ", " + std::string(cpu::all_kernels()[target].target));
      for (std::size_t first = 0; n_lanes > 1 && first < trials.size(); first += n_lanes) {
        const std::size_t n = std::min(n_lanes, trials.size() - first);
        const auto begin = trials.begin() + static_cast<std::ptrdiff_t>(first);
        const auto found = in_a_vector(data, metric, {begin, begin + static_cast<std::ptrdiff_t>(n)}, target);
        for (std::size_t t = 0; t < n; ++t) testing::expect_same(found[t], expected[first + t]);
      }
    }
    if (::testing::Test::HasFailure()) FAIL() << "vectors " << i;
    coverage.add(trials.front(), expected);
  }
  coverage.expect_everything();
}

/// Gangs of a few networks each, some places empty, which the engine mixes as it likes.
Placed placed_in_gangs(Random& random, const std::vector<Trial>& trials) {
  std::map<GangKey, std::vector<const Trial*>> of_keys;
  for (const Trial& trial : trials) of_keys[gang_key(trial)].push_back(&trial);
  Placed placed;
  Slot slot = 0;
  for (const auto& [key, members] : of_keys) {
    const Slot first = slot;
    for (const Trial* trial : members) {
      placed.trials.push_back(*trial);
      placed.slots.push_back(slot++);
    }
    if (below(random, 4) == 0) ++slot;
    placed.gangs.push_back({key, first, slot - first, true, false});
  }
  return placed;
}

TEST(MixedVector, AnEngineOfManyShapesGivesTheBitsOfEachAlone) {
  Random random(31);
  std::size_t n_mixed = 0;
  for (int i = 0; i < 30; ++i) {
    const Dataset data = testing::small_table(random, i);
    const Metric metric = testing::one_of(random, testing::metrics_of(data.task()));
    std::vector<Trial> trials = family_of(random, data, 40);
    for (const Trial& other : family_of(random, data, 30)) trials.push_back(other);
    EngineOptions options{.n_threads = 2, .metric = metric};
    options.costs = slowed(options.costs, "core_per_network", 100);
    const Placed placed = placed_in_gangs(random, trials);
    std::vector<Outcome> expected;
    for (const Trial& trial : placed.trials) expected.push_back(alone(data, trial, metric, cpu::kernels()));
    for (const cpu::Kernels& kernels : cpu::all_kernels()) {
      SCOPED_TRACE("sweep " + std::to_string(i) + ", " + std::string(kernels.target));
      const auto engine = make_cpu_engine(data, options, kernels);
      const auto found = testing::together(*engine, placed, static_cast<std::uint32_t>(1 + below(random, 4)));
      for (std::size_t t = 0; t < found.size(); ++t) testing::expect_same(found[t], expected[t]);
    }
    if (::testing::Test::HasFailure()) FAIL() << "sweep " << i;
    std::vector<cpu::LoosePlaces> places;
    for (const Gang& gang : placed.gangs) {
      if (gang.n_slots < 16) places.push_back({&gang, gang.n_slots});
    }
    n_mixed += cpu::mixed_vectors(places, cpu::LaneChoice(options, 16, 2), data, true).size();
  }
  EXPECT_GT(n_mixed, 30U);
}

/// What a lane of four units beside one of six would do if it heard all six.
TEST(MixedVector, TheCheckSeesUnitsThatALaneHasNot) {
  Random random(8);
  const Dataset data = testing::random_dataset(random, Task::regression, 60, 3, 1);
  Trial trial = family_of(random, data, 1).front();
  trial.topology.hidden_layer_sizes = {4};
  trial.topology.activations = {Activation::sigmoid};
  trial.hyperparameters.learning_rate_init = 1e-3;
  trial.hyperparameters.learning_rate = Schedule::constant;
  const std::vector<float> own = initial_state(trial).parameters;
  std::vector<float> with_two_more(6 * 4 + 7, 0.0F);
  std::copy_n(own.begin(), 16, with_two_more.begin());
  std::copy_n(own.begin() + 16, 4, with_two_more.begin() + 24);
  with_two_more.back() = own.back();
  Trial wide = trial;
  wide.topology.hidden_layer_sizes = {6};
  wide.start = std::make_shared<const std::vector<float>>(with_two_more);
  const std::vector<float> expected = alone(data, trial, Metric::val_loss, cpu::kernels()).state.parameters;
  const std::vector<float> found = alone(data, wide, Metric::val_loss, cpu::kernels()).state.parameters;
  EXPECT_FALSE(std::equal(expected.begin(), expected.begin() + 16, found.begin()));
}

}  // namespace
}  // namespace shoal
