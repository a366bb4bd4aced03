// A network that threads divide, in blocks of rows and panels of columns, ends with the bits that it has on a lane.
#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <vector>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/cpu_engine.hpp"
#include "tests/parity/isolation/outcome.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

using testing::Outcome;

constexpr std::uint32_t kEpochs = 2;
constexpr EngineOptions kOptions{.n_threads = 2, .metric = Metric::val_loss};

/// Minibatches of 800 and 400 rows: several blocks for one thread or two.
Trial wide_trial(const Topology& topology, std::uint64_t seed) {
  Trial trial;
  trial.topology = topology;
  trial.seed = seed;
  Hyperparameters& h = trial.hyperparameters;
  h.loss = Loss::cross_entropy;
  h.batch_size = 800;
  h.learning_rate_init = 0.01;
  h.max_iter = 10;
  h.dropout = 0.25;
  h.clip_norm = 0.5;
  return trial;
}

Outcome on_lanes(const Dataset& data, const Topology& topology) {
  const Trial trial = wide_trial(topology, 0);
  EngineOptions options = kOptions;
  options.costs = slowed(options.costs, "core_per_network", 1e6);
  const std::unique_ptr<Engine> engine = make_cpu_engine(data, options);
  const Gang gang{gang_key(trial), 0, engine->gang_size(gang_key(trial)), true, true};
  EXPECT_EQ(engine->kernel(gang), "lane_per_network");
  engine->prepare(std::span(&gang, 1));
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < gang.n_slots; ++slot) {
    const Trial of_slot = wide_trial(topology, slot);
    engine->place(slot, of_slot, initial_state(of_slot));
    targets.push_back({slot, kEpochs});
  }
  Outcome outcome;
  std::vector<Slot> lost;
  engine->train(targets, {}, outcome.records, lost);
  std::erase_if(outcome.records, [](const EpochRecord& record) { return record.slot != 0; });
  outcome.sums = engine->evaluate(std::vector<Slot>{0}, RowSet::validation).front();
  outcome.state = engine->take(0);
  return outcome;
}

Outcome by_team(const Dataset& data, const Topology& topology, std::size_t n_threads) {
  const Trial trial = wide_trial(topology, 0);
  cpu::Shared shared{&data, kOptions, {}};
  const Gang gang{gang_key(trial), 0, 1, true, true};
  cpu::CoreNetwork network(std::make_shared<const cpu::NetworkLayout>(topology), gang);
  cpu::Minibatch minibatch(data, cpu::kernels(), n_threads);
  network.place(shared, trial, initial_state(trial));
  Outcome outcome;
  network.train(shared, {0, kEpochs}, minibatch, {}, outcome.records);
  outcome.sums = network.measure(shared, minibatch, RowSet::validation, std::nullopt);
  outcome.state = network.read();
  return outcome;
}

TEST(Team, AnyNumberOfThreadsEndsWithTheBitsOfALane) {
  // Inputs in panels, hidden layers in panels, outputs in panels; two layers whose inputs and deltas are copied.
  const std::vector<Topology> topologies{{150, {40, 129}, {Activation::relu, Activation::relu}, 3},
                                         {3, {40, 36}, {Activation::tanh, Activation::silu}, 3},
                                         {2, {37}, {Activation::leaky_relu}, 50}};
  for (const Topology& topology : topologies) {
    testing::Random random(7);
    const Dataset data =
        testing::random_dataset(random, Task::classification, 1600, topology.n_inputs, topology.n_outputs, true);
    const Outcome lane = on_lanes(data, topology);
    for (const std::size_t n_threads : {1U, 2U, 3U, 7U}) {
      testing::expect_same(by_team(data, topology, n_threads), lane);
    }
  }
}

}  // namespace
}  // namespace shoal
