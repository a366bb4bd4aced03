// A trial's result does not depend on its company: alone, or among a thousand others.
#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "shoal/engine.hpp"
#include "tests/parity/isolation/outcome.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

using testing::expect_same;
using testing::Outcome;
using testing::Random;
using testing::same_bits;

Gang gang_of(const Trial& trial, Slot slot) { return {gang_key(trial), slot, 1, has_patience(trial.hyperparameters)}; }

/// Trains all trials together, `epochs` epochs a call, and returns what became of `watched`.
Outcome train(const Dataset& data, const std::vector<Trial>& trials, std::size_t watched, std::uint32_t n_threads,
              std::uint32_t epochs) {
  const auto engine = make_engine("cpu", data, {.n_threads = n_threads, .metric = Metric::val_loss});
  std::vector<Gang> gangs;
  for (std::size_t i = 0; i < trials.size(); ++i) gangs.push_back(gang_of(trials[i], static_cast<Slot>(i)));
  engine->prepare(gangs);
  for (std::size_t i = 0; i < trials.size(); ++i)
    engine->place(static_cast<Slot>(i), trials[i], initial_state(trials[i]));
  Outcome outcome;
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t done = 0; done < 4; done += epochs) {
    std::vector<TrainTarget> targets;
    for (std::size_t i = 0; i < trials.size(); ++i) targets.push_back({static_cast<Slot>(i), done + epochs});
    engine->train(targets, {}, records, lost);
  }
  EXPECT_TRUE(lost.empty());
  const auto slot = static_cast<Slot>(watched);
  outcome.sums = engine->evaluate(std::span(&slot, 1), RowSet::validation).front();
  outcome.state = engine->take(slot);
  std::ranges::copy_if(records, std::back_inserter(outcome.records),
                       [&](const EpochRecord& r) { return r.slot == slot; });
  return outcome;
}

TEST(Isolation, ATrialAloneEqualsItselfAmongAThousandOthers) {
  constexpr int kSweeps = 100;
  constexpr std::size_t kOthers = 1000;
  Random random(20240817);
  for (int sweep = 0; sweep < kSweeps; ++sweep) {
    const auto task = static_cast<Task>(sweep % 3);
    const Dataset data = testing::random_dataset(
        random, task, 24 + testing::below(random, 24), static_cast<std::int32_t>(1 + testing::below(random, 6)),
        static_cast<std::int32_t>(2 + testing::below(random, 3)), sweep % 4 == 0);
    std::vector<Trial> trials;
    for (std::size_t i = 0; i <= kOthers; ++i) trials.push_back(testing::random_trial(random, data));
    const std::size_t watched = testing::below(random, trials.size());
    const Outcome alone = train(data, {trials[watched]}, 0, 1, 1);
    const Outcome together = train(data, trials, watched, 2, 4);
    SCOPED_TRACE("sweep " + std::to_string(sweep));
    expect_same(alone, together);
    EXPECT_GT(alone.records.size(), 0U);
  }
}

TEST(Isolation, TheCheckSeesAnotherSeed) {
  Random random(5);
  const Dataset data = testing::random_dataset(random, Task::regression, 40, 3, 1);
  Trial trial = testing::random_trial(random, data);
  trial.topology.hidden_layer_sizes = {4};
  trial.topology.activations = {Activation::tanh};
  const Outcome first = train(data, {trial}, 0, 1, 1);
  ++trial.seed;
  EXPECT_FALSE(same_bits(first.state.parameters, train(data, {trial}, 0, 1, 1).state.parameters));
}

TEST(Isolation, AStateTakenInTheMiddleGoesOnToTheSameBits) {
  Random random(11);
  for (int i = 0; i < 50; ++i) {
    const Dataset data = testing::random_dataset(random, Task::classification, 50, 4, 3);
    Trial trial = testing::random_trial(random, data);
    trial.hyperparameters.max_iter = 4;
    const Outcome whole = train(data, {trial}, 0, 1, 4);
    const Gang gang = gang_of(trial, 0);
    TrialState state = initial_state(trial);
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    for (std::uint32_t epoch = 1; epoch <= 4; ++epoch) {  // a new engine for every epoch
      const auto engine = make_engine("cpu", data, {.n_threads = 1});
      engine->prepare(std::span(&gang, 1));
      engine->place(0, trial, state);
      const TrainTarget target{0, epoch};
      engine->train(std::span(&target, 1), {}, records, lost);
      state = engine->take(0);
    }
    EXPECT_TRUE(same_bits(state.parameters, whole.state.parameters));
    EXPECT_TRUE(same_bits(state.best_parameters, whole.state.best_parameters));
    EXPECT_EQ(state.epoch, whole.state.epoch);
    EXPECT_EQ(state.status, whole.state.status);
  }
}

}  // namespace
}  // namespace shoal
