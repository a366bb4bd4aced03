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
