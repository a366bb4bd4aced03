// Engine cublas packs the networks that still train: each is then what it is alone, to the last bit, since the emulated
// products do not depend on how many there are.
#include <algorithm>
#include <gtest/gtest.h>
#include <string>
#include <utility>
#include <vector>

#include "engine/cuda/cublas_engine.hpp"
#include "tests/emulation/cublas.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

constexpr std::uint32_t kEpochs = 12;

struct Kind {
  std::vector<std::int32_t> hidden;
  std::vector<Activation> activations;
  Solver solver;
};
/// The first three of equal extents, the others of none like them; the widest ends early below.
const Kind kKinds[] = {{{5, 6}, {Activation::tanh, Activation::relu}, Solver::adam},
                       {{7, 3}, {Activation::gelu, Activation::sigmoid}, Solver::sgd},
                       {{4, 4}, {Activation::silu, Activation::elu}, Solver::rmsprop},
                       {{40, 20}, {Activation::relu, Activation::tanh}, Solver::adamw},
                       {{12, 4}, {Activation::relu, Activation::relu}, Solver::adam}};

Trial trial_of(std::size_t number) {
  const Kind& kind = kKinds[number % std::size(kKinds)];
  Trial trial;
  trial.topology = {3, kind.hidden, kind.activations, 2};
  Hyperparameters& h = trial.hyperparameters;
  h.solver = kind.solver;
  h.loss = number % 2 == 0 ? Loss::squared_error : Loss::huber;
  h.batch_size = 8;
  h.learning_rate_init = 0.01;
  h.momentum = 0.9;
  h.max_iter = static_cast<std::int32_t>(1 + number * number % kEpochs);
  if (kind.hidden.front() == 40) h.max_iter = 2;
  if (number % 3 == 1) h.n_iter_no_change = 1;
  h.tol = number % 3 == 1 ? 0.05 : 0.0;
  if (number % 4 == 3) h.dropout = 0.25;
  if (number % 4 == 2) h.clip_norm = 0.5;
  if (number == 6) h.learning_rate_init = 1e30;  // diverges
  trial.seed = number;
  trial.shuffle_seed = 3;
  return trial;
}

testing::Sweep sweep_of(Precision precision, std::size_t n_trials = 11, Metric metric = Metric::val_loss) {
  testing::Random random(4711);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 40, 3, 2, true);
  sweep.options.precision = precision;
  sweep.options.metric = metric;
  for (std::size_t number = 0; number < n_trials; ++number) {
    sweep.trials.push_back(trial_of(number));
    sweep.gangs.push_back({gang_key(sweep.trials.back()), static_cast<Slot>(number), 1, true, true});
  }
  return sweep;
}

testing::Outcome trained_alone(const testing::Sweep& sweep) {
  testing::Outcome all;
  for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
    testing::Sweep one = sweep;
    one.trials = {sweep.trials[i]};
    one.gangs = {sweep.gangs[i]};
    one.gangs[0].first_slot = 0;
    testing::Outcome outcome = testing::train(*make_cublas_engine(one.data, one.options), one, kEpochs, kEpochs);
    all.states.push_back(outcome.states[0]);
    for (EpochRecord& record : outcome.records[0]) record.slot = static_cast<Slot>(i);
    all.records.push_back(outcome.records[0]);
    all.sums.push_back(outcome.sums[0]);
    all.test_sums.push_back(outcome.test_sums[0]);
  }
  return all;
}

std::vector<TrainTarget> targets_of(std::uint32_t n, std::uint32_t epoch) {
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < n; ++slot) targets.push_back({slot, epoch});
  return targets;
}

/// An engine with all trials of a sweep placed, and the sweep, whose table the engine reads.
struct Placed {
  explicit Placed(testing::Sweep placed)
      : sweep(std::move(placed)), engine(make_cublas_engine(sweep.data, sweep.options)) {
    engine->prepare(sweep.gangs);
    for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
      engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
    }
    targets = targets_of(static_cast<std::uint32_t>(sweep.trials.size()), 0);
  }
  void train_to(std::uint32_t epoch) {
    for (TrainTarget& target : targets) target.epoch = epoch;
    engine->train(targets, {}, records, lost);
  }

  testing::Sweep sweep;
  std::unique_ptr<Engine> engine;
  std::vector<TrainTarget> targets;
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
};

void expect_no_bit_changed(const testing::Sweep& sweep) {
  const Precision precision = sweep.options.precision;
  const testing::Outcome alone = trained_alone(sweep);
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const std::uint32_t epochs = 1 + schedule % 3;  // a call: packed at other moments
    const testing::Outcome together =
        testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, epochs, kEpochs);
    EXPECT_EQ(testing::first_difference(together, alone), "") << name(precision) << ", schedule " << schedule;
  }
  set_schedule(0);
  const auto n_with = [&](TrialStatus status) { return std::ranges::count(alone.states, status, &TrialState::status); };
  EXPECT_GT(n_with(TrialStatus::finished), 5) << name(precision);
  EXPECT_GT(n_with(TrialStatus::stopped), 1) << name(precision);
  EXPECT_EQ(n_with(TrialStatus::diverged), 1) << name(precision);
}

TEST(EmulatedCudaPacking, ChangesNoBitOfAnyNetwork) {
  for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
    expect_no_bit_changed(sweep_of(precision));
  }
}

TEST(EmulatedCudaPacking, ChangesNoBitWhereTheHostComputesTheMetric) {
  expect_no_bit_changed(sweep_of(Precision::fp32, 11, Metric::val_mae));
}

TEST(EmulatedCudaPacking, HappensOnTheDeviceAlone) {
  const testing::Sweep sweep = sweep_of(Precision::bf16);
  const testing::Outcome open = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 1, kEpochs);
  emulation::protect_device_memory(true);
  EXPECT_EQ(testing::first_difference(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 1, kEpochs),
                                      open),
            "");
  emulation::protect_device_memory(false);
}

/// Eight networks of one shape; two of them go on.
testing::Sweep eight_of_which_two_go_on() {
  testing::Sweep sweep = sweep_of(Precision::fp32, 8);
  for (std::size_t i = 0; i < sweep.trials.size(); ++i) {
    sweep.trials[i] = trial_of(0);
    sweep.trials[i].seed = i;
    sweep.trials[i].hyperparameters.max_iter = i == 2 || i == 5 ? 6 : 1;
    sweep.gangs[i].key = gang_key(sweep.trials[i]);
  }
  return sweep;
}

/// Of one network in an epoch: 30 rows are 4 minibatches of 3 products forward, 3 for gradients and 1 back, the last
/// layer's being narrow and no product; the rows of validation are one pass.
constexpr std::uint64_t kProducts = 4 * (3 + 3 + 1) + 3;

std::uint64_t n_products_to(Placed& placed, std::uint32_t epoch) {
  const std::uint64_t before = emulation::n_products();
  placed.train_to(epoch);
  return emulation::n_products() - before;
}

TEST(EmulatedCudaPacking, LeavesTheProductsOfEndedNetworksOut) {
  Placed placed(eight_of_which_two_go_on());
  EXPECT_EQ(n_products_to(placed, 1), 8 * kProducts);
  EXPECT_EQ(n_products_to(placed, 2), 2 * kProducts);
  EXPECT_EQ(n_products_to(placed, 3), 2 * kProducts);
}

TEST(EmulatedCudaPacking, EndsWhereNewNetworksMakeMostOfTheCost) {
  const testing::Sweep sweep = eight_of_which_two_go_on();
  Placed placed(sweep);
  placed.train_to(1);
  placed.train_to(2);
  const std::vector<Slot> again{0, 1, 4, 7};
  std::vector<TrialState> first;
  for (const Slot slot : again) {
    first.push_back(placed.engine->take(slot));
    placed.engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
  }
  EXPECT_EQ(n_products_to(placed, 1), 8 * kProducts);
  EXPECT_EQ(n_products_to(placed, 3), 2 * kProducts);
  EXPECT_EQ(placed.engine->read(2).epoch, 3U);
  for (std::size_t i = 0; i < again.size(); ++i) {
    EXPECT_EQ(testing::first_difference(placed.engine->read(again[i]), first[i]), "") << "place " << again[i];
  }
}

TEST(EmulatedCudaPacking, TakesNoMemoryInTheEpochsAfterIt) {
  Placed placed(eight_of_which_two_go_on());
  placed.train_to(1);
  placed.train_to(2);
  const std::uint64_t before = emulation::n_allocation_calls();
  placed.train_to(4);
  EXPECT_EQ(emulation::n_allocation_calls(), before);
}

TEST(EmulatedCudaPacking, NewNetworksTrainAtPlacesThatHadEnded) {
  const std::pair<Precision, Metric> watched[] = {
      {Precision::fp32, Metric::val_loss}, {Precision::bf16, Metric::val_loss}, {Precision::fp32, Metric::val_mae}};
  for (const auto& [precision, metric] : watched) {
    const testing::Sweep sweep = sweep_of(precision, 11, metric);
    const testing::Outcome alone = trained_alone(sweep);
    const auto n = static_cast<std::uint32_t>(sweep.trials.size());
    Placed placed(sweep);
    std::vector<std::uint32_t> n_taken(n);
    // Every place trains its network twice; one that has ended is replaced at once or some epochs later.
    for (std::uint32_t round = 0; round < 3 * kEpochs; ++round) {
      placed.targets.clear();
      for (Slot slot = 0; slot < n; ++slot) {
        if (n_taken[slot] < 2) placed.targets.push_back({slot, placed.engine->read(slot).epoch + 1});
      }
      placed.engine->train(placed.targets, {}, placed.records, placed.lost);
      for (const TrainTarget& target : placed.targets) {
        const Slot slot = target.slot;
        const TrialState state = placed.engine->read(slot);
        if (state.status == TrialStatus::running) {
          EXPECT_EQ(state.epoch, target.epoch) << name(precision) << ", place " << slot << ", round " << round;
        }
        if (state.status == TrialStatus::running || round % (1 + slot % 3) != 0) continue;
        const std::string difference = testing::first_difference(placed.engine->take(slot), alone.states[slot]);
        EXPECT_EQ(difference, "") << name(precision) << ", place " << slot << ", round " << round;
        if (++n_taken[slot] < 2) placed.engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
      }
    }
    EXPECT_EQ(n_taken, std::vector<std::uint32_t>(n, 2)) << name(precision);
  }
}

TEST(EmulatedCudaPacking, HasNoRaceInAnySchedule) {
  const RaceWatch watch;
  testing::Random random(4711);
  testing::Sweep sweep = testing::random_sweep(random, 0);
  sweep.options.precision = Precision::fp32;
  Trial first = sweep.trials[0];
  first.topology.hidden_layer_sizes = {60, 40};  // more parameters than a block moves
  first.topology.activations = {Activation::tanh, Activation::relu};
  first.hyperparameters.max_iter = 1;
  sweep.trials.assign(4, first);
  sweep.trials[1].hyperparameters.max_iter = sweep.trials[3].hyperparameters.max_iter = 3;
  sweep.gangs = {{gang_key(first), 0, 4, true, true}};
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    EXPECT_NO_THROW(static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 1)))
        << "schedule " << schedule;
  }
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

}  // namespace
}  // namespace shoal
