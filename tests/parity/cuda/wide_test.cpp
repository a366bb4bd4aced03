// Networks that shared memory does not hold, trained layer by layer in strict order: the bits of the CPU engine.
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::Outcome;
using testing::Sweep;

/// n_sweeps sweeps, each under one of the schedules and watching a metric of the training loss, of a kernel or of the
/// host.
void expect_equal_bits(std::uint32_t n_sweeps) {
  const RaceWatch races;
  testing::Random random(4715);
  for (std::uint32_t number = 0; number < n_sweeps; ++number) {
    Sweep sweep = testing::random_wide_sweep(random, number);
    const Task task = sweep.data.task();
    if (number % 4 == 1) sweep.options.metric = Metric::train_loss;
    if (number % 4 == 2) testing::watch(sweep, testing::host_metric(task));
    if (number % 4 == 3 && metric_applies(Metric::val_accuracy, task)) testing::watch(sweep, Metric::val_accuracy);
    for (const Gang& gang : sweep.gangs) {
      ASSERT_EQ(make_cuda_engine(sweep.data, sweep.options)->kernel(gang), "strict_layers");
    }
    const Outcome expected = testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    set_schedule(number % kSchedules);
    const Outcome got = testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 1 + number % 3 % 2);
    EXPECT_EQ(testing::first_difference(got, expected), "") << "sweep " << number;
    EXPECT_EQ(n_allocations(), 0U);
  }
  EXPECT_TRUE(!kFindsRaces || races.n_accesses() > 1'000'000U);
}

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngineLayerByLayer) { expect_equal_bits(8 / kShare); }

/// Of so many fours in a row that a quotient of their number by multiplication would be one too large.
TEST(SHOAL_CUDA_SUITE, PredictsByTheBitsOfTheCpuEngineFromManyInputs) {
  constexpr std::int32_t kInputs = 54'675;
  testing::Random random(4717);
  const Dataset data = testing::random_dataset(random, Task::regression, 3, kInputs, 1, false);
  Trial trial;
  trial.topology = {kInputs, {20}, {Activation::tanh}, 1};
  const std::vector<float> parameters = initial_state(trial).parameters;
  const std::vector<float> expected = make_cpu_engine(data, {})->predict(trial, parameters, data.inputs);
  EXPECT_EQ(make_cuda_engine(data, {})->predict(trial, parameters, data.inputs), expected);
  EXPECT_EQ(expected.size(), 3U);
}

/// Wide and narrow networks of one chunk are trained by different kernels, in any order of places.
TEST(SHOAL_CUDA_SUITE, TrainsWideAndNarrowNetworksTogether) {
  testing::Random random(4716);
  Sweep sweep = testing::random_wide_sweep(random, 1);
  sweep.trials.resize(3);
  sweep.gangs.resize(3);
  Trial& narrow = sweep.trials[1];
  narrow.topology.hidden_layer_sizes = {5};
  narrow.topology.activations = {Activation::tanh};
  sweep.gangs[1].key = gang_key(narrow);
  const Outcome expected = testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
  const auto engine = make_cuda_engine(sweep.data, sweep.options);
  EXPECT_EQ(engine->kernel(sweep.gangs[0]), "strict_layers");
  EXPECT_EQ(engine->kernel(sweep.gangs[1]), "block_per_network");
  const Outcome got = testing::train(*engine, sweep, 4);
  EXPECT_EQ(testing::first_difference(got, expected), "");
}

}  // namespace
}  // namespace shoal
