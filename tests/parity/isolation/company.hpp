#pragma once

#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>
#include <iterator>
#include <memory>
#include <set>
#include <utility>
#include <vector>

#include "engine/cpu/core_network.hpp"
#include "engine/cpu/cpu_engine.hpp"
#include "engine/definition.hpp"
#include "tests/parity/isolation/outcome.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal::testing {

/// A trial that may share a gang with `first`: all that a gang's places do not share is drawn anew.
inline Trial companion(Random& random, const Dataset& data, const Trial& first) {
  Trial trial = random_trial(random, data);
  const Hyperparameters& h = first.hyperparameters;
  trial.topology = first.topology;
  trial.hyperparameters.loss = h.loss;
  trial.hyperparameters.solver = h.solver;
  trial.hyperparameters.batch_size = h.batch_size;
  trial.hyperparameters.shuffle = h.shuffle;
  trial.shuffle_seed = first.shuffle_seed;
  if (below(random, 8) == 0) trial.hyperparameters.learning_rate_init = 1e6;
  return trial;
}

/// Metrics that are defined for a table's task.
inline std::vector<Metric> metrics_of(Task task) {
  if (task == Task::regression) return {Metric::val_loss, Metric::train_loss, Metric::val_rmse};
  return {Metric::val_loss, Metric::train_loss, Metric::val_accuracy, Metric::val_auc};
}

inline std::vector<EpochRecord> records_of(Slot slot, const std::vector<EpochRecord>& all) {
  std::vector<EpochRecord> records;
  std::ranges::copy_if(all, std::back_inserter(records),
                       [&](const EpochRecord& record) { return record.slot == slot; });
  return records;
}

/// The i-th table of a test: every task by turns, every fourth one with weights.
inline Dataset small_table(Random& random, int i) {
  return random_dataset(random, static_cast<Task>(i % 3), 24 + below(random, 60),
                        static_cast<std::int32_t>(1 + below(random, 6)),
                        static_cast<std::int32_t>(2 + below(random, 3)), i % 4 == 0);
}

/// What a test's trials have been: that all there is was among it.
class Coverage {
 public:
  void add(const Trial& any, const std::vector<Outcome>& outcomes) {
    for (const Outcome& outcome : outcomes) statuses_.insert(outcome.state.status);
    for (const Activation f : any.topology.activations) activations_.insert(f);
    formulas_.emplace(any.hyperparameters.loss, any.hyperparameters.solver);
  }
  void expect_everything() const {
    EXPECT_EQ(statuses_, (std::set{TrialStatus::finished, TrialStatus::stopped, TrialStatus::diverged}));
    EXPECT_EQ(activations_.size(), activation_names().size());
    EXPECT_EQ(formulas_.size(), loss_names().size() * solver_names().size());
  }

 private:
  std::set<TrialStatus> statuses_;
  std::set<Activation> activations_;
  std::set<std::pair<Loss, Solver>> formulas_;
};

/// Some places of gangs, the others empty.
struct Placed {
  std::vector<Trial> trials;
  std::vector<Slot> slots;
  std::vector<Gang> gangs;
};

/// What becomes of networks in four epochs.
inline std::vector<Outcome> together(Engine& engine, const Placed& placed, std::uint32_t epochs_a_call) {
  engine.prepare(placed.gangs);
  for (std::size_t i = 0; i < placed.trials.size(); ++i) {
    engine.place(placed.slots[i], placed.trials[i], initial_state(placed.trials[i]));
  }
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t epoch = epochs_a_call; epoch < 4 + epochs_a_call; epoch += epochs_a_call) {
    std::vector<TrainTarget> targets;
    for (const Slot slot : placed.slots) targets.push_back({slot, epoch});
    engine.train(targets, {}, records, lost);
  }
  EXPECT_TRUE(lost.empty());
  const std::vector<MetricSums> sums = engine.evaluate(placed.slots, RowSet::validation);
  std::vector<Outcome> outcomes;
  for (std::size_t i = 0; i < placed.slots.size(); ++i) {
    outcomes.push_back({engine.take(placed.slots[i]), records_of(placed.slots[i], records), sums[i]});
  }
  return outcomes;
}

/// Likewise of one that has a core.
inline Outcome alone(const Dataset& data, const Trial& trial, Metric metric, const cpu::Kernels& kernels) {
  cpu::Shared shared{&data, {.metric = metric}, {}};
  const Gang gang{gang_key(trial), 0, 1, true, true};
  cpu::CoreNetwork network(std::make_shared<const cpu::NetworkLayout>(trial.topology), gang);
  cpu::Minibatch minibatch(data, kernels);
  network.place(shared, trial, initial_state(trial));
  Outcome outcome;
  network.train(shared, {0, 4}, minibatch, {}, outcome.records);
  outcome.sums = network.measure(shared, minibatch, RowSet::validation, std::nullopt);
  outcome.state = network.read();
  return outcome;
}

}  // namespace shoal::testing
