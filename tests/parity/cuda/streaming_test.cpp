// Tables whose inputs stay on the host and come to the device a minibatch at a time: the same bits as from a table that
// is there, in memory that the table would not fit into.
#include <chrono>
#include <gtest/gtest.h>
#include <stop_token>
#include <thread>
#include <vector>

#include "engine/cuda/cublas_engine.hpp"
#include "shoal/error.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

/// Less than any table takes.
EngineOptions streaming(EngineOptions options) {
  options.memory_bytes = 1;
  return options;
}

TEST(SHOAL_CUDA_SUITE, StreamedTablesTrainToTheSameBits) {
  for (const std::uint32_t schedule : {0U, 1U}) {  // streams run late under each
    set_schedule(schedule);
    testing::Random random(31 + schedule);
    for (std::uint32_t number = 1; number < 4; ++number) {
      testing::Sweep sweep = testing::random_sweep(random, number);
      sweep.options.precision = number % 2 == 0 ? Precision::fp32 : Precision::bf16;
      for (const Metric metric : {Metric::val_loss, testing::host_metric(sweep.data.task())}) {
        testing::watch(sweep, metric);
        const testing::Outcome resident = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 2);
        const auto engine = make_cublas_engine(sweep.data, streaming(sweep.options));
        EXPECT_EQ(testing::first_difference(testing::train(*engine, sweep, 2), resident), "")
            << "sweep " << number << ", " << name(metric);
        EXPECT_FALSE(resident.records.front().empty());
      }
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
}

TEST(SHOAL_CUDA_SUITE, StreamedTablesGiveTheSamePassesAndPredictions) {
  testing::Random random(5);
  const testing::Sweep sweep = [&] {
    testing::Sweep one = testing::random_sweep(random, 2);
    one.options.precision = Precision::fp32;
    return one;
  }();
  const Trial& trial = sweep.trials.front();
  const std::vector<float> parameters = initial_state(trial).parameters;
  const std::vector<std::uint32_t> rows{7, 0, 19, 3, 3};
  const std::vector<float> inputs(static_cast<std::size_t>(trial.topology.n_inputs) * 3, 0.5F);
  const auto resident = make_cublas_engine(sweep.data, sweep.options);
  const auto streamed = make_cublas_engine(sweep.data, streaming(sweep.options));
  EXPECT_EQ(streamed->pass(trial, parameters, rows).gradient, resident->pass(trial, parameters, rows).gradient);
  EXPECT_EQ(streamed->predict(trial, parameters, inputs), resident->predict(trial, parameters, inputs));
}

TEST(SHOAL_CUDA_SUITE, AStopInAStreamedEpochLosesWhatWasInTheMiddleOfIt) {
  testing::Random random(6);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 2'000, 3, 1, false);
  sweep.options.precision = Precision::fp32;
  Trial trial = testing::random_trial(random, sweep.data);
  trial.hyperparameters.batch_size = 1;
  trial.hyperparameters.n_iter_no_change = 0;
  sweep.gangs = {{gang_key(trial), 0, 1, true, true}};
  const auto engine = make_cublas_engine(sweep.data, streaming(sweep.options));
  engine->prepare(sweep.gangs);
  engine->place(0, trial, initial_state(trial));
  std::stop_source stop;
  const std::jthread stopper([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    stop.request_stop();
  });
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  const TrainTarget target{0, 1};
  engine->train(std::span(&target, 1), stop.get_token(), records, lost);
  EXPECT_EQ(lost, std::vector<Slot>{0});
  EXPECT_TRUE(records.empty());
  EXPECT_THROW(static_cast<void>(engine->read(0)), Error);

  // The place is free, and nothing is left of the epoch that was stopped.
  const auto loss_of_an_epoch = [&](Engine& of) {
    of.place(0, trial, initial_state(trial));
    std::vector<EpochRecord> found;
    of.train(std::span(&target, 1), {}, found, lost);
    return found.at(0).train_loss;
  };
  const auto another = make_cublas_engine(sweep.data, streaming(sweep.options));
  another->prepare(sweep.gangs);
  EXPECT_EQ(loss_of_an_epoch(*engine), loss_of_an_epoch(*another));
}

#if defined(SHOAL_EMULATION)

TEST(EmulatedCudaStreaming, TrainsFromATableThatIsLargerThanTheDevice) {
  testing::Random random(8);
  testing::Sweep sweep;
  sweep.data = testing::random_dataset(random, Task::regression, 20'000, 900, 1, false);
  sweep.data.splits.front().training.resize(48);
  sweep.data.splits.front().validation.resize(20);
  sweep.options.precision = Precision::bf16;
  Trial trial = testing::random_trial(random, sweep.data);
  trial.topology.hidden_layer_sizes = {12};
  trial.topology.activations = {Activation::relu};
  trial.hyperparameters.batch_size = 16;
  sweep.trials = {trial};
  sweep.gangs = {{gang_key(trial), 0, 1, true, true}};
  const testing::Outcome expected = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4);
  constexpr std::size_t kDeviceBytes = std::size_t{60} << 20;
  ASSERT_GT(sweep.data.inputs.size() * sizeof(float), kDeviceBytes);
  emulation::limit_device_memory(kDeviceBytes);
  const testing::Outcome outcome = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 4);
  emulation::reset();
  EXPECT_EQ(testing::first_difference(outcome, expected), "");
}

#endif

}  // namespace
}  // namespace shoal
