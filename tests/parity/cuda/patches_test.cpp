// Products by patches of every size, on shapes that have edges: the bits of the CPU engine. Over the emulated device,
// or on a GPU.
#include <cstdint>
#include <gtest/gtest.h>
#include <set>
#include <utility>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/network_shape.hpp"
#include "engine/cuda/supported.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using Sizes = std::set<std::pair<int, int>>;  ///< rows and columns of patches

/// Hidden layers of networks with 11 inputs and 3 outputs.
const std::vector<std::vector<std::int32_t>> kHidden{
    {1}, {2, 2}, {3}, {7}, {13}, {27}, {30, 26}, {37, 33}, {61, 67}, {70, 50}, {16, 100}, {125, 122}, {100}, {}};

/// Minibatches of a whole tile and 13 rows, the last one of 38 rows.
testing::Sweep sweep_of_all(std::uint32_t number) {
  testing::Random random(4717 + number);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::classification, 110, 11, 3, number % 2 == 1);
  sweep.options.n_threads = 1;
  for (const std::vector<std::int32_t>& hidden : kHidden) {
    const auto slot = static_cast<Slot>(sweep.trials.size());
    Trial trial = testing::random_trial(random, sweep.data);
    trial.topology.hidden_layer_sizes = hidden;
    trial.topology.activations.assign(hidden.size(), (slot + number) % 2 == 0 ? Activation::relu : Activation::tanh);
    trial.hyperparameters.batch_size = 45;
    trial.hyperparameters.learning_rate_init = 0.01;
    trial.hyperparameters.dropout = number % 2 == 0 ? 0.0 : 0.25;
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), slot, 1, true, number % 2 == 1});
  }
  return sweep;
}

template <cuda::PatchSize... kSizes>
Sizes all_of(cuda::PatchSizes<kSizes...>) {
  return {{kSizes.rows, kSizes.columns}...};
}

TEST(SHOAL_CUDA_SUITE, PatchesOfEverySizeAreChosenForSomeProduct) {
  Sizes forward;
  Sizes delta;
  Sizes gradient;
  const testing::Sweep sweep = sweep_of_all(0);
  const auto insert = [](Sizes& into, cuda::PatchSize size) { into.emplace(size.rows, size.columns); };
  for (const Gang& gang : sweep.gangs) {
    ASSERT_FALSE(cuda::can_have_threads(gang, false));
    const cuda::NetworkShape shape(gang.key.topology, gang.has_dropout);
    ASSERT_TRUE(shape.is_shared());
    for (const cuda::Layer& layer : shape.layers) {
      insert(forward, layer.forward_patch);
      insert(gradient, layer.gradient_patch);
      if (&layer != shape.layers.data()) insert(delta, layer.delta_patch);
    }
  }
  EXPECT_EQ(forward, all_of(cuda::ForwardPatches{}));
  EXPECT_EQ(delta, all_of(cuda::DeltaPatches{}));
  EXPECT_EQ(gradient, all_of(cuda::GradientPatches{}));
}

TEST(SHOAL_CUDA_SUITE, GivesTheBitsOfTheCpuEngineByPatchesOfEverySize) {
  const RaceWatch watch;
  for (std::uint32_t number = 0; number < 2; ++number) {
    const testing::Sweep sweep = sweep_of_all(number);
    const testing::Outcome expected = testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 2, 2);
    for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
      set_schedule(schedule);
      const testing::Outcome got = testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 2, 2);
      EXPECT_EQ(testing::first_difference(got, expected), "") << "sweep " << number << ", schedule " << schedule;
    }
  }
  set_schedule(0);
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

}  // namespace
}  // namespace shoal
