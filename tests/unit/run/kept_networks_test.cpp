#include "run/kept_networks.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace shoal::run {
namespace {

TEST(KeptNetworks, KeepTheBestAndForgetTheWorst) {
  KeptNetworks kept(2, true);
  EXPECT_TRUE(kept.offer("a", 0.5).keep);
  EXPECT_TRUE(kept.offer("b", 0.7).keep);
  const KeptNetworks::Decision better = kept.offer("c", 0.6);
  EXPECT_TRUE(better.keep);
  EXPECT_EQ(better.forget, "a");
  const KeptNetworks::Decision worse = kept.offer("d", 0.1);
  EXPECT_FALSE(worse.keep);
  EXPECT_EQ(worse.forget, "");
  EXPECT_EQ(kept.best(), "b");
}

TEST(KeptNetworks, PreferTheSmallerIdAmongEquals) {
  KeptNetworks first(1, false);
  EXPECT_TRUE(first.offer("a", 1).keep);
  EXPECT_FALSE(first.offer("b", 1).keep);
  KeptNetworks last(1, false);
  EXPECT_TRUE(last.offer("b", 1).keep);
  EXPECT_EQ(last.offer("a", 1).forget, "b");
  EXPECT_EQ(last.best(), "a");
}

TEST(KeptNetworks, NeverKeepWhatIsNotFinite) {
  KeptNetworks kept(2, true);
  EXPECT_FALSE(kept.offer("a", std::numeric_limits<double>::quiet_NaN()).keep);
  EXPECT_FALSE(kept.offer("b", std::numeric_limits<double>::infinity()).keep);
  EXPECT_EQ(kept.best(), "");
}

TEST(KeptNetworks, PreferEveryNetworkThatRanToItsEndToOneThatARungEnded) {
  KeptNetworks kept(2, false);
  EXPECT_TRUE(kept.offer("a", 1, true).keep);
  EXPECT_TRUE(kept.offer("b", 2, true).keep);
  EXPECT_EQ(kept.offer("c", 9).forget, "b");
  EXPECT_EQ(kept.best(), "c");
  EXPECT_EQ(kept.offer("d", 10).forget, "a");
}

TEST(KeptNetworks, ReplaceANetworkThatComesAgain) {
  KeptNetworks kept(2, false);
  kept.offer("a", 1);
  kept.offer("b", 2);
  const KeptNetworks::Decision again = kept.offer("a", 1);
  EXPECT_TRUE(again.keep);
  EXPECT_EQ(again.forget, "");
}

TEST(KeptNetworks, AlwaysKeepTheWinner) {
  KeptNetworks kept(0, false);
  EXPECT_TRUE(kept.offer("a", 1).keep);
}

}  // namespace
}  // namespace shoal::run
