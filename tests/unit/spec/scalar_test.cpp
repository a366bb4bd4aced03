#include "spec/scalar.hpp"

#include <gtest/gtest.h>

namespace shoal::spec {
namespace {

TEST(Scalar, TakesNumbersInEveryNotation) {
  EXPECT_EQ(number_in("1e-4"), 0.0001);
  EXPECT_EQ(number_in("+3"), 3.0);
  EXPECT_EQ(number_in(".5"), 0.5);
  EXPECT_FALSE(number_in("nan"));
  EXPECT_FALSE(number_in("inf"));
  EXPECT_FALSE(number_in("1e999"));
  EXPECT_FALSE(number_in("3 "));
  EXPECT_FALSE(number_in("+-3"));
  EXPECT_EQ(whole_number_in("1e3"), 1000);
  EXPECT_EQ(whole_number_in("32.0"), 32);
  EXPECT_FALSE(whole_number_in("2.5"));
}

TEST(Scalar, TakesBytesWithUnits) {
  EXPECT_EQ(bytes_in("2GiB"), 2147483648U);
  EXPECT_EQ(bytes_in("500MB"), 500000000U);
  EXPECT_EQ(bytes_in("1.5 kib"), 1536U);
  EXPECT_EQ(bytes_in("1000"), 1000U);
  EXPECT_FALSE(bytes_in("0"));
  EXPECT_FALSE(bytes_in("-1GB"));
  EXPECT_FALSE(bytes_in("GB"));
  EXPECT_FALSE(bytes_in("3 gigs"));
  EXPECT_FALSE(bytes_in("1e300TB"));
}

TEST(Scalar, WritesTheShortestExactNumber) {
  EXPECT_EQ(number_text(0.001), "0.001");
  EXPECT_EQ(number_text(0.1 + 0.2), "0.30000000000000004");
  EXPECT_EQ(number_text(-0.0), "0");
}

}  // namespace
}  // namespace shoal::spec
