#include "cli/text.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "cli/arguments.hpp"

namespace shoal::cli {
namespace {

TEST(Si, KeepsThreeDigitsAndPicksTheSuffixAfterRounding) {
  EXPECT_EQ(si(0), "0");
  EXPECT_EQ(si(0.5), "0.50");
  EXPECT_EQ(si(950), "950");
  EXPECT_EQ(si(999.4), "999");
  EXPECT_EQ(si(999.6), "1.00k");
  EXPECT_EQ(si(1234), "1.23k");
  EXPECT_EQ(si(9996), "10.0k");
  EXPECT_EQ(si(45600000), "45.6M");
  EXPECT_EQ(si(999600000), "1.00G");
  EXPECT_EQ(si(1.2e12), "1.20T");
  EXPECT_EQ(si(std::nan("")), "-");
}

TEST(Bytes, CountsIn1024) {
  EXPECT_EQ(bytes(0), "0 B");
  EXPECT_EQ(bytes(1023), "1023 B");
  EXPECT_EQ(bytes(1536), "1.5 KiB");
  EXPECT_EQ(bytes(1048575), "1.0 MiB");
  EXPECT_EQ(bytes(2147483648), "2.0 GiB");
}

TEST(Duration, ShowsTwoUnits) {
  EXPECT_EQ(duration(0), "0.0 s");
  EXPECT_EQ(duration(-1), "0.0 s");
  EXPECT_EQ(duration(1e-9), "1 ms");
  EXPECT_EQ(duration(0.0342), "35 ms");
  EXPECT_EQ(duration(0.0999), "0.1 s");
  EXPECT_EQ(duration(0.44), "0.4 s");
  EXPECT_EQ(duration(9.96), "10 s");
  EXPECT_EQ(duration(59.4), "59 s");
  EXPECT_EQ(duration(59.6), "1m 00s");
  EXPECT_EQ(duration(72), "1m 12s");
  EXPECT_EQ(duration(3599.7), "1h 00m");
  EXPECT_EQ(duration(7500), "2h 05m");
  EXPECT_EQ(duration(273600), "3d 04h");
  EXPECT_EQ(duration(std::nan("")), "-");
}

TEST(MetricText, KeepsFiveDigits) {
  EXPECT_EQ(metric_text(0.934217), "0.93422");
  EXPECT_EQ(metric_text(1e-7), "1e-07");
  EXPECT_EQ(metric_text(std::nan("")), "-");
}

TEST(Counted, KnowsOneFromMany) {
  EXPECT_EQ(counted(1, "trial"), "1 trial");
  EXPECT_EQ(counted(0, "trial"), "0 trials");
}

TEST(DisplayWidth, CountsCharactersNotBytes) { EXPECT_EQ(display_width("a━é"), 3U); }

TEST(DisplayWidth, LeavesOutColours) { EXPECT_EQ(display_width("\x1b[36m━━\x1b[90m─\x1b[0m 9"), 5U); }

TEST(LinesOf, AreThoseBetweenTheEnds) {
  using Lines = std::vector<std::string>;
  EXPECT_EQ(lines_of(""), Lines{});
  EXPECT_EQ(lines_of("a\n\nbc"), (Lines{"a", "", "bc"}));
  EXPECT_EQ(lines_of("a\n"), Lines{"a"});
}

TEST(RowsOf, CountsRowsOfLinesThatWrap) {
  EXPECT_EQ(rows_of("", 10), 0U);
  EXPECT_EQ(rows_of("ten digits\n\n\x1b[36m━━━━━━━━━━━\x1b[39m", 10), 4U);
  EXPECT_EQ(rows_of("abc", 0), 3U);
}

TEST(Clipped, KeepsWholeCharacters) {
  EXPECT_EQ(clipped("a━éz", 3), "a━é");
  EXPECT_EQ(clipped("a━éz", 4), "a━éz");
  EXPECT_EQ(clipped("abc", 9), "abc");
  EXPECT_EQ(clipped("abc", 0), "");
}

TEST(DidYouMean, NamesTheNearestOrNothing) {
  const std::vector<std::string> known{"sweep", "plan", "top"};
  EXPECT_EQ(did_you_mean("swep", known), "; did you mean 'sweep'?");
  EXPECT_EQ(did_you_mean("pl", known), "; did you mean 'plan'?");
  EXPECT_EQ(did_you_mean("xyzzy", known), "");
}

TEST(ShellQuoted, QuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(shell_quoted("runs/a-1"), "runs/a-1");
  EXPECT_EQ(shell_quoted("parameters.alpha=[0, 1]"), "'parameters.alpha=[0, 1]'");
  EXPECT_EQ(shell_quoted("it's"), "'it'\\''s'");
  EXPECT_EQ(shell_quoted(""), "''");
}

}  // namespace
}  // namespace shoal::cli
