// What patience watches: every metric, on the device or by the host; over the emulated device, or on a GPU.
#include <algorithm>
#include <gtest/gtest.h>
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
using testing::Sweep;
using testing::train;

std::vector<Metric> metrics_of(Task task) {
  std::vector<Metric> metrics;
  for (std::size_t k = 0; k < kMetricCount; ++k) {
    if (metric_applies(static_cast<Metric>(k), task)) metrics.push_back(static_cast<Metric>(k));
  }
  return metrics;
}

/// Under two schedules of threads, by 4 epochs and by 1 a call.
void expect_equal_bits_of_every_metric(std::uint32_t n_sweeps, Sweep (*make)(Random&, std::uint32_t)) {
  Random random(4713);
  std::size_t n_by_status[4] = {};
  for (std::uint32_t number = 0; number < n_sweeps; ++number) {
    Sweep sweep = make(random, number);
    for (const Metric metric : metrics_of(sweep.data.task())) {
      watch(sweep, metric);
      const Outcome expected = train(*make_cpu_engine(sweep.data, sweep.options), sweep, 4);
      for (const TrialState& state : expected.states) ++n_by_status[static_cast<std::size_t>(state.status)];
      for (const std::uint32_t schedule : {0U, 1U}) {
        set_schedule(schedule);
        const Outcome got = train(*make_cuda_engine(sweep.data, sweep.options), sweep, schedule == 0 ? 4 : 1);
        ASSERT_EQ(first_difference(got, expected), "") << "sweep " << number << ", " << name(metric);
        ASSERT_EQ(n_allocations(), 0U);
      }
    }
  }
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::finished)], 0U);
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::stopped)], 0U);
  EXPECT_GT(n_by_status[static_cast<std::size_t>(TrialStatus::diverged)], 0U);
}

TEST(SHOAL_CUDA_SUITE, WatchesEveryMetricByTheBitsOfTheCpuEngineWithAThreadANetwork) {
  expect_equal_bits_of_every_metric(std::max(8U / kShare, 2U), testing::random_plain_sweep);
}

/// 12 sweeps: 2 to 5 classes, labels or outputs of every task.
TEST(SHOAL_CUDA_SUITE, WatchesEveryMetricByTheBitsOfTheCpuEngineWithABlockANetwork) {
  expect_equal_bits_of_every_metric(std::max(12U / kShare, 3U), testing::random_sweep);
}

}  // namespace
}  // namespace shoal
