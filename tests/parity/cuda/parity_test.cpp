// The CUDA engine against the CPU engine: the same bits; over the emulated device, or on a GPU.
#include <bit>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::first_difference;
using testing::Outcome;
using testing::Random;
using testing::random_plain_sweep;
using testing::random_sweep;
using testing::Sweep;
using testing::train;

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngineInAPass) {
  Random random(4712);
  const RaceWatch watch;
  for (std::uint32_t number = 0; number < 30; number += kShare) {
    const Sweep sweep = random_sweep(random, number);
    const auto cpu = make_cpu_engine(sweep.data, sweep.options);
    const auto cuda = make_cuda_engine(sweep.data, sweep.options);
    const std::vector<std::uint32_t>& rows = sweep.data.splits[0].training;
    for (const Trial& trial : sweep.trials) {
      const std::vector<float> parameters = initial_state(trial).parameters;
      const Pass expected = cpu->pass(trial, parameters, rows);
      const Pass got = cuda->pass(trial, parameters, rows);
      ASSERT_EQ(got.gradient, expected.gradient) << "sweep " << number;
      ASSERT_EQ(got.loss, expected.loss);
      ASSERT_EQ(got.z, expected.z);
      ASSERT_EQ(got.a, expected.a);
      const std::vector<float> inputs(static_cast<std::size_t>(trial.topology.n_inputs) * 40, 0.25F);
      ASSERT_EQ(cuda->predict(trial, parameters, inputs), cpu->predict(trial, parameters, inputs));
    }
  }
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

/// The comparison itself: one bit in one place must be seen.
TEST(SHOAL_CUDA_SUITE, ComparisonSeesOneBit) {
  Random random(4711);
  const Sweep sweep = random_plain_sweep(random, 0);
  const Outcome expected = train(*make_cuda_engine(sweep.data, sweep.options), sweep, 4);
  const std::string first = "network 0: ";
  const auto difference_after = [&](auto change) {
    Outcome changed = expected;
    change(changed);
    return first_difference(changed, expected);
  };
  EXPECT_EQ(difference_after([](Outcome&) {}), "");
  EXPECT_EQ(difference_after([](Outcome& o) {
              float& parameter = o.states.front().parameters.back();
              parameter = std::bit_cast<float>(std::bit_cast<std::uint32_t>(parameter) ^ 1U);
            }),
            first + "parameters");
  EXPECT_EQ(difference_after([](Outcome& o) { ++o.states.front().step; }), first + "counts or status");
  EXPECT_EQ(difference_after([](Outcome& o) {
              double& loss = o.records.front().front().val_loss;
              loss = std::bit_cast<double>(std::bit_cast<std::uint64_t>(loss) ^ 1U);
            }),
            first + "record of epoch 1");
  EXPECT_EQ(difference_after([](Outcome& o) {
              double& metric = o.records.front().back().metric;
              metric = std::bit_cast<double>(std::bit_cast<std::uint64_t>(metric) ^ 1U);
            }),
            first + "record of epoch " + std::to_string(expected.records.front().size()));
}

}  // namespace
}  // namespace shoal
