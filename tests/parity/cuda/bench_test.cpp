// Time of the CUDA engine on the seed workload: networks 1-2-2-1 that differ in their seed alone. Needs a GPU.
#include <algorithm>
#include <cstdio>
#include <cuda_runtime.h>
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

constexpr std::uint32_t kNetworks = 4096;
constexpr std::uint32_t kEpochs = 100;
constexpr std::size_t kRows = 400;
constexpr int kRepetitions = 9;

Trial seed_trial(std::uint64_t seed) {
  Trial trial;
  trial.topology = {1, {2, 2}, {Activation::relu, Activation::relu}, 1};
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.batch_size = 16;
  trial.hyperparameters.max_iter = kEpochs;
  trial.seed = seed;
  return trial;
}

void place_all(Engine& engine) {
  const Gang gang{gang_key(seed_trial(0)), 0, kNetworks, false};
  engine.prepare(std::span(&gang, 1));
  for (Slot slot = 0; slot < kNetworks; ++slot) {
    engine.place(slot, seed_trial(slot), initial_state(seed_trial(slot)));
  }
}

/// Milliseconds between two CUDA events around the training of all networks.
float train_all(Engine& engine) {
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < kNetworks; ++slot) targets.push_back({slot, kEpochs});
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  cudaEvent_t begin{};
  cudaEvent_t end{};
  EXPECT_EQ(cudaEventCreate(&begin), cudaSuccess);
  EXPECT_EQ(cudaEventCreate(&end), cudaSuccess);
  EXPECT_EQ(cudaEventRecord(begin), cudaSuccess);
  engine.train(targets, {}, records, lost);
  EXPECT_EQ(cudaEventRecord(end), cudaSuccess);
  EXPECT_EQ(cudaEventSynchronize(end), cudaSuccess);
  float milliseconds = 0;
  EXPECT_EQ(cudaEventElapsedTime(&milliseconds, begin, end), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(begin), cudaSuccess);
  EXPECT_EQ(cudaEventDestroy(end), cudaSuccess);
  return milliseconds;
}

TEST(GpuBench, TheSeedWorkload) {
  testing::Random random(1);
  const Dataset data = testing::random_dataset(random, Task::regression, kRows, 1, 1);
  const auto cpu = make_cpu_engine(data, {});
  const auto gpu = make_cuda_engine(data, {});
  place_all(*cpu);
  static_cast<void>(train_all(*cpu));
  std::vector<float> times;
  for (int i = 0; i < kRepetitions; ++i) {
    place_all(*gpu);
    times.push_back(train_all(*gpu));
    for (Slot slot = 0; slot < kNetworks; ++slot) {
      ASSERT_EQ(gpu->read(slot).parameters, cpu->read(slot).parameters) << "network " << slot;
    }
  }
  std::ranges::sort(times);
  const double median = static_cast<double>(times[times.size() / 2]);
  const double samples = static_cast<double>(kNetworks) * kEpochs * static_cast<double>(data.splits[0].training.size());
  std::printf(
      "RESULT {\"networks\": %u, \"epochs\": %u, \"rows\": %zu, \"repetitions\": %d, \"median_ms\": %.3f, "
      "\"min_ms\": %.3f, \"max_ms\": %.3f, \"network_samples_per_s\": %.4g}\n",
      kNetworks, kEpochs, data.splits[0].training.size(), kRepetitions, median, static_cast<double>(times.front()),
      static_cast<double>(times.back()), samples / (median / 1000));
}

}  // namespace
}  // namespace shoal
