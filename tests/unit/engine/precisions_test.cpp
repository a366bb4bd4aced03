#include <algorithm>
#include <gtest/gtest.h>

#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "tests/support/random_trials.hpp"

namespace shoal {
namespace {

TEST(Engines, RefuseAPrecisionThatTheyDoNotList) {
  testing::Random random(3);
  const Dataset data = testing::random_dataset(random, Task::regression, 20, 2, 1);
  for (const EngineInfo& info : engines()) {
    if (!info.available) continue;
    for (const Precision precision : {Precision::strict, Precision::fp32, Precision::tf32, Precision::bf16}) {
      if (std::ranges::find(info.precisions, precision) != info.precisions.end()) continue;
      EXPECT_THROW(static_cast<void>(make_engine(info.name, data, {.precision = precision})), UnavailableError)
          << info.name << ", " << name(precision);
    }
  }
}

}  // namespace
}  // namespace shoal
