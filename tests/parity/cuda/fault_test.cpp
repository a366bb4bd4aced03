// Every call that an engine makes of the CUDA runtime and of cuBLAS fails once, with each error: the engine says so and
// keeps nothing.
#include <algorithm>
#include <gtest/gtest.h>
#include <memory>
#include <string>

#include "engine/cuda/cublas_engine.hpp"
#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"
#include "tests/emulation/cublas.hpp"
#include "tests/parity/cuda/comparison.hpp"
#include "tests/parity/cuda/suite.hpp"

namespace shoal {
namespace {

using MakeEngine = std::unique_ptr<Engine> (*)(const Dataset&, const EngineOptions&);

constexpr cudaError_t kErrors[] = {cudaErrorInvalidValue,
                                   cudaErrorMemoryAllocation,
                                   cudaErrorInitializationError,
                                   cudaErrorInvalidConfiguration,
                                   cudaErrorInsufficientDriver,
                                   cudaErrorDevicesUnavailable,
                                   cudaErrorNoDevice,
                                   cudaErrorECCUncorrectable,
                                   cudaErrorIllegalAddress,
                                   cudaErrorLaunchOutOfResources,
                                   cudaErrorLaunchTimeout,
                                   cudaErrorMisalignedAddress,
                                   cudaErrorLaunchFailure,
                                   cudaErrorStreamCaptureInvalidated,
                                   cudaErrorUnknown};

/// What training left behind, or what went wrong.
struct Attempt {
  testing::Outcome outcome;
  std::string failure;
  std::uint64_t n_calls = 0;
};

Attempt attempt(MakeEngine make, const testing::Sweep& sweep) {
  Attempt made;
  const std::uint64_t before = emulation::n_calls();
  try {
    const auto engine = make(sweep.data, sweep.options);
    made.outcome = testing::train(*engine, sweep, 1);
    made.n_calls = emulation::n_calls() - before;
  } catch (const Error& error) {
    made.failure = error.what();
  }
  return made;
}

/// What patience watches: of a kernel, and of the host.
constexpr Metric kWatched[] = {Metric::val_loss, Metric::val_auc};

testing::Sweep one_network(Precision precision, Metric metric) {
  testing::Random random(4711);
  testing::Sweep sweep = testing::random_sweep(random, 0);
  testing::watch(sweep, metric);
  sweep.options.precision = precision;
  sweep.trials.resize(1);
  sweep.trials[0].hyperparameters.max_iter = 1;
  sweep.gangs = {{gang_key(sweep.trials[0]), 0, 1, true, true}};
  return sweep;
}

/// One ends, and what packs the other is called; few other calls are made.
testing::Sweep two_networks(Precision precision, Metric metric) {
  testing::Sweep sweep = one_network(precision, metric);
  Trial& first = sweep.trials[0];
  first.topology.hidden_layer_sizes = {3};
  first.topology.activations = {Activation::tanh};
  first.hyperparameters.batch_size = 0;
  sweep.trials.push_back(first);
  sweep.trials[1].hyperparameters.max_iter = 2;
  sweep.gangs = {{gang_key(sweep.trials[0]), 0, 2, true, true}};
  return sweep;
}

/// A call that fails is told by CUDA's name of the error or, where cuBLAS made it, by cuBLAS's own words; one that only
/// gives something back may fail without a word, and changes no result.
void expect_every_failure_told(MakeEngine make, const testing::Sweep& sweep) {
  const Attempt expected = attempt(make, sweep);
  ASSERT_EQ(expected.failure, "");
  std::uint64_t n_silent = 0;
  std::uint64_t n_made = 0;
  for (const cudaError_t error : kErrors) {
    for (std::uint64_t n = 1; n <= expected.n_calls; n += kShare) {
      emulation::fail_call(n, error);
      const Attempt made = attempt(make, sweep);
      const std::string& what = made.failure;
      n_silent += what.empty() ? 1 : 0;
      ++n_made;
      EXPECT_TRUE(what.find(cudaGetErrorName(error)) != std::string::npos ||
                  (what.find("cublas") == 0 && what.find(" failed: ") != std::string::npos) ||
                  (what.empty() && testing::first_difference(made.outcome, expected.outcome).empty()))
          << "call " << n << " of " << expected.n_calls << " with " << cudaGetErrorName(error) << ": " << what;
      EXPECT_EQ(emulation::n_allocations(), 0U) << "call " << n << " with " << cudaGetErrorName(error);
      emulation::reset();
    }
  }
  EXPECT_LT(n_silent * 10, n_made);
  EXPECT_EQ(attempt(make, sweep).failure, "");
}

/// Where networks find no memory, fewer of them can be prepared in the same engine, and give the same results.
void expect_fewer_to_fit(MakeEngine make, Precision precision) {
  testing::Random random(4712);
  testing::Sweep all = testing::random_sweep(random, 0);
  all.options.precision = precision;
  testing::Sweep one = all;
  one.trials.resize(1);
  one.gangs.resize(1);
  const testing::Outcome expected = testing::train(*make(one.data, one.options), one, 1);
  const auto engine = make(all.data, all.options);
  emulation::limit_device_memory(0);
  EXPECT_THROW(engine->prepare(all.gangs), OutOfMemoryError);
  emulation::reset();
  EXPECT_EQ(testing::first_difference(testing::train(*engine, one, 1), expected), "");
}

TEST(EmulatedCudaFaults, FewerNetworksFitWhereAllDoNot) {
  expect_fewer_to_fit(make_cuda_engine, Precision::strict);
  expect_fewer_to_fit(make_cuda_engine, Precision::bf16);
  expect_fewer_to_fit(make_cublas_engine, Precision::fp32);
}

/// Likewise where the memory ends at any call of prepare(), in the midst of recording a graph as well.
void expect_fewer_to_fit_after_any_call(MakeEngine make, Precision precision) {
  testing::Random random(4712);
  testing::Sweep all = testing::random_sweep(random, 0);
  all.options.precision = precision;
  all.trials.resize(1);
  all.trials[0].hyperparameters.max_iter = 1;
  testing::Sweep one = all;
  all.gangs = {{gang_key(all.trials[0]), 0, 8, true, true}};
  one.gangs = {{gang_key(all.trials[0]), 0, 1, true, true}};
  const testing::Outcome expected = testing::train(*make(one.data, one.options), one, 1);
  const auto whole = make(all.data, all.options);
  const std::uint64_t before = emulation::n_calls();
  whole->prepare(all.gangs);
  const std::uint64_t n_calls = emulation::n_calls() - before;
  std::uint64_t n_thrown = 0;
  for (std::uint64_t n = 1; n <= n_calls; n += kShare) {
    const auto engine = make(all.data, all.options);
    emulation::fail_call(n, cudaErrorMemoryAllocation);
    try {
      engine->prepare(all.gangs);
    } catch (const Error&) {
      ++n_thrown;
      EXPECT_EQ(testing::first_difference(testing::train(*engine, one, 1), expected), "") << "call " << n;
    }
    emulation::reset();  // of a call that only gives something back
  }
  EXPECT_GT(4 * kShare * n_thrown, n_calls);  // others give something back
}

TEST(EmulatedCudaFaults, FewerNetworksFitWhicheverCallFindsNoMemory) {
  expect_fewer_to_fit_after_any_call(make_cuda_engine, Precision::strict);
  expect_fewer_to_fit_after_any_call(make_cublas_engine, Precision::fp32);
}

TEST(EmulatedCudaFaults, EveryCallOfCudaMayFail) {
  for (const Metric metric : kWatched) {
    expect_every_failure_told(make_cuda_engine, one_network(Precision::strict, metric));
  }
}

TEST(EmulatedCudaFaults, EveryCallOfCudaMayFailInBf16) {
  for (const Metric metric : kWatched) {
    expect_every_failure_told(make_cuda_engine, one_network(Precision::bf16, metric));
  }
}

TEST(EmulatedCudaFaults, EveryCallOfCublasMayFail) {
  for (const Metric metric : kWatched) {
    expect_every_failure_told(make_cublas_engine, one_network(Precision::bf16, metric));
  }
}

TEST(EmulatedCudaFaults, EveryCallOfPackingMayFail) {
  for (const Metric metric : kWatched) {
    expect_every_failure_told(make_cublas_engine, two_networks(Precision::fp32, metric));
  }
}

/// The memory for graphs of the networks that still train may be gone: they are then trained without.
TEST(EmulatedCudaFaults, PackedNetworksTrainWhereNoGraphOfThemFindsMemory) {
  for (const Metric metric : kWatched) {
    const testing::Sweep sweep = two_networks(Precision::fp32, metric);
    const testing::Outcome expected = testing::train(*make_cublas_engine(sweep.data, sweep.options), sweep, 1);
    std::uint64_t n_calls = 1;
    std::uint64_t n_without = 0;
    for (std::uint64_t n = 1; n <= n_calls; ++n) {
      const auto engine = make_cublas_engine(sweep.data, sweep.options);
      engine->prepare(sweep.gangs);
      for (Slot slot = 0; slot < 2; ++slot) {
        engine->place(slot, sweep.trials[slot], initial_state(sweep.trials[slot]));
      }
      std::vector<EpochRecord> records;
      std::vector<Slot> lost;
      engine->train(std::vector<TrainTarget>{{0, 1}, {1, 1}}, {}, records, lost);
      const std::uint64_t before = emulation::n_calls();
      emulation::fail_call(n, cudaErrorMemoryAllocation);
      try {
        engine->train(std::vector<TrainTarget>{{1, 2}}, {}, records, lost);
        n_calls = std::max(n_calls, emulation::n_calls() - before);
        ++n_without;
        EXPECT_EQ(testing::first_difference(engine->read(1), expected.states[1]), "") << "call " << n;
      } catch (const OutOfMemoryError&) {
        n_calls = std::max(n_calls, n + 1);
      }
      emulation::reset();
    }
    // A graph of a minibatch and one of the epoch's end are more than this.
    EXPECT_GT(n_without, 10U);
  }
}

TEST(EmulatedCudaFaults, EveryCallOfCublasLtMayFail) {
  for (const Metric metric : kWatched) {
    testing::Sweep sweep = one_network(Precision::bf16, metric);
    Trial& trial = sweep.trials.front();
    trial.topology.hidden_layer_sizes = {9, 7};
    trial.topology.activations = {Activation::relu, Activation::relu};
    trial.hyperparameters.dropout = 0;
    sweep.gangs = {{gang_key(trial), 0, 1, true, false}};
    expect_every_failure_told(make_cublas_engine, sweep);
  }
}

}  // namespace
}  // namespace shoal
