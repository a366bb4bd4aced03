// Engine cuda in its fast precisions against the reference, within derived bounds, and alone against in company, bit
// for bit. Over the emulated device, or on a GPU.
#include <algorithm>
#include <cstdint>
#include <gtest/gtest.h>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/supported.hpp"
#include "tests/parity/cuda/bounds.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "verify/checks.hpp"

namespace shoal {
namespace {

using testing::first_difference;
using testing::Outcome;
using testing::Sweep;
using testing::train;

constexpr Precision kFast[] = {Precision::fp32, Precision::tf32, Precision::bf16};

TEST(SHOAL_CUDA_SUITE, BlocksStayWithinTheirBoundsInEveryPrecision) {
  constexpr std::uint64_t kCases = std::max(8U / kShare, 2U);
  const RaceWatch watch;
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    for (const Precision precision : kFast) {
      const VerifyOptions options{"cuda", kCases, schedule};
      for (const VerifyRow& row : verify::checked({"cuda", precision, make_cuda_engine}, options)) {
        EXPECT_EQ(row.n_cases, kCases) << row.check;
        EXPECT_EQ(row.n_breaches, 0U) << name(precision) << ", " << row.check << ", schedule " << schedule << ": "
                                      << row.first_breach;
      }
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

TEST(SHOAL_CUDA_SUITE, BlocksBoundsTellTf32FromFp32) {
  const auto make = [](const Dataset& data, EngineOptions options) {
    options.precision = Precision::tf32;
    return make_cuda_engine(data, options);
  };
  std::uint64_t n_breaches = 0;
  for (const VerifyRow& row : verify::checked({"cuda", Precision::fp32, make}, {"cuda", 8, 0}))
    n_breaches += row.n_breaches;
  EXPECT_GT(n_breaches, 0U);
}

/// One input, always the same number, which bf16 moves by 2^-8 of itself, twice what two operands in tf32 may be off.
Sweep sweep_of_one_input() {
  testing::Random random(4719);
  Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 24, 1, 2, false);
  std::ranges::fill(sweep.data.inputs, 1 + 0x1p-8F + 0x1p-12F);
  sweep.data.splits.front().inputs.offset = {0.0F};
  sweep.data.splits.front().inputs.factor = {1.0F};
  Trial trial = testing::random_trial(random, sweep.data);
  trial.topology = {1, {}, {}, 2};
  trial.hyperparameters.learning_rate_init = 1e-3;
  trial.hyperparameters.loss = Loss::squared_error;
  sweep.trials = {trial};
  sweep.gangs = {{gang_key(trial), 0, 1, true, true}};
  return sweep;
}

TEST(SHOAL_CUDA_SUITE, BlocksBoundsTellBf16FromTf32) {
  Sweep sweep = sweep_of_one_input();
  const auto n_breaches = [&](Precision precision) {
    sweep.options.precision = precision;
    testing::BoundsTally tally;
    testing::compare_with_bounds(verify::kTf32Products, sweep, 0,
                                 train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4), tally);
    return tally.n_breaches;
  };
  EXPECT_EQ(n_breaches(Precision::tf32), 0U);
  EXPECT_GT(n_breaches(Precision::bf16), 0U);
}

/// A network of the sweep with no other.
Sweep alone(const Sweep& sweep, Slot slot) {
  Sweep one = sweep;
  one.trials = {sweep.trials[slot]};
  one.gangs = {sweep.gangs[slot]};
  one.gangs[0].first_slot = 0;
  return one;
}

/// Of networks that blocks train; others have cuBLAS's bits.
TEST(SHOAL_CUDA_SUITE, BlocksGiveTheSameBitsAloneAndInCompanyInEveryPrecision) {
  std::uint32_t n_compared = 0;
  for (const Precision precision : kFast) {
    for (std::uint32_t number = 0; number < 4; ++number) {
      testing::Random random(4720 + number);
      Sweep sweep = testing::random_sweep(random, number);
      sweep.options.precision = precision;
      const auto engine = make_cuda_engine(sweep.data, sweep.options);
      const Outcome together = train(*engine, sweep, 4);
      for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
        if (engine->kernel(sweep.gangs[slot]) == "cohort") continue;
        set_schedule((number + slot) % kSchedules);
        const Sweep one = alone(sweep, slot);
        const Outcome got = train(*make_cuda_engine(one.data, one.options), one, 1 + slot % 3);
        EXPECT_EQ(first_difference(got.states[0], together.states[slot]), "")
            << name(precision) << ", sweep " << number << ", network " << slot;
        ++n_compared;
      }
    }
  }
  EXPECT_GE(n_compared, 90U);
}

TEST(SHOAL_CUDA_SUITE, BlocksInFp32GiveTheBitsOfStrictPrecision) {
  testing::Random random(4730);
  Sweep sweep = testing::random_sweep(random, 1);
  const Outcome strict = train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4);
  sweep.options.precision = Precision::fp32;
  EXPECT_EQ(first_difference(train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4), strict), "");
}

/// Layer by layer both engines make the same calls of cuBLAS.
TEST(SHOAL_CUDA_SUITE, WideNetworksInFastPrecisionsHaveTheBitsOfEngineCublas) {
  for (const Precision precision : kFast) {
    testing::Random random(4731);
    Sweep sweep = testing::random_wide_sweep(random, 0);
    sweep.options.precision = precision;
    const Outcome expected = train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4);
    const Outcome got = train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4);
    EXPECT_EQ(first_difference(got, expected), "") << name(precision);
    EXPECT_EQ(n_allocations(), 0U);
  }
}

}  // namespace
}  // namespace shoal
