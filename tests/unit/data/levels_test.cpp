#include "data/levels.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

namespace shoal::data {
namespace {

using Codes = std::vector<std::uint32_t>;
using Texts = std::vector<std::string>;

TEST(Levels, SortNumbersAsNumbersWithTheMissingOneFirst) {
  Column column;
  column.numbers = {10, 9, std::numeric_limits<double>::quiet_NaN(), 9.5, 10, -0.0, 0.0};
  const Levels levels = levels_of(column);
  EXPECT_EQ(levels.texts, (Texts{"", "-0", "9", "9.5", "10"}));
  EXPECT_EQ(levels.codes, (Codes{4, 2, 0, 3, 4, 1, 1}));
}

TEST(Levels, WriteWholeNumbersWithoutAnExponent) {
  Column column;
  column.numbers = {9e18, 1e16, -3e17, 1e19};
  EXPECT_EQ(levels_of(column).texts,
            (Texts{"-300000000000000000", "10000000000000000", "9000000000000000000", "1e+19"}));
}

TEST(Levels, KeepNumbersApartThatAreEqualAsDoubles) {
  Column column;
  column.numbers = {9007199254740992, 9, 9007199254740992, std::numeric_limits<double>::quiet_NaN(), 10};
  column.words = {"9007199254740993", "9", "9007199254740992", "", "10"};
  column.codes = {0, 1, 2, 3, 4};
  const Levels levels = levels_of(column);
  EXPECT_EQ(levels.texts, (Texts{"", "9", "10", "9007199254740992", "9007199254740993"}));
  EXPECT_EQ(levels.codes, (Codes{4, 1, 3, 0, 2}));
}

TEST(Levels, SortTextsBytewise) {
  Column column;
  column.words = {"b", "", "a", "B"};
  column.codes = {0, 1, 2, 3, 0};
  const Levels levels = levels_of(column);
  EXPECT_EQ(levels.texts, (Texts{"", "B", "a", "b"}));
  EXPECT_EQ(levels.codes, (Codes{3, 0, 2, 1, 3}));
}

}  // namespace
}  // namespace shoal::data
