#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/table.hpp"

namespace shoal::data {
namespace {

using Names = std::vector<std::string>;

/// The names of the columns; empty where the first record is a row.
Names header_of(const std::string& text, const Names& known = {}) {
  const Table table = read_csv(text, "t", {.known = known});
  Names names;
  if (!table.has_header) return names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

TEST(CsvHeader, IsTextOverNumbers) {
  EXPECT_EQ(header_of("id,2019\n7,0.5\n8,0.25\n"), (Names{"id", "2019"}));
  EXPECT_EQ(header_of("a,b\n,\n1,x\n"), (Names{"a", "b"}));
  EXPECT_EQ(header_of("age,b\n1,x\nunknown,y\n3,x\n"), (Names{"age", "b"}));
}

TEST(CsvHeader, IsAYearOverOtherNumbers) {
  EXPECT_EQ(header_of("country,2019\nFR,1\nDE,2\n"), (Names{"country", "2019"}));
  EXPECT_EQ(header_of("name,2019,2020\na,1.5,2\nb,2.5,3\n"), (Names{"name", "2019", "2020"}));
  EXPECT_EQ(header_of("2018,2019,2020\n1.5,2,3\n2,4,5\n"), (Names{"2018", "2019", "2020"}));
}

TEST(CsvHeader, IsNoRowOfNumbers) {
  EXPECT_EQ(header_of("1,2,3\n4,5,6\n"), Names{});
  EXPECT_EQ(header_of("0,1,2\n3,4,5\n"), Names{});
  EXPECT_EQ(header_of("2018,2019\n1990,1991\n"), Names{});   // years below as well
  EXPECT_EQ(header_of("2019,2018,2020\n1,2,3\n"), Names{});  // neither rising nor falling
  EXPECT_EQ(header_of("2000,x\n1990,y\n"), Names{});
  EXPECT_EQ(header_of("1,Alice\n2,Bob\n"), Names{});
}

TEST(CsvHeader, IsNoRowWhoseTextsOccurAgain) {
  EXPECT_EQ(header_of("5.1,setosa\n4.9,setosa\n"), Names{});
  EXPECT_EQ(header_of("p,x,s\ne,x,s\ne,b,y\np,x,y\n"), Names{});
  EXPECT_EQ(header_of("red,3\nblue,4\nred,2001\n"), Names{});
  EXPECT_EQ(header_of("word,count\nthe,9\nword,3\n"), (Names{"word", "count"}));  // one name that is a word too
}

TEST(CsvHeader, IsARowOfTextsOverTexts) {
  EXPECT_EQ(header_of("colour,shape\nred,round\nblue,round\n"), (Names{"colour", "shape"}));
  EXPECT_EQ(header_of("colour,NA\nred,round\n"), (Names{"colour", "NA"}));
}

TEST(CsvHeader, IsWhatPandasWritesForRowsWithoutNames) {
  EXPECT_EQ(header_of(",0,1,2\n0,1.5,2,3\n1,3,4,5\n"), (Names{"V1", "0", "1", "2"}));
  EXPECT_EQ(header_of(",0,1,3\n0,1.5,2,3\n1,3,4,5\n"), Names{});
}

TEST(CsvHeader, IsKnownByTheNamesOfAnotherTable) {
  EXPECT_EQ(header_of("1,a\n2,a\n", {"1", "a"}), (Names{"1", "a"}));
  EXPECT_EQ(header_of("colour,shape\n", {"V1", "V2"}), Names{});  // the other table has no header
  EXPECT_EQ(header_of("red,round\nblue,round\n", {"colour", "shape"}), Names{});
  EXPECT_EQ(header_of("x,y\n1,2\n", {"V1", "V2"}), (Names{"x", "y"}));
  EXPECT_EQ(header_of("V1,V2\na,b\n", {"V1", "V2"}), (Names{"V1", "V2"}));
}

TEST(CsvHeader, IsNumbersInOrderAndATextOverTextsThatRepeat) {
  EXPECT_EQ(header_of("400.1,400.2,label\n1,2,A\n3,1,B\n5,2,B\n2,2,A\n"), (Names{"400.1", "400.2", "label"}));
  EXPECT_EQ(header_of(",0,1,label\n0,5,2,A\n1,3,4,A\n"), (Names{"V1", "0", "1", "label"}));
  EXPECT_EQ(header_of(",0,1,label\n0,5,2,A\n1,3,4,B\n"), (Names{"V1", "0", "1", "label"}));  // as pandas writes it
  EXPECT_EQ(header_of("25,18,C\n1,2,A\n3,1,B\n5,2,B\n"), Names{});                           // A is as rare as C
  EXPECT_EQ(header_of("400.1,400.2,B\n1,2,A\n3,1,B\n5,2,B\n2,2,A\n"), Names{});              // a class
  EXPECT_EQ(header_of("5,1,7,label\n1,2,3,A\n3,1,3,A\n"), Names{});                          // in no order
  EXPECT_EQ(header_of("1,Alice\n2,Bob\n3,Bob\n"), Names{});
}

TEST(CsvHeader, IsARecordWithANameOfTheSweepFile) {
  const auto has_header = [](const std::string& text, const std::vector<ColumnName>& named) {
    return read_csv(text, "t", {.named = named}).has_header;
  };
  EXPECT_TRUE(has_header("0,1,2\n3,4,5\n", {"2"}));
  EXPECT_FALSE(has_header("0,1,2\n3,4,5\n", {"3"}));
  EXPECT_TRUE(has_header("7,label\n3,A\n4,B\n", {"x", "label"}));
  EXPECT_FALSE(has_header("0,1,2\n3,4,5\n", {std::int64_t{2}, std::int64_t{-1}}));  // places
  EXPECT_TRUE(has_header("400,401,402\n3,4,5\n", {std::int64_t{402}}));
}

TEST(CsvHeader, IsWhatTheUserSays) {
  const Table named = read_csv("1,2\n3,4\n", "t", {.has_header = true});
  EXPECT_EQ(named.columns[1].name, "2");
  EXPECT_EQ(named.n_rows, 1U);
  const Table bare = read_csv("a,b\nc,d\n", "t", {.has_header = false});
  EXPECT_EQ(bare.columns[1].name, "V2");
  EXPECT_EQ(bare.n_rows, 2U);
}

TEST(CsvHeader, IsToldInTheNotes) {
  EXPECT_EQ(read_csv("a,b\n1,2\n", "t").notes, (Names{"line 1 is the header"}));
  EXPECT_EQ(read_csv("\n,,\na,b,c\n1,2,3\n", "t").notes, (Names{"line 3 is the header"}));
  EXPECT_EQ(read_csv("1,2\n3,4\n", "t").notes, (Names{"no header: line 1 is a row, and columns are named V1 to V2"}));
}

TEST(CsvHeader, NamesBlankCellsAsNoOtherColumnIsNamed) {
  EXPECT_EQ(header_of("V2,,y\n1,2,3\n"), (Names{"V2", "V2_", "y"}));
}

}  // namespace
}  // namespace shoal::data
