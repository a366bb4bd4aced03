#include <gtest/gtest.h>

#include "bench/peak.hpp"
#include "shoal/bench.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

BenchOptions tiny() {
  return {.workloads = {"seed"}, .n_threads = 1, .n_networks = 3, .n_rows = 40, .n_repetitions = 2};
}

TEST(RunBench, MakesTheRunsAskedForAndTellsOfEach) {
  BenchOptions options = tiny();
  std::vector<std::string> told;
  options.on_progress = [&](const BenchProgress& progress) {
    told.push_back(progress.workload + " " + progress.step + " " + std::to_string(progress.n_done) + "/" +
                   std::to_string(progress.n_runs));
  };
  const BenchReport report = run_bench(options);
  EXPECT_EQ(told, (std::vector<std::string>{"seed checking 0/2", "seed training 0/2", "seed training 1/2"}));
  EXPECT_EQ(report.engine, "cpu");
  EXPECT_EQ(report.n_threads, 1U);
  EXPECT_FALSE(report.interrupted);
  ASSERT_EQ(report.workloads.size(), 1U);
  const BenchResult& seed = report.workloads[0];
  EXPECT_TRUE(seed.ok());
  EXPECT_EQ(seed.n_repetitions, 2U);
  EXPECT_EQ(seed.checks.size(), 2U);
  EXPECT_LE(seed.samples_per_s.lowest, seed.samples_per_s.median);
  EXPECT_LE(seed.samples_per_s.median, seed.samples_per_s.highest);
  ASSERT_TRUE(seed.share_of_peak());
  EXPECT_GT(*seed.share_of_peak(), 0);
  EXPECT_DOUBLE_EQ(*seed.share_of_peak(), 44 * seed.samples_per_s.median / *seed.peak_flops);
}

TEST(RunBench, BeginsNoRunAfterItsTimeIsUpButMakesOne) {
  BenchOptions options = tiny();
  options.seconds = 0;
  EXPECT_EQ(run_bench(options).workloads[0].n_repetitions, 1U);
}

TEST(RunBench, ReturnsWhatIsDoneWhenItIsStopped) {
  std::stop_source stop;
  BenchOptions options = tiny();
  options.stop = stop.get_token();
  options.n_repetitions = 100;
  options.on_progress = [&](const BenchProgress& progress) {
    if (progress.n_done == 1) stop.request_stop();
  };
  const BenchReport report = run_bench(options);
  EXPECT_TRUE(report.interrupted);
  ASSERT_EQ(report.workloads.size(), 1U);
  EXPECT_EQ(report.workloads[0].n_repetitions, 1U);
  EXPECT_GT(report.workloads[0].samples_per_s.median, 0);
  const BenchReport nothing = run_bench(options);
  EXPECT_TRUE(nothing.interrupted);
  EXPECT_TRUE(nothing.workloads.empty());
}

TEST(RunBench, RefusesWhatItCannotMeasure) {
  BenchOptions options = tiny();
  options.workloads = {"seed", "sed"};
  EXPECT_THROW(static_cast<void>(run_bench(options)), InputError);
  options = tiny();
  options.engine = "reference";
  EXPECT_THROW(static_cast<void>(run_bench(options)), UnavailableError);
  options.engine = "cpu";
  options.precision = Precision::bf16;
  EXPECT_THROW(static_cast<void>(run_bench(options)), UnavailableError);
}

TEST(BenchResult, HasNoShareWithoutAPeak) {
  BenchResult result;
  result.samples_per_s = {10, 9, 11};
  result.work.flops = 5;
  EXPECT_FALSE(result.share_of_peak());
  result.peak_flops = 200;
  EXPECT_DOUBLE_EQ(*result.share_of_peak(), 0.25);
  result.checks = {{.rule = "bits", .n_networks = 4, .n_wrong = 1}};
  EXPECT_FALSE(result.ok());
}

TEST(ProbePeak, RunsOnAsManyThreadsAsItIsTold) {
  EXPECT_GT(bench::probe_peak(1), 1e6);
  EXPECT_GT(bench::probe_peak(3), 1e6);
}

}  // namespace
}  // namespace shoal
