#include "bench/check.hpp"

#include <gtest/gtest.h>
#include <numeric>

namespace shoal::bench {
namespace {

/// A workload of `n_networks` over 96 rows.
Workload small(const char* name, std::uint32_t n_networks) {
  Workload workload = workload_named(name);
  workload.size = {n_networks, 96, 1};
  return workload;
}

Placement all_of(const Workload& workload) {
  std::vector<std::uint32_t> members(workload.size.n_networks);
  std::iota(members.begin(), members.end(), 0U);
  return {workload, members, Company::its_kind};
}

/// What the check says of networks of `trained` where those of `workload` are wanted.
BenchCheck checked(const Workload& workload, const Workload& trained, Precision precision) {
  const Dataset data = table(workload);
  const std::unique_ptr<Engine> engine = make_engine("cpu", data, {.metric = Metric::train_loss});
  return check_against_cpu(workload, data, precision, *engine, all_of(trained), {});
}

TEST(Check, FindsNothingWrongInWhatIsRight) {
  for (const char* name : {"seed", "deep", "widths", "letters", "fashion"}) {
    const Workload workload = small(name, 40);
    const BenchCheck bits = checked(workload, workload, Precision::strict);
    EXPECT_EQ(bits.n_wrong, 0U) << name;
    EXPECT_GE(bits.n_networks, 1U) << name;
    EXPECT_EQ(bits.worst_error, 0) << name;
    EXPECT_EQ(checked(workload, workload, Precision::bf16).n_wrong, 0U) << name;
    const BenchCheck against_reference = check_against_reference(workload, {});
    EXPECT_EQ(against_reference.n_wrong, 0U) << name << against_reference.worst_error;
    EXPECT_GE(against_reference.n_networks, 1U) << name;
    EXPECT_GT(against_reference.worst_error, 0) << name << ": double gives the bits of float";
  }
}

TEST(Check, FindsRatesThatAreALittleOff) {
  const Workload workload = small("letters", 40);
  Workload other = workload;
  other.lowest_rate *= 1 + 1e-6;
  other.highest_rate *= 1 + 1e-6;
  const BenchCheck bits = checked(workload, other, Precision::strict);
  EXPECT_EQ(bits.n_wrong, bits.n_networks);
}

TEST(Check, FindsALossThatIsBeyondAPrecision) {
  const Workload workload = small("letters", 40);
  Workload other = workload;
  other.lowest_rate *= 3;
  other.highest_rate *= 3;
  EXPECT_GT(checked(workload, other, Precision::fp32).n_wrong, 0U);
}

}  // namespace
}  // namespace shoal::bench
