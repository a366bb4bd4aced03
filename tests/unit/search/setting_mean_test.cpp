#include "search/setting_mean.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>

namespace shoal::search {
namespace {

TEST(SettingMean, DoesNotDependOnTheOrderOfASum) {
  const double forwards = (0.1 + 0.2) + 0.3;
  const double backwards = 0.1 + (0.2 + 0.3);
  ASSERT_NE(forwards / 3, backwards / 3);
  EXPECT_EQ(mean(forwards, 3), 0.2);
  EXPECT_EQ(mean(backwards, 3), 0.2);
}

TEST(SettingMean, HasTwelveDigitsOfAnySize) {
  EXPECT_EQ(mean(2, 3), 0.666666666667);
  EXPECT_EQ(mean(-2e-300, 3), -6.66666666667e-301);
  EXPECT_EQ(mean(36, 3), 12);
  EXPECT_EQ(mean(0, 5), 0);
}

TEST(SettingMean, LeavesWhatIsNotFinite) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  EXPECT_EQ(mean(kInfinity, 2), kInfinity);
  EXPECT_TRUE(std::isnan(mean(std::nan(""), 2)));
}

}  // namespace
}  // namespace shoal::search
