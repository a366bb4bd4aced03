#include "data/table.hpp"

#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <string>
#include <vector>

#include "table_folder.hpp"

namespace shoal::data {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;

Names names_of(const Table& table) {
  Names names;
  for (const Column& column : table.columns) names.push_back(column.name);
  return names;
}

Names texts_of(const Column& column) {
  Names texts;
  for (std::size_t row = 0; row < column.codes.size(); ++row) texts.push_back(column.text(row));
  return texts;
}

TEST(CsvReader, KeepsSeparatorsNewlinesAndQuotesInsideQuotes) {
  const Table table = read_csv("t,y\n\"a,b\",1\n\"c\nd\",2\n\"e\"\"f\",3\n", "t.csv");
  EXPECT_EQ(texts_of(table.columns[0]), (Names{"a,b", "c\nd", "e\"f"}));
  EXPECT_EQ(table.columns[1].numbers, (Numbers{1, 2, 3}));
  EXPECT_EQ(table.lines, (std::vector<std::uint32_t>{2, 3, 5}));
}

TEST(CsvReader, TakesByteOrderMarkCarriageReturnsBlankLinesAndNoLastNewline) {
  const Table table = read_csv(
      "\xEF\xBB\xBF\r\n"
      "a,b\r\n\r\n1,2\r\n3,4",
      "t.csv");
  EXPECT_EQ(names_of(table), (Names{"a", "b"}));
  EXPECT_EQ(table.columns[1].numbers, (Numbers{2, 4}));
  EXPECT_EQ(table.lines, (std::vector<std::uint32_t>{4, 5}));
}

TEST(CsvReader, FindsTheSeparator) {
  EXPECT_EQ(names_of(read_csv("a;b\n1;2\n", "t")), (Names{"a", "b"}));
  EXPECT_EQ(names_of(read_csv("a\tb\n1\t2\n", "t")), (Names{"a", "b"}));
  EXPECT_EQ(names_of(read_csv("\n\n\"a;b\",c\n1,2\n", "t")), (Names{"a;b", "c"}));
}

TEST(CsvReader, ReadsDecimalCommasWhereSemicolonsSeparate) {
  EXPECT_EQ(read_csv("a;b\n1,5;2\n-0,25;3e1\n", "t").columns[0].numbers, (Numbers{1.5, -0.25}));
}

TEST(CsvReader, TellsAHeaderFromARow) {
  EXPECT_EQ(names_of(read_csv("1,2\n3,4\n", "t")), (Names{"V1", "V2"}));
  EXPECT_EQ(read_csv("1,2\n3,4\n", "t").n_rows, 2U);
  EXPECT_EQ(read_csv("5.1,setosa\n4.9,virginica\n", "t").n_rows, 2U);
  EXPECT_EQ(names_of(read_csv("id,2019\n7,0.5\n", "t")), (Names{"id", "2019"}));
  EXPECT_EQ(names_of(read_csv("colour,shape\nred,round\n", "t")), (Names{"colour", "shape"}));
  EXPECT_EQ(names_of(read_csv(",a\n0,1\n", "t")), (Names{"V1", "a"}));
  EXPECT_EQ(read_csv("5.1,setosa", "t").n_rows, 1U);
}

TEST(CsvReader, KnowsTheWordsForAMissingValue) {
  const Table table = read_csv("a,t\n,x\nNA,?\nNaN,null\n N/A ,y\n+2,z\n", "t");
  for (std::size_t row = 0; row < 4; ++row) EXPECT_TRUE(std::isnan(table.columns[0].numbers[row])) << row;
  EXPECT_EQ(table.columns[0].numbers[4], 2);
  EXPECT_EQ(texts_of(table.columns[1]), (Names{"x", "", "", "y", "z"}));
}

TEST(CsvReader, WritesNumbersAlikeBeforeAndAfterTheTextInTheirColumn) {
  EXPECT_EQ(texts_of(read_csv("t,y\n01,1\nNA,1\na,1\n01,1\n-0,1\n", "t").columns[0]), (Names{"1", "", "a", "1", "0"}));
}

TEST(CsvReader, RoundsSmallNumbersToZero) {
  EXPECT_EQ(read_csv("a,b\n1e-999,1\n", "t").columns[0].numbers, (Numbers{0}));
}

TEST(NpyReader, ReadsTypesOrdersVersionsAndGzip) {
  const Table f8 = read_table(test::good_table("f8.npy"));
  EXPECT_EQ(f8.columns[0].numbers, (Numbers{1.5, 3, 5.25}));
  EXPECT_EQ(f8.columns[1].numbers, (Numbers{-2, 4, 6}));
  const Table fortran = read_table(test::good_table("f4_fortran_big.npy"));
  EXPECT_EQ(fortran.columns[0].numbers, f8.columns[0].numbers);
  EXPECT_EQ(fortran.columns[1].numbers, f8.columns[1].numbers);
  EXPECT_EQ(read_table(test::good_table("i2_v3.npy.gz")).columns[1].numbers, (Numbers{-2, 4, 6}));
  EXPECT_EQ(read_table(test::good_table("bool.npy")).columns[0].numbers, (Numbers{1, 0, 1}));
  EXPECT_EQ(read_table(test::good_table("one_dimension.npy")).columns[0].numbers, (Numbers{7, 8, 9}));
}

TEST(IdxReader, ReadsImagesWithTheLabelsBesideThem) {
  const Table table = read_table(test::good_table("tiny-images-idx3-ubyte.gz"));
  EXPECT_EQ(table.columns[0].numbers, (Numbers{0, 10, 30, 50}));
  EXPECT_EQ(table.columns[1].numbers, (Numbers{255, 20, 40, 60}));
  EXPECT_EQ(table.idx_labels, (std::vector<std::int32_t>{3, 9, 3, 9}));
  EXPECT_EQ(read_table(std::string(SHOAL_SOURCE_DIR) + "/tests/data/broken/alone-images-idx3-ubyte").n_rows, 2U);
}

TEST(TableHash, ChangesWithEveryByte) {
  const test::TableFolder folder;
  const std::string text = "a,b\n1,2\n3,4\n";
  const std::uint64_t hash = read_table(folder.write("a.csv", text)).hash;
  EXPECT_EQ(read_table(folder.write("b.csv", text)).hash, hash);
  for (const std::size_t at : {4U, 6U, 8U, 10U}) {
    std::string other = text;
    other[at] = '9';
    EXPECT_NE(read_table(folder.write("c.csv", other)).hash, hash) << at;
  }
}

}  // namespace
}  // namespace shoal::data
