// How engine cuda cuts training into launches, on the emulated device.
#include <algorithm>
#include <gtest/gtest.h>
#include <vector>

#include "engine/cpu/cpu_engine.hpp"
#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/task_launches.hpp"
#include "engine/cuda/training_cost.hpp"
#include "kernels/cuda/block_per_network.cuh"
#include "kernels/cuda/cohort.cuh"
#include "kernels/cuda/strict_layers.cuh"
#include "kernels/cuda/survivors.cuh"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/error.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

/// Counts launches while it exists.
class LaunchCounter final : public emulation::Observer {
 public:
  LaunchCounter() { emulation::set_observer(this); }
  ~LaunchCounter() override { emulation::set_observer(nullptr); }
  LaunchCounter(const LaunchCounter&) = delete;
  LaunchCounter& operator=(const LaunchCounter&) = delete;
  void launch_begins() override { ++n_launches; }
  void block_begins() override { ++n_blocks; }
  void atomic_access(const void*, std::size_t) override {}
  void copy_access(const void*, std::size_t, bool) override {}
  void launch_ends() override {}

  std::uint32_t n_launches = 0, n_blocks = 0;
};

Topology width(std::int32_t n_units, Activation activation) { return {10, {n_units}, {activation}, 2}; }

/// Networks 10-h-2, h = 1 to 100, of three activations.
testing::Sweep widths() {
  testing::Random random(4711);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::classification, 12, 10, 2);
  for (std::uint32_t i = 0; i < 300; ++i) {
    constexpr Activation kActivations[]{Activation::sigmoid, Activation::tanh, Activation::relu};
    Trial trial;
    trial.topology = width(static_cast<std::int32_t>(i % 100) + 1, kActivations[i % 3]);
    trial.hyperparameters.loss = Loss::cross_entropy;
    trial.hyperparameters.solver = Solver::sgd;
    trial.hyperparameters.batch_size = 8;
    trial.hyperparameters.max_iter = 2;
    trial.seed = i;
    sweep.trials.push_back(trial);
    sweep.gangs.push_back({gang_key(trial), i, 1, true, false});
  }
  return sweep;
}

TEST(EmulatedCudaLaunches, AreAtMostFourForNetworksOfAllWidths) {
  const testing::Sweep sweep = widths();
  const auto engine = make_cuda_engine(sweep.data, sweep.options);
  engine->prepare(sweep.gangs);
  std::vector<TrainTarget> targets;
  for (Slot slot = 0; slot < sweep.trials.size(); ++slot) {
    engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
    targets.push_back({slot, 2});
  }
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const LaunchCounter counter;
  engine->train(targets, {}, records, lost);
  EXPECT_EQ(records.size(), 600U);
  EXPECT_EQ(counter.n_blocks, 300U);
  EXPECT_LE(counter.n_launches, 4U);
}

TEST(EmulatedCudaLaunches, OfAllWidthsGiveTheBitsOfTheCpuEngine) {
  const testing::Sweep sweep = widths();
  const testing::Outcome expected = testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 2, 2);
  const testing::Outcome got = testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 2, 2);
  EXPECT_EQ(testing::first_difference(got, expected), "");
}

/// One diverges, one stops early, the others end after 1 to 6 epochs; all are of one size of blocks.
TEST(EmulatedCudaLaunches, HoldNetworksThatEndAtDifferentEpochs) {
  testing::Sweep sweep = widths();
  sweep.trials.resize(12);
  sweep.gangs.resize(12);
  for (Slot slot = 0; slot < 12; ++slot) {
    Hyperparameters& h = sweep.trials[slot].hyperparameters;
    h.max_iter = static_cast<std::int32_t>(slot % 6) + 1;
    if (slot == 3) h.learning_rate_init = 1e30;
    if (slot == 5) h.n_iter_no_change = 1;
    if (slot == 5) h.tol = 10;
    sweep.gangs[slot] = {gang_key(sweep.trials[slot]), slot, 1, true, false};
  }
  const testing::Outcome expected = testing::train(*make_cpu_engine(sweep.data, sweep.options), sweep, 6, 6);
  EXPECT_EQ(expected.states[3].status, TrialStatus::diverged);
  EXPECT_EQ(expected.states[5].status, TrialStatus::stopped);
  EXPECT_LT(expected.states[5].epoch, 6U);
  EXPECT_EQ(expected.states[10].status, TrialStatus::finished);
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    const testing::Outcome got = testing::train(*make_cuda_engine(sweep.data, sweep.options), sweep, 6, 6);
    EXPECT_EQ(testing::first_difference(got, expected), "") << "schedule " << schedule;
  }
  set_schedule(0);
}

TEST(EmulatedCudaLaunches, BeginWithTheLongestTaskOfTheLongestLaunch) {
  const cuda::NetworkShape narrow(width(8, Activation::relu), false);
  const cuda::NetworkShape wide(width(100, Activation::relu), false);
  cuda::DeviceGang narrow_gang;
  narrow_gang.shape = &narrow;
  cuda::DeviceGang wide_gang;
  wide_gang.shape = &wide;
  cuda::TaskLaunches launches;
  const auto add = [&](const cuda::DeviceGang& gang, std::uint32_t name, double seconds) {
    cuda::TrainTask task;
    task.batch = name;
    launches.add(gang, task, seconds);
  };
  add(narrow_gang, 1, 0.2);
  add(wide_gang, 2, 0.1);
  add(narrow_gang, 3, 0.4);
  add(wide_gang, 4, 0.5);
  add(narrow_gang, 5, 0.3);
  std::vector<cuda::TrainTask> tasks;
  launches.order(tasks);
  std::vector<std::uint32_t> names;
  for (const cuda::TrainTask& task : tasks) names.push_back(task.batch);
  EXPECT_EQ(names, (std::vector<std::uint32_t>{4, 2, 3, 5, 1}));
}

TEST(EmulatedCudaLaunches, GiveNoNetworkLessRoomThanItsRegistersHave) {
  for (const std::int32_t n_inputs : {1, 10, 100, 200, 400}) {
    for (std::int32_t n_units = 1; n_units <= 100; ++n_units) {
      const cuda::NetworkShape shape({n_inputs, {n_units}, {Activation::tanh}, 2}, true, true);
      if (!shape.is_shared() || shape.n_threads() == cuda::kMostThreads) continue;
      EXPECT_LE(shape.shared_bytes(), cuda::shared_bytes_beside(shape.n_threads())) << n_inputs << ", " << n_units;
    }
  }
  EXPECT_EQ(cuda::shared_bytes_beside(256), std::size_t{113} * 1024);
  EXPECT_EQ(cuda::shared_bytes_beside(32), std::size_t{13} * 1024 + 256);
}

/// Seconds measured on an H200 (bench/evidence/gpu_h200.json).
TEST(EmulatedCudaLaunches, ArePredictedWithinTwoFifthsOfWhatWasMeasured) {
  const CudaCosts costs;
  const cuda::NetworkShape letters({16, {64, 64}, {Activation::relu, Activation::relu}, 26}, false);
  const double of_letters = 4096 * cuda::block_epoch(costs, letters, Solver::sgd, {20'000, 0, 64}).full;
  EXPECT_NEAR(of_letters / 0.154, 1, 0.4);
  double of_widths = 0;
  for (const Trial& trial : widths().trials) {
    const cuda::NetworkShape shape(trial.topology, false);
    of_widths += 10'000 / 300.0 * cuda::block_epoch(costs, shape, Solver::sgd, {10'000, 0, 32}).full;
  }
  EXPECT_NEAR(of_widths / 0.079, 1, 0.4) << of_widths;
  GangKey seed;
  seed.topology = {1, {2, 2}, {Activation::relu, Activation::relu}, 1};
  const double of_seed = 1'000'000 / 128.0 * cuda::thread_epoch(costs, seed, 128, {1024, 0, 32}).full;
  EXPECT_NEAR(of_seed / 0.0024, 1, 0.4);
  const Topology fashion{784, {512, 512}, {Activation::relu, Activation::relu}, 10};
  const EpochRows rows{60'000, 0, 8192};
  EXPECT_NEAR(cuda::layers_epoch(costs, fashion, Precision::strict, 1, rows).full / 0.0114, 1, 0.4);
  EXPECT_NEAR(cuda::layers_epoch(costs, fashion, Precision::fp32, 1, rows).full / 0.0054, 1, 0.4);
  EXPECT_NEAR(cuda::layers_epoch(costs, fashion, Precision::tf32, 1, rows).full / 0.00195, 1, 0.4);
  EXPECT_NEAR(cuda::layers_epoch(costs, {16, {64, 64}, {Activation::relu, Activation::relu}, 26}, Precision::fp32, 4096,
                                 {20'000, 0, 64})
                      .full /
                  0.366,
              1, 0.4);
}

TEST(EmulatedCudaLaunches, HaveAsManyEpochsAsTakeAFifthOfASecond) {
  EXPECT_EQ(cuda::epochs_in_launch(0.103), 1U);
  EXPECT_EQ(cuda::epochs_in_launch(0.019), 10U);
  EXPECT_EQ(cuda::epochs_in_launch(1e-6), 64U);
  EXPECT_EQ(cuda::epochs_in_launch(60), 1U);
}

/// A network of 2^31 parameters among 4096 others, of which each would have as many blocks.
TEST(EmulatedCudaLaunches, AreRefusedWhereAGridHoldsFewerBlocks) {
  cuda::CohortTask<float> task;
  task.n_layers = 2;
  task.n_networks = 4096;
  task.most_rows = 1U << 11;
  constexpr std::uint32_t kRows = 1U << 11;
  constexpr std::uint32_t kUnits = 1U << 20;
  EXPECT_THROW(cuda::launch_update(task, 1, 1U << 31, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_finish_epoch(task, 1U << 31, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_activation(task, 0, kRows, kUnits, false, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_ones(task, 0, kUnits, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_derivative(task, 0, kRows, kUnits, false, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_narrow_derivative(task, kRows, kUnits, false, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_pack_outputs(task, kRows, nullptr, kUnits, nullptr), OutOfMemoryError);
  const cuda::StrictLayer layer{0, 1U << 17, 1U << 17, 1U << 17, false};
  EXPECT_THROW(cuda::launch_strict_forward(task, layer, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_strict_backward(task, layer, nullptr, nullptr, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_strict_gradient(task, layer, nullptr, nullptr), OutOfMemoryError);
  EXPECT_THROW(cuda::launch_move_vector({nullptr, nullptr, nullptr, 4096, 1U << 31}, nullptr, nullptr, nullptr),
               OutOfMemoryError);
}

}  // namespace
}  // namespace shoal
