// Engines take of the device what they said that they would; over the emulated device, or on a GPU.
#include <gtest/gtest.h>
#include <memory>
#include <utility>
#include <vector>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/device_memory.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

/// Bytes by which the device's free memory shrinks: on a GPU also what CUDA and cuBLAS load, so networks must be many.
TEST(SHOAL_CUDA_SUITE, TakesOfTheDeviceWhatItPredicts) {
  testing::Random random(4711);
  const Dataset data = testing::random_dataset(random, Task::classification, 32, 16, 26);
  Trial trial;
  trial.topology = {16, {64, 64}, {Activation::relu, Activation::relu}, 26};
  trial.hyperparameters.loss = Loss::cross_entropy;
  trial.hyperparameters.solver = Solver::adam;
  trial.hyperparameters.batch_size = 8;
  trial.hyperparameters.max_iter = 1;
  const Gang gang{gang_key(trial), 0, kPlacesThatMatter, false, false};
  const std::vector<Gang> gangs{gang};
  const std::vector<Slot> slots{0};
  const std::vector<TrainTarget> targets{{0, 1}};
  using Make = std::unique_ptr<Engine> (*)(const Dataset&, const EngineOptions&);
  const std::pair<Make, Precision> engines[] = {{make_cuda_engine, Precision::strict},
                                                {make_cublas_engine, Precision::fp32},
                                                {make_cublas_engine, Precision::bf16}};
  for (const auto& [make, precision] : engines) {
    const std::uint64_t before = cuda::free_device_bytes();
    const auto engine = make(data, {.precision = precision});
    const std::uint64_t predicted = gang.n_slots * engine->bytes_per_slot(gang) + engine->workspace_bytes(gangs);
    engine->prepare(gangs);
    engine->place(0, trial, initial_state(trial));
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    engine->train(targets, {}, records, lost);
    EXPECT_EQ(engine->evaluate(slots, RowSet::validation).size(), 1U);
    const auto used = static_cast<double>(before - cuda::free_device_bytes());
    EXPECT_NEAR(used, static_cast<double>(predicted), 0.1 * static_cast<double>(predicted)) << name(precision);
  }
}

}  // namespace
}  // namespace shoal
