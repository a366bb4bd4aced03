// Engine cublas against the reference, within derived bounds; over the emulated device, or on a GPU.
#include <algorithm>
#include <gtest/gtest.h>
#include <utility>

#include "engine/cuda/cublas_engine.hpp"
#include "shoal/error.hpp"
#include "tests/parity/cuda/suite.hpp"
#include "verify/checks.hpp"

namespace shoal {
namespace {

TEST(SHOAL_CUDA_SUITE, CublasStaysWithinItsBoundsInEveryPrecision) {
  constexpr std::uint64_t kCases = std::max(13U / kShare, 2U);  // 13: 312 in all precisions and schedules
  const RaceWatch watch;
  for (std::uint32_t schedule = 0; schedule < kSchedules; ++schedule) {
    set_schedule(schedule);
    for (const Precision precision : {Precision::fp32, Precision::tf32, Precision::bf16}) {
      const VerifyOptions options{"cublas", kCases, schedule};
      for (const VerifyRow& row : verify::checked({"cublas", precision, make_cublas_engine}, options)) {
        EXPECT_EQ(row.n_cases, kCases) << row.check;
        EXPECT_EQ(row.n_breaches, 0U) << name(precision) << ", " << row.check << ", schedule " << schedule << ": "
                                      << row.first_breach;
      }
    }
  }
  EXPECT_EQ(n_allocations(), 0U);
  EXPECT_TRUE(!kFindsRaces || watch.n_accesses() > 1'000'000U);
}

/// The bounds are sharp: operands that are rounded more coarsely than a precision says are found.
TEST(SHOAL_CUDA_SUITE, CublasBoundsTellThePrecisionsApart) {
  const std::pair<Precision, Precision> claimed_and_true[] = {{Precision::fp32, Precision::tf32},
                                                              {Precision::tf32, Precision::bf16}};
  for (const auto& [claimed, actual] : claimed_and_true) {
    const auto make = [precision = actual](const Dataset& data, EngineOptions options) {
      options.precision = precision;
      return make_cublas_engine(data, options);
    };
    std::uint64_t n_breaches = 0;
    for (const VerifyRow& row : verify::checked({"cublas", claimed, make}, {"cublas", 8, 0}))
      n_breaches += row.n_breaches;
    EXPECT_GT(n_breaches, 0U) << name(actual) << " passed for " << name(claimed);
  }
}

TEST(SHOAL_CUDA_SUITE, CublasRefusesStrictPrecision) {
  const Dataset nothing;
  EXPECT_THROW(static_cast<void>(make_cublas_engine(nothing, {})), UnavailableError);
}

}  // namespace
}  // namespace shoal
