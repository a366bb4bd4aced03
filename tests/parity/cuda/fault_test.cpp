// Every call of the CUDA runtime that the engine makes fails once: it says so and keeps nothing.
#include <gtest/gtest.h>
#include <string>

#include "engine/cuda/cuda_engine.hpp"
#include "shoal/error.hpp"
#include "tests/emulation/runtime.hpp"
#include "tests/parity/cuda/comparison.hpp"

namespace shoal {
namespace {

/// Trains; what went wrong, empty: nothing. `n_calls`: until training had ended.
std::string failure_of(const testing::Sweep& sweep, std::uint64_t* n_calls = nullptr) {
  const std::uint64_t before = emulation::n_calls();
  try {
    const auto engine = make_cuda_engine(sweep.data, sweep.options);
    static_cast<void>(testing::train(*engine, sweep, 1));
    if (n_calls != nullptr) *n_calls = emulation::n_calls() - before;
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

TEST(EmulatedCudaFaults, EveryCallMayFail) {
  testing::Random random(4711);
  testing::Sweep sweep = testing::random_sweep(random, 0);
  sweep.trials.resize(2);
  sweep.gangs.resize(2);
  std::uint64_t n_calls = 0;
  ASSERT_EQ(failure_of(sweep, &n_calls), "");
  for (const cudaError_t error : {cudaErrorMemoryAllocation, cudaErrorLaunchFailure}) {
    for (std::uint64_t n = 1; n <= n_calls; ++n) {
      emulation::fail_call(n, error);
      EXPECT_NE(failure_of(sweep).find(cudaGetErrorName(error)), std::string::npos)
          << "call " << n << " of " << n_calls;
      EXPECT_EQ(emulation::n_allocations(), 0U) << "call " << n;
      emulation::reset();
    }
  }
  EXPECT_EQ(failure_of(sweep), "");
}

}  // namespace
}  // namespace shoal
