// Training kernels have no race: their sources are compiled for RaceChecker here.
#include <gtest/gtest.h>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/emulation/race_checker.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "verify/checks.hpp"

namespace shoal {
namespace {

/// Sweeps by `make` under every schedule, two thirds of them watching what is made of outputs.
void expect_no_race(std::uint32_t n_sweeps, testing::Sweep (*make)(testing::Random&, std::uint32_t)) {
  emulation::RaceChecker checker;
  testing::Random random(4711);
  for (std::uint32_t number = 0; number < n_sweeps; ++number) {
    testing::Sweep sweep = make(random, number);
    const bool counts = metric_applies(Metric::val_accuracy, sweep.data.task());
    if (number % 3 != 0) testing::watch(sweep, counts ? Metric::val_accuracy : Metric::val_mae);
    for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
      emulation::set_schedule(schedule);
      EXPECT_NO_THROW(static_cast<void>(testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4)))
          << "sweep " << number << ", schedule " << schedule;
    }
  }
  EXPECT_GT(checker.n_accesses(), 1'000'000U);
}

TEST(TrainThreads, HaveNoRaceInAnyShapeAndSchedule) { expect_no_race(16, testing::random_plain_sweep); }

TEST(TrainBlocks, HaveNoRaceInAnySchedule) { expect_no_race(3, testing::random_sweep); }

TEST(TrainCohorts, HaveNoRaceInAnySchedule) {
  emulation::RaceChecker checker;
  testing::Random random(4711);
  testing::Sweep sweep = testing::random_sweep(random, 0);
  testing::watch(sweep, Metric::val_auc);
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    emulation::set_schedule(schedule);
    for (const Precision precision : {Precision::fp32, Precision::bf16}) {
      const VerifyOptions options{"cublas", 8, schedule};
      EXPECT_NO_THROW(static_cast<void>(verify::checked({"cublas", precision, make_cublas_engine}, options)))
          << name(precision) << ", schedule " << schedule;
      sweep.options.precision = precision;
      EXPECT_NO_THROW(static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4)))
          << name(precision) << ", schedule " << schedule;
    }
  }
  EXPECT_GT(checker.n_accesses(), 1'000'000U);
}

TEST(TrainCohorts, HaveNoRaceWhenTheyArePacked) {
  emulation::RaceChecker checker;
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
  for (std::uint32_t schedule = 0; schedule < 8; ++schedule) {
    emulation::set_schedule(schedule);
    EXPECT_NO_THROW(static_cast<void>(testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 1)))
        << "schedule " << schedule;
  }
  EXPECT_GT(checker.n_accesses(), 1'000'000U);
}

}  // namespace
}  // namespace shoal
