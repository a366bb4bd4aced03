// Networks that share a vector, one a lane, end with the bits that each has alone on a core.
#include <algorithm>
#include <array>
#include <gtest/gtest.h>
#include <stop_token>
#include <string_view>
#include <vector>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/cpu_engine.hpp"
#include "engine/cpu/lane_gang.hpp"
#include "tests/parity/isolation/company.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

using testing::alone;
using testing::below;
using testing::companion;
using testing::metrics_of;
using testing::Outcome;
using testing::Placed;
using testing::Random;
using testing::together;

/// Trials of one gang that differ in all they may, plain or not alike.
std::vector<Trial> gang_of(Random& random, const Dataset& data, std::size_t n) {
  Trial first = testing::random_trial(random, data);
  first.hyperparameters.shuffle = below(random, 3) == 0 ? Shuffle::none : Shuffle::shared;
  first.shuffle_seed = 3;
  std::vector<Trial> trials{first};
  while (trials.size() < n) {
    const Trial next = companion(random, data, first);
    if (gang_key(next) == gang_key(first)) trials.push_back(next);
  }
  return trials;
}

Placed placed_somewhere(Random& random, std::vector<Trial> trials, std::uint32_t n_slots) {
  const Gang gang{gang_key(trials.front()), 0, n_slots, true, true};
  Placed placed{std::move(trials), {}, {gang}};
  for (Slot slot = 0; slot < n_slots; ++slot) placed.slots.push_back(slot);
  std::ranges::shuffle(placed.slots, random);
  placed.slots.resize(placed.trials.size());
  return placed;
}

TEST(Gang, EveryLaneEndsWithTheBitsOfItsNetworkAlone) {
  Random random(20250612);
  testing::Coverage coverage;
  for (int i = 0; i < 400; ++i) {
    const Dataset data = testing::small_table(random, i);
    const Metric metric = testing::one_of(random, metrics_of(data.task()));
    const std::size_t n = testing::one_of<std::size_t>(random, {1, 3, 16, 16, 20});
    const std::vector<Trial> trials = gang_of(random, data, n);
    const auto n_slots = static_cast<std::uint32_t>(n + testing::one_of<std::size_t>(random, {0, 0, 5, 15}));
    const Placed placed = placed_somewhere(random, trials, n_slots);
    std::vector<Outcome> expected;
    for (const Trial& trial : trials) expected.push_back(alone(data, trial, metric, cpu::kernels()));
    for (const cpu::Kernels& kernels : cpu::all_kernels()) {
      SCOPED_TRACE("gang " + std::to_string(i) + ", " + std::string(kernels.target));
      const auto engine = make_cpu_engine(data, {.n_threads = 2, .metric = metric}, kernels);
      const auto found = together(*engine, placed, static_cast<std::uint32_t>(1 + below(random, 4)));
      for (std::size_t t = 0; t < trials.size(); ++t) testing::expect_same(found[t], expected[t]);
    }
    if (::testing::Test::HasFailure()) FAIL() << "gang " << i;
    coverage.add(trials.front(), expected);
  }
  coverage.expect_everything();
}

/// Shapes that have a kernel of their own.
TEST(Gang, SmallKnownShapesHaveTheBitsOfOneNetworkAlone) {
  Random random(77);
  for (const std::array<std::int32_t, 4> shape : {std::array{1, 2, 2, 1}, {1, 4, 4, 1}, {2, 4, 4, 1}, {2, 3, 3, 2}}) {
    for (int i = 0; i < 60; ++i) {
      const Dataset data = testing::random_dataset(random, Task::regression, 90, shape[0], shape[3], i % 5 == 4);
      std::vector<Trial> trials = gang_of(random, data, 16);
      for (Trial& trial : trials) {
        trial.topology.hidden_layer_sizes = {shape[1], shape[2]};
        trial.topology.activations.assign(2, i % 2 == 0 ? Activation::relu : Activation::tanh);
        trial.hyperparameters.loss = i % 4 < 2 ? Loss::squared_error : Loss::half_squared_error;
        if (i % 3 != 0) continue;
        trial.hyperparameters.solver = Solver::sgd;
        trial.hyperparameters.momentum = trial.hyperparameters.alpha = trial.hyperparameters.l1 = 0;
        trial.hyperparameters.clip_norm = trial.hyperparameters.dropout = 0;
      }
      for (Trial& trial : trials) trial.hyperparameters.batch_size = trials.front().hyperparameters.batch_size;
      const Placed placed = placed_somewhere(random, trials, 16);
      for (const cpu::Kernels& kernels : cpu::all_kernels()) {
        SCOPED_TRACE(std::to_string(i) + ", " + std::string(kernels.target));
        const auto engine = make_cpu_engine(data, {.n_threads = 1}, kernels);
        const auto found = together(*engine, placed, 2);
        for (std::size_t t = 0; t < trials.size(); ++t) {
          testing::expect_same(found[t], alone(data, trials[t], Metric::val_loss, cpu::kernels()));
        }
      }
      if (::testing::Test::HasFailure()) FAIL();
    }
  }
}

/// Kernels that ask for a stop as soon as they have trained a part of an epoch.
struct Stopping {
  static inline std::stop_source stop;
  static inline const cpu::LaneKernels* kernels = nullptr;

  static void train(const cpu::LaneTraining& training) {
    kernels->train(training);
    stop.request_stop();
  }
};

TEST(Gang, AStopInTheMiddleOfAnEpochLosesThatEpochAndNoNetwork) {
  Random random(5);
  const Dataset data = testing::random_dataset(random, Task::regression, 3000, 10, 3);
  Trial trial = testing::random_trial(random, data);
  trial.topology.hidden_layer_sizes = {150};
  trial.topology.activations = {Activation::tanh};
  trial.hyperparameters.batch_size = 32;
  const Outcome expected = alone(data, trial, Metric::val_loss, cpu::kernels());
  const Gang gang{gang_key(trial), 0, 1, true, true};
  const TrainTarget target{0, 4};
  const Slot slot = 0;
  for (std::size_t i = 0; i < cpu::all_kernels().size(); ++i) {
    cpu::LaneKernels kernels = cpu::all_lane_kernels()[i];
    SCOPED_TRACE(kernels.target);
    Stopping::kernels = &cpu::all_lane_kernels()[i];
    Stopping::stop = {};
    kernels.train = Stopping::train;
    cpu::Shared shared{&data, {}, {}};
    cpu::LaneTables tables;
    tables.prepare(data, std::span(&gang.key, 1));
    cpu::LaneWorker worker(cpu::all_kernels()[i], kernels);
    cpu::LaneGang lanes(std::make_shared<const cpu::LaneLayout>(trial.topology), gang, {0}, kernels);
    lanes.place(shared, 0, trial, initial_state(trial));
    Outcome found;
    lanes.train(shared, tables, std::span(&target, 1), worker, Stopping::stop.get_token(), found.records);
    EXPECT_TRUE(found.records.empty());
    EXPECT_TRUE(testing::same_bits(lanes.read(0).parameters, initial_state(trial).parameters));
    lanes.train(shared, tables, std::span(&target, 1), worker, {}, found.records);
    found.sums = lanes.measure(shared, tables, std::span(&slot, 1), worker, RowSet::validation).front();
    found.state = lanes.read(0);
    testing::expect_same(found, expected);
  }
}

TEST(Gang, TheCheckSeesThatALaneHasAnothersRate) {
  Random random(9);
  const Dataset data = testing::random_dataset(random, Task::regression, 60, 3, 1);
  std::vector<Trial> trials = gang_of(random, data, 2);
  for (Trial& trial : trials) {
    trial.hyperparameters.learning_rate = Schedule::constant;
    trial.hyperparameters.learning_rate_init = 1e-3;
  }
  const Outcome expected = alone(data, trials[1], Metric::val_loss, cpu::kernels());
  trials[1].hyperparameters.learning_rate_init = 2e-3;
  const auto engine = make_cpu_engine(data, {.n_threads = 1});
  const std::vector<Outcome> found = together(*engine, {trials, {0, 1}, {{gang_key(trials[0]), 0, 2, true, true}}}, 4);
  EXPECT_FALSE(testing::same_bits(found[1].state.parameters, expected.state.parameters));
}

}  // namespace
}  // namespace shoal
