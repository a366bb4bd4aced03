// How engine cuda chooses among threads, blocks and layers, and that no choice changes a bit.
#include "engine/cuda/kernel_choice.hpp"

#include <gtest/gtest.h>
#include <string>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using testing::first_difference;
using testing::Random;
using testing::Sweep;
using testing::train;

Costs favouring(std::string_view kernel) { return slowed({}, kernel, 1e-6); }

const Topology kTiny{1, {2, 2}, {Activation::relu, Activation::relu}, 1};
const Topology kSmall{2, {4, 4}, {Activation::relu, Activation::relu}, 1};
const Topology kLetters{16, {64, 64}, {Activation::relu, Activation::relu}, 26};

Gang gang(const Topology& topology, std::uint32_t n_slots, std::uint64_t n_company) {
  Gang gang;
  gang.key.topology = topology;
  gang.key.batch_size = 32;
  gang.n_slots = n_slots;
  gang.n_company = n_company;
  return gang;
}

class CudaChoice : public ::testing::Test {
 protected:
  CudaChoice() {
    Random random(1);
    data = testing::random_dataset(random, Task::regression, 1000, 1, 1, false);
    data.weights.clear();
  }
  [[nodiscard]] std::string chosen(const Gang& gang, const Costs& costs) const {
    return std::string(make_cuda_engine(data, {.costs = costs})->kernel(gang));
  }

  Dataset data;
};

TEST_F(CudaChoice, FollowsTheMachine) {
  for (const char* kernel : {"thread_per_network", "block_per_network", "strict_layers"}) {
    EXPECT_EQ(chosen(gang(kTiny, 128, 1000), favouring(kernel)), kernel);
  }
  EXPECT_EQ(chosen(gang(kLetters, 1, 1), favouring("thread_per_network")), "block_per_network") << "no such kernel";
}

/// A full GPU wants the least work, an idle one the shortest way; docs/decisions/cost-model.md.
TEST_F(CudaChoice, FollowsTheCompany) {
  EXPECT_EQ(chosen(gang(kTiny, 128, 1'000'000), {}), "thread_per_network");
  EXPECT_EQ(chosen(gang(kSmall, 128, 1'000'000), {}), "thread_per_network");
  EXPECT_EQ(chosen(gang(kSmall, 4, 4), slowed({}, "strict_layers", 1e3)), "block_per_network");
  EXPECT_EQ(chosen(gang(kLetters, 1, 4096), {}), "block_per_network");
  EXPECT_EQ(chosen(gang(kLetters, 1, 1), {}), "block_per_network");
  Gang large = gang(kLetters, 1, 1);
  large.key.batch_size = 1000;
  EXPECT_EQ(chosen(large, {}), "strict_layers") << "all tiles at a time instead of one after another";
}

/// NVRTC takes 12 seconds; the program has no kernel of this topology for threads.
TEST_F(CudaChoice, BuildsAKernelWhereThatPaysInTheEpochsToCome) {
  Gang many = gang({2, {5, 3}, {Activation::relu, Activation::relu}, 1}, 128, 10'000);
  many.n_epochs = 1;
  EXPECT_NE(chosen(many, {}), "thread_per_network");
  many.n_epochs = 1'000'000;
  EXPECT_EQ(chosen(many, {}), "thread_per_network");
  Gang compiled = gang(kTiny, 128, 1'000'000);
  compiled.n_epochs = 1;
  EXPECT_EQ(chosen(compiled, {}), "thread_per_network");
}

TEST_F(CudaChoice, IsTheFirstOfThePredictionsAndTheSoonest) {
  const auto engine = make_cuda_engine(data, {});
  for (const std::uint64_t n_company : {1U, 100U, 10'000U, 1'000'000U}) {
    const Gang of = gang(kSmall, 4, n_company);
    const std::vector<Prediction> all = engine->predictions(of);
    ASSERT_EQ(all.size(), 3U);
    for (const Prediction& other : all) {
      EXPECT_LE(seconds_in_company(all.front(), of), seconds_in_company(other, of));
      EXPECT_GE(other.alone_s, 0);
    }
    EXPECT_EQ(all.front().kernel, engine->kernel(of));
  }
}

/// With tensor cores bits differ from kernel to kernel, so that a network's would depend on its company.
TEST_F(CudaChoice, IsNoneWhereBitsWouldDiffer) {
  for (const Precision precision : {Precision::tf32, Precision::bf16}) {
    const auto engine = make_cuda_engine(data, {.precision = precision, .costs = favouring("strict_layers")});
    EXPECT_EQ(engine->predictions(gang(kLetters, 1, 1)).size(), 1U);
    EXPECT_EQ(engine->kernel(gang(kLetters, 1, 1)), "block_per_network");
  }
  const auto fp32 = make_cuda_engine(data, {.precision = Precision::fp32, .costs = favouring("strict_layers")});
  EXPECT_NE(fp32->kernel(gang(kTiny, 4, 4)), "cohort");
}

/// Kernels of layers count the values of a minibatch in 32 bits: 1,048,576 rows of 4,096 units and a one are too many.
TEST_F(CudaChoice, IsNoLayersWhereAMinibatchHasMoreValuesThanTheyCount) {
  Split& split = data.splits.at(0);
  split.training.assign(1U << 20, split.training.front());
  Trial trial;
  trial.topology = {data.n_inputs(), {4096, 2}, {Activation::relu, Activation::relu}, 1};
  trial.hyperparameters.batch_size = 0;
  const auto cuda = make_cuda_engine(data, {.costs = favouring("strict_layers")});
  const auto cublas = make_cublas_engine(data, {.precision = Precision::fp32});
  for (const auto& engine : {cuda.get(), cublas.get()}) {
    const std::string why = engine->why_not(trial);
    EXPECT_TRUE(why.starts_with("a minibatch of 1048576 rows has more values")) << why;
    trial.hyperparameters.batch_size = 1 << 19;
    EXPECT_EQ(engine->why_not(trial), "");
    trial.hyperparameters.batch_size = 0;
  }
  // What a block holds is left to blocks.
  split.training.assign(1U << 26, split.training.front());
  trial.topology.hidden_layer_sizes = {64, 2};
  EXPECT_EQ(cuda->why_not(trial), "");
  EXPECT_NE(cublas->why_not(trial), "");
  Gang large = gang(trial.topology, 1, 1);
  large.key.batch_size = 0;
  EXPECT_EQ(cuda->kernel(large), "block_per_network");
}

/// 2^32 - 4096 values are the most; loops look up to 2048 ahead of the last, and must not begin anew.
TEST(CudaLayers, CountAsManyValuesAsTheirLoopsMayLookAheadOf) {
  const auto why_not = [](std::uint32_t n_rows, std::int32_t n_units) {
    const Topology topology{1, {n_units}, {Activation::relu}, 1};
    return cuda::why_not_by_layers(topology, {n_rows, 0, n_rows});
  };
  EXPECT_EQ(why_not((1U << 20) - 1, 4095), "");
  EXPECT_EQ(
      why_not((1U << 21) - 1, 2047),
      "a minibatch of 2097151 rows has more values in its widest layer than the 4294963200 that are counted; give a "
      "batch_size of 2097150 or less");
  EXPECT_EQ(cuda::most_rows_by_layers({2097152, {8}, {Activation::relu}, 1}), 2047U) << "padded to 2097160 inputs";
  const Topology large{1, {65535, 65535}, {Activation::relu, Activation::relu}, 1};
  EXPECT_EQ(cuda::why_not_by_layers(large, {1, 0, 1}),
            "it has 4296015872 parameters, padded as kernels have them, and at most 4294963200 are counted");
}

TEST_F(CudaChoice, ChangesNoBit) {
  Random random(4712);
  for (std::uint32_t number = 0; number < 24; number += 3 * kShare) {
    Sweep sweep = testing::random_thread_sweep(random, number);
    sweep.options.costs = favouring("thread_per_network");
    const auto threads = make_cuda_engine(sweep.data, sweep.options);
    sweep.options.costs = favouring("block_per_network");
    const auto blocks = make_cuda_engine(sweep.data, sweep.options);
    sweep.options.costs = favouring("strict_layers");
    const auto layers = make_cuda_engine(sweep.data, sweep.options);
    EXPECT_EQ(threads->kernel(sweep.gangs[0]), "thread_per_network");
    EXPECT_EQ(blocks->kernel(sweep.gangs[0]), "block_per_network");
    EXPECT_EQ(layers->kernel(sweep.gangs[0]), "strict_layers");
    const testing::Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    set_schedule(number % kSchedules);
    EXPECT_EQ(first_difference(train(*threads, sweep, 4), expected), "") << number;
    EXPECT_EQ(first_difference(train(*blocks, sweep, 4), expected), "") << number;
    EXPECT_EQ(first_difference(train(*layers, sweep, 4), expected), "") << number;
  }
}

/// Many gangs of one cohort, each far too small for layers, with rows in an order of its own.
TEST_F(CudaChoice, ChangesNoBitWhereEachNetworkHasItsOwnOrderOfRows) {
  Random random(4713);
  for (std::uint32_t number = 0; number < 16; number += kShare) {
    Sweep sweep = testing::random_thread_sweep(random, number);
    sweep.trials.resize(4, sweep.trials.front());
    sweep.gangs.clear();
    for (Trial& trial : sweep.trials) {
      const auto slot = static_cast<Slot>(sweep.gangs.size());
      trial.seed += slot;
      trial.hyperparameters.shuffle = Shuffle::per_trial;
      trial.shuffle_seed = trial.seed;
      sweep.gangs.push_back({gang_key(trial), slot, 1, true, true});
    }
    const testing::Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
    set_schedule(number % kSchedules);
    for (const char* kernel : {"block_per_network", "strict_layers"}) {
      sweep.options.costs = favouring(kernel);
      const auto engine = make_cuda_engine(sweep.data, sweep.options);
      ASSERT_EQ(engine->kernel(sweep.gangs[0]), kernel);
      EXPECT_EQ(first_difference(train(*engine, sweep, 4), expected), "") << kernel << " " << number;
    }
  }
}

TEST(CudaCost, GrowsWithRowsNetworksAndWidth) {
  const CudaCosts costs;
  const EpochRows few{1000, 100, 32};
  const EpochRows many{2000, 100, 32};
  GangKey key;
  key.topology = kTiny;
  EXPECT_LT(cuda::thread_epoch(costs, key, 128, few).full, cuda::thread_epoch(costs, key, 128, many).full);
  EXPECT_LT(cuda::thread_epoch(costs, key, 32, few).full, cuda::thread_epoch(costs, key, 33, few).full);
  EXPECT_EQ(cuda::thread_epoch(costs, key, 32, few).alone, cuda::thread_epoch(costs, key, 128, few).alone);
  double narrower = 0;
  double fewer_units = 0;
  for (std::int32_t n = 1; n <= 64; ++n) {
    const Topology topology{10, {n}, {Activation::tanh}, 2};
    const double of_block = cuda::block_epoch(costs, cuda::NetworkShape(topology, false), Solver::adam, few).full;
    EXPECT_GE(of_block, narrower) << n;
    const double of_layers = cuda::layers_epoch(costs, topology, Precision::strict, 1, few).full;
    EXPECT_GT(of_layers, fewer_units) << n;
    narrower = of_block;
    fewer_units = of_layers;
  }
}

/// By hand: 1-2-2-1 has 13 parameters. A row takes 18 + 2.75 x 13, a measured one 10 + 1.3 x 13, a step of sgd 8 x 13,
/// the end of an epoch 300.
TEST(CudaCost, OfAThreadIsItsInstructions) {
  CudaCosts costs;
  costs.thread_issue = 1;
  costs.thread_wait = 10;
  GangKey key;
  key.topology = kTiny;
  const double of_warp = 100 * 53.75 + 20 * 26.9 + 4 * 104 + 300;
  const cuda::EpochSeconds epoch = cuda::thread_epoch(costs, key, 100, {100, 20, 32});
  EXPECT_DOUBLE_EQ(epoch.full, 4 * of_warp);
  EXPECT_DOUBLE_EQ(epoch.alone, 10 * of_warp);
}

}  // namespace
}  // namespace shoal
