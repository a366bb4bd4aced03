#include <gtest/gtest.h>
#include <stop_token>

#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

TEST(CpuEngine, StopBeforeTheFirstEpochLosesNothing) {
  testing::Random random(1);
  const Dataset data = testing::random_dataset(random, Task::regression, 40, 2, 1);
  const Trial trial = testing::random_trial(random, data);
  const auto engine = make_engine("cpu", data, {.n_threads = 1});
  const Gang gang{gang_key(trial), 0, 1, true};
  engine->prepare(std::span(&gang, 1));
  engine->place(0, trial, initial_state(trial));
  std::stop_source stop;
  stop.request_stop();
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const TrainTarget target{0, 1};
  engine->train(std::span(&target, 1), stop.get_token(), records, lost);
  EXPECT_TRUE(records.empty());
  EXPECT_TRUE(lost.empty());
  EXPECT_EQ(engine->read(0).parameters, initial_state(trial).parameters);
}

TEST(CpuEngine, DivergenceIsAStatusOfTheEpochInWhichItHappened) {
  testing::Random random(2);
  const Dataset data = testing::random_dataset(random, Task::regression, 40, 2, 1);
  Trial trial;
  trial.topology = {2, {8}, {Activation::identity}, 1};
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.learning_rate_init = 1e6;
  trial.hyperparameters.learning_rate = Schedule::constant;
  trial.hyperparameters.batch_size = 1;
  trial.hyperparameters.max_iter = 50;
  trial.hyperparameters.n_iter_no_change = 0;
  const auto engine = make_engine("cpu", data, {.n_threads = 1});
  const Gang gang{gang_key(trial), 0, 1, false};
  engine->prepare(std::span(&gang, 1));
  engine->place(0, trial, initial_state(trial));
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const TrainTarget target{0, 50};
  engine->train(std::span(&target, 1), {}, records, lost);
  EXPECT_EQ(engine->read(0).status, TrialStatus::diverged);
  EXPECT_EQ(records.size(), 1U);
  EXPECT_EQ(engine->read(0).epoch, 1U);
}

TEST(MakeEngine, NamesTheNearestEngine) {
  const Dataset data;
  try {
    (void)make_engine("cpuu", data, {});
    FAIL();
  } catch (const UnavailableError& error) {
    EXPECT_STREQ(error.what(), "there is no engine 'cpuu'; did you mean 'cpu'?");
  }
}

TEST(MakeEngine, RefusesAPrecisionThatTheEngineDoesNotHave) {
  const Dataset data;
  EXPECT_THROW((void)make_engine("cpu", data, {.precision = Precision::bf16}), UnavailableError);
}

}  // namespace
}  // namespace shoal
