#include "bench/workload.hpp"

#include <gtest/gtest.h>

#include "bench/placement.hpp"
#include "shoal/error.hpp"

namespace shoal::bench {
namespace {

double flops(const char* name) { return work(workload_named(name)).flops; }

TEST(Workload, CountsTwoFlopsAMultiplyAddOfItsProducts) {
  EXPECT_DOUBLE_EQ(flops("seed"), 44);
  EXPECT_DOUBLE_EQ(flops("deep"), 8576);
  EXPECT_DOUBLE_EQ(flops("letters"), 38656);
  EXPECT_DOUBLE_EQ(flops("fashion"), 3'209'216);
  EXPECT_NEAR(flops("widths"), 2626, 1e-9);
}

TEST(Workload, CountsEachWidthByItself) {
  Workload widths = workload_named("widths");
  const std::vector<Kind> kinds = widths.kinds;
  for (const std::int32_t h : {1, 37, 100}) {
    widths.kinds = {kinds[static_cast<std::size_t>(h) - 1]};
    EXPECT_DOUBLE_EQ(work(widths).flops, 52.0 * h);
  }
}

TEST(Workload, CountsWhatTheFlopsLeaveOut) {
  const BenchWork deep = work(workload_named("deep"));
  EXPECT_DOUBLE_EQ(deep.bias_additions, 2 * (6 * 16 + 4));
  ASSERT_EQ(deep.activations.size(), 1U);
  EXPECT_EQ(deep.activations[0].first, Activation::tanh);
  EXPECT_DOUBLE_EQ(deep.activations[0].second, 96);
  EXPECT_DOUBLE_EQ(deep.exponentials, 96 + 4);  // tanh and the softmax
  EXPECT_DOUBLE_EQ(deep.updates, 9 * 16 + 5 * 17 * 16 + 17 * 4);
  const BenchWork seed = work(workload_named("seed"));
  EXPECT_DOUBLE_EQ(seed.exponentials, 0);
  EXPECT_DOUBLE_EQ(seed.updates, 13);
}

TEST(Workload, KeepsTheSizesOfTheEvidenceOnAGpu) {
  const auto size = [](const char* name) { return workload_named(name).size_on_gpu; };
  EXPECT_EQ(size("seed").n_networks, 1'000'000U);
  EXPECT_EQ(size("seed").n_rows, 1024U);
  EXPECT_EQ(size("letters").n_networks, 4096U);
  EXPECT_EQ(size("letters").n_rows, 20'000U);
  EXPECT_EQ(size("widths").n_networks, 10'000U);
  EXPECT_EQ(size("widths").n_rows, 10'000U);
  EXPECT_EQ(size("fashion").n_networks, 1U);
  EXPECT_EQ(size("fashion").n_rows, 60'000U);
}

TEST(Workload, HasASolverOfItsOwn) {
  EXPECT_EQ(trial(workload_named("deep"), 3).hyperparameters.solver, Solver::adam);
  EXPECT_EQ(trial(workload_named("letters"), 3).hyperparameters.solver, Solver::sgd);
}

TEST(Workload, NamesTheNearestOfAnUnknownOne) {
  try {
    static_cast<void>(workload_named("widht"));
    FAIL() << "it was found";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "workload: there is no 'widht'; did you mean 'widths'?");
  }
}

TEST(Placement, PutsNetworksOfOneKindSideBySide) {
  Workload widths = workload_named("widths");
  widths.size = {303, 8, 1};
  const std::vector<std::uint32_t> members{302, 0, 1, 300, 2};
  const Placement placement(widths, members, Company::its_kind);
  EXPECT_EQ(std::vector(placement.networks().begin(), placement.networks().end()),
            (std::vector<std::uint32_t>{0, 300, 1, 302, 2}));
}

}  // namespace
}  // namespace shoal::bench
