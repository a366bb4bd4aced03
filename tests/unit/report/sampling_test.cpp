#include "report/sampling.hpp"

#include <cmath>
#include <gtest/gtest.h>

namespace shoal::report {
namespace {

using Places = std::vector<std::size_t>;

TEST(Thinned, KeepsAllWhereThereAreNoMore) {
  EXPECT_EQ(thinned(3, 3), (Places{0, 1, 2}));
  EXPECT_EQ(thinned(3, 3, 2), (Places{0, 1, 2}));
  EXPECT_EQ(thinned(0, 3), Places{});
}

TEST(Thinned, SpreadsEvenlyToTheLast) {
  EXPECT_EQ(thinned(10, 5), (Places{1, 3, 5, 7, 9}));
  EXPECT_EQ(thinned(100, 4), (Places{24, 49, 74, 99}));
}

TEST(Thinned, KeepsTheFirstAndSpreadsTheOthers) { EXPECT_EQ(thinned(11, 5, 3), (Places{0, 1, 2, 6, 10})); }

TEST(Quantile, LiesBetweenNeighbours) {
  const std::vector<double> values{1, 2, 4, 8};
  EXPECT_EQ(quantile(values, 0), 1);
  EXPECT_EQ(quantile(values, 0.5), 3);
  EXPECT_EQ(quantile(values, 0.25), 1.75);  // numpy.quantile's
  EXPECT_EQ(quantile(values, 1), 8);
}

TEST(Quantile, IsNothingOfNothing) { EXPECT_TRUE(std::isnan(quantile({}, 0.5))); }

}  // namespace
}  // namespace shoal::report
