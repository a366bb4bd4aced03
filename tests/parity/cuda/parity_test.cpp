// The CUDA engine against the CPU engine: the same bits; over the emulated device, or on a GPU.
#include <algorithm>
#include <bit>
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

using testing::below;
using testing::one_of;
using testing::Random;

struct Outcome {
  std::vector<TrialState> states;
  std::vector<std::vector<EpochRecord>> records;  ///< of each network
  std::vector<MetricSums> sums;
};

struct Sweep {
  Dataset data;
  std::vector<Trial> trials;  ///< of one gang
  EngineOptions options;
};

struct Sizes {
  std::int32_t n_in, n_1, n_2, n_out;
};

Sweep random_sweep(Random& random, std::uint32_t number) {
  const std::vector<Sizes> all{{1, 2, 2, 1}, {1, 4, 4, 1}, {2, 4, 4, 1}, {2, 3, 3, 2}};
  const Sizes sizes = all[number % all.size()];
  Sweep sweep;
  const std::size_t n_rows = number % 10 == 9 ? 400 : 20 + below(random, 40);
  sweep.data = testing::random_dataset(random, Task::regression, n_rows, sizes.n_in, sizes.n_out, number % 3 == 0);
  if (number % 5 == 0) sweep.data.inputs[3] = std::numeric_limits<float>::quiet_NaN();
  sweep.options.metric = number % 4 == 3 ? Metric::train_loss : Metric::val_loss;
  sweep.options.maximize = number % 7 == 6;
  sweep.options.n_threads = 1;
  const Trial shared = testing::random_trial(random, sweep.data);
  const std::vector<Activation> activations{static_cast<Activation>(below(random, 5)),
                                            static_cast<Activation>(below(random, 5))};
  const std::size_t n_trials = number % 8 == 7 ? 131 : 1 + below(random, 6);
  for (std::size_t i = 0; i < n_trials; ++i) {
    Trial trial = testing::random_trial(random, sweep.data);
    trial.topology = {sizes.n_in, {sizes.n_1, sizes.n_2}, activations, sizes.n_out};
    trial.hyperparameters.solver = Solver::sgd;
    trial.hyperparameters.loss = shared.hyperparameters.loss;
    trial.hyperparameters.batch_size = shared.hyperparameters.batch_size;
    trial.hyperparameters.shuffle = shared.hyperparameters.shuffle;
    if (i % 5 == 4) trial.hyperparameters.learning_rate_init = 1e6;  // diverges
    sweep.trials.push_back(trial);
  }
  return sweep;
}

Outcome train(Engine& engine, const Sweep& sweep, std::uint32_t epochs) {
  const auto n = static_cast<std::uint32_t>(sweep.trials.size());
  const Gang gang{gang_key(sweep.trials[0]), 0, n, true};
  engine.prepare(std::span(&gang, 1));
  for (Slot slot = 0; slot < n; ++slot) {
    EXPECT_EQ(engine.why_not(sweep.trials[slot]), "");
    engine.place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
  }
  Outcome outcome;
  outcome.records.resize(n);
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  for (std::uint32_t done = 0; done < 4; done += epochs) {
    std::vector<TrainTarget> targets;
    for (Slot slot = 0; slot < n; ++slot) targets.push_back({slot, done + epochs});
    engine.train(targets, {}, records, lost);
  }
  EXPECT_TRUE(lost.empty());
  for (const EpochRecord& record : records) outcome.records[record.slot].push_back(record);
  std::vector<Slot> slots(n);
  for (Slot slot = 0; slot < n; ++slot) slots[slot] = slot;
  outcome.sums = engine.evaluate(slots, RowSet::validation);
  for (Slot slot = 0; slot < n; ++slot) outcome.states.push_back(engine.take(slot));
  return outcome;
}

bool same(float a, float b) {
  return std::bit_cast<std::uint32_t>(a) == std::bit_cast<std::uint32_t>(b) || (a != a && b != b);
}
bool same(double a, double b) {
  return std::bit_cast<std::uint64_t>(a) == std::bit_cast<std::uint64_t>(b) || (a != a && b != b);
}
template <class T>
bool same(const std::vector<T>& a, const std::vector<T>& b) {
  return std::ranges::equal(a, b, [](T x, T y) { return same(x, y); });
}

void expect_same_state(const TrialState& a, const TrialState& b) {
  EXPECT_TRUE(same(a.parameters, b.parameters));
  EXPECT_TRUE(same(a.first_moment, b.first_moment));
  EXPECT_TRUE(same(a.best_parameters, b.best_parameters));
  EXPECT_TRUE(same(a.best_metric, b.best_metric));
  EXPECT_EQ(std::tie(a.step, a.epoch, a.n_stalled, a.best_epoch, a.status),
            std::tie(b.step, b.epoch, b.n_stalled, b.best_epoch, b.status));
}

void expect_same(const Outcome& a, const Outcome& b) {
  for (std::size_t i = 0; i < a.states.size(); ++i) {
    SCOPED_TRACE("network " + std::to_string(i));
    expect_same_state(a.states[i], b.states[i]);
    EXPECT_TRUE(same(a.sums[i].loss, b.sums[i].loss));
    EXPECT_TRUE(same(a.sums[i].squared_error, b.sums[i].squared_error));
    EXPECT_TRUE(same(a.sums[i].absolute_error, b.sums[i].absolute_error));
    ASSERT_EQ(a.records[i].size(), b.records[i].size());
    for (std::size_t e = 0; e < a.records[i].size(); ++e) {
      const EpochRecord& x = a.records[i][e];
      const EpochRecord& y = b.records[i][e];
      EXPECT_EQ(x.epoch, y.epoch);
      EXPECT_TRUE(same(x.train_loss, y.train_loss));
      EXPECT_TRUE(same(x.train_weight, y.train_weight));
      EXPECT_TRUE(same(x.val_loss, y.val_loss));
      EXPECT_TRUE(same(x.val_weight, y.val_weight));
      EXPECT_TRUE(same(x.metric, y.metric));
    }
  }
}

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngine) {
  constexpr std::uint32_t kSweeps = 104;
  Random random(4711);
  std::size_t n_by_status[4] = {};
  for (std::uint32_t number = 0; number < kSweeps; ++number) {
    SCOPED_TRACE("sweep " + std::to_string(number));
    const Sweep sweep = random_sweep(random, number);
    const Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    for (const TrialState& state : expected.states) ++n_by_status[static_cast<std::size_t>(state.status)];
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      if (sweep.trials.size() > 100 && schedule % 4 != number / 8 % 4) continue;
      SCOPED_TRACE("schedule " + std::to_string(schedule));
      set_schedule(schedule);
      expect_same(train(*make_cuda_engine(sweep.data, sweep.options), sweep, schedule % 2 == 0 ? 4 : 1), expected);
      ASSERT_EQ(n_allocations(), 0U);
    }
    if (HasFailure()) return;
  }
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::finished)], 0U);
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::stopped)], 0U);
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::diverged)], 0U);
}

TEST(SHOAL_CUDA_SUITE, NamesWhatItDoesNotDo) {
  Random random(1);
  const Dataset data = testing::random_dataset(random, Task::regression, 20, 1, 1);
  Trial trial;
  trial.topology = {1, {2, 2}, {Activation::relu, Activation::relu}, 1};
  trial.hyperparameters.solver = Solver::adam;
  const auto engine = make_cuda_engine(data, {});
  EXPECT_EQ(engine->why_not(trial), "engine cuda does not do solver = adam");
  trial.hyperparameters.solver = Solver::sgd;
  EXPECT_EQ(engine->why_not(trial), "");
  EXPECT_EQ(make_cuda_engine(data, {.metric = Metric::val_rmse})->why_not(trial),
            "engine cuda does not compute metric val_rmse, only val_loss and train_loss");
  trial.topology.hidden_layer_sizes = {3, 2};
  EXPECT_EQ(engine->why_not(trial), "engine cuda has kernels for the shapes 1-2-2-1, 1-4-4-1, 2-4-4-1, 2-3-3-2 only");
}

}  // namespace
}  // namespace shoal
