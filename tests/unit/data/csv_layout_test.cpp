#include <cmath>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {
namespace {

using Names = std::vector<std::string>;
using Numbers = std::vector<double>;
using Lines = std::vector<std::uint32_t>;

std::string refusal_of_text(const std::string& text) {
  try {
    (void)read_csv(text, "t");
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(CsvLayout, CountsLinesThatEndWithCarriageReturnsAlone) {
  const Table table = read_csv("a,b\r1,2\r\r\"3\",4\r5,6", "t");
  EXPECT_EQ(table.columns[0].numbers, (Numbers{1, 3, 5}));
  EXPECT_EQ(table.lines, (Lines{2, 4, 5}));
  EXPECT_EQ(refusal_of_text("a,b\r1,2\r3,4\r5\r"), "t:4: has 1 cell where the table has 2 columns");
  EXPECT_EQ(read_csv("a,b\r\n1,2\r3,4\n5,6\r\n", "t").lines, (Lines{2, 3, 4}));  // and where all three are mixed
}

TEST(CsvLayout, CountsLinesInsideQuotesWhateverEndsThem) {
  for (const std::string& end : Names{"\n", "\r\n", "\r"}) {
    const Table table = read_csv("t,y" + end + "\"a" + end + "b\",1" + end + "c,2" + end + "\"d\",3" + end, "t");
    EXPECT_EQ(table.lines, (Lines{2, 4, 5}));
    EXPECT_EQ(table.columns[0].text(0), "a" + end + "b");
    EXPECT_EQ(table.columns[1].numbers, (Numbers{1, 2, 3}));
  }
}

TEST(CsvLayout, ReadsLinesWithAndWithoutQuotesAlike) {
  const Table table = read_csv("\"a\",b\n 1 , x \n\"2\", \"x\" \n3,\"\"\n\"NA\",y\n", "t");
  EXPECT_EQ(table.columns[0].name, "a");
  EXPECT_EQ(table.columns[0].numbers[1], 2);
  EXPECT_TRUE(std::isnan(table.columns[0].numbers[3]));
  EXPECT_EQ(table.columns[1].codes, (Lines{0, 0, 1, 2}));
  EXPECT_EQ(table.columns[1].words, (Names{"x", "", "y"}));
}

TEST(CsvLayout, LeavesOutWhatSpreadsheetsAddAtTheRight) {
  const Table named = read_csv("a,y,,\n1,2,,\n3,4,,\n", "t");
  ASSERT_EQ(named.columns.size(), 2U);
  EXPECT_EQ(named.columns[1].name, "y");
  EXPECT_EQ(named.notes[1], "left out for having neither name nor cells: column 3, 4");
  const Table rows = read_csv("a,y\n1,2,\n3,4,\n", "t");
  EXPECT_EQ(rows.columns[1].numbers, (Numbers{2, 4}));
  const Table bare = read_csv("1,2,\n3,4,\n", "t");
  EXPECT_EQ(bare.columns.size(), 2U);
  EXPECT_EQ(refusal_of_text("a,y\n1,2\n3,4,\n5,6\n"), "t:3: has 3 cells where the table has 2 columns");
  EXPECT_EQ(read_csv("a,,y\n1,,2\n3,5,4\n", "t").columns.size(), 3U);  // a column without a name that holds something
}

TEST(CsvLayout, LeavesOutRowsOfSeparatorsAtTheEndOnly) {
  const Table table = read_csv("a,y\n1,2\n,\n3,4\n,\n,\n", "t");
  EXPECT_EQ(table.n_rows, 3U);
  EXPECT_TRUE(std::isnan(table.columns[0].numbers[1]));
  EXPECT_EQ(table.lines, (Lines{2, 3, 4}));
  EXPECT_EQ(table.notes[1], "left out: 2 rows without any cell at the end, from line 5");
}

TEST(CsvLayout, ChoosesTheSeparatorThatTwoRecordsShare) {
  EXPECT_EQ(read_csv("a,b;c,d\n1,2,3\n", "t").columns[1].name, "b;c");
  EXPECT_EQ(read_csv("a,5;b\n1,5;2,5\n", "t").columns.size(), 2U);
  EXPECT_EQ(read_csv("a\tb,c\n1\t2\n", "t").columns[1].name, "b,c");
  EXPECT_EQ(read_csv("a\tb\n\t1\n2\t3\n", "t").n_rows, 2U);
  EXPECT_EQ(read_csv("\xEF\xBB\xBF"
                     "a;b\r\n1,5;2\r\n",
                     "t")
                .columns[0]
                .numbers,
            (Numbers{1.5}));
}

TEST(CsvLayout, TakesTheSeparatorThatExcelNames) {
  const Table table = read_csv("sep=;\r\na;b\r\n1,5;2\r\n", "t");
  EXPECT_EQ(table.columns[0].name, "a");
  EXPECT_EQ(table.columns[0].numbers, Numbers{1.5});
  EXPECT_EQ(table.lines, Lines{3});
  EXPECT_EQ(read_csv("sep=,\na;,b;\n1,2\n", "t").columns[0].name, "a;");
  EXPECT_EQ(read_csv("sep=x\nsep=y\n", "t").n_rows, 1U);  // a column of words
  EXPECT_EQ(read_csv("a|b\n1|2\n", "t").columns[1].numbers, Numbers{2});
  EXPECT_EQ(read_csv("a|b,c\n1|2,3\n", "t").columns[0].name, "a|b");
}

TEST(CsvLayout, TakesWhatIsTooSmallForADoubleForZero) {
  const std::string tiny = "0." + std::string(400, '0') + "1";
  EXPECT_EQ(read_csv("a\n" + tiny + "\n1e-400\n-1e-400\n", "t").columns[0].numbers, (Numbers{0, 0, 0}));
  EXPECT_NE(refusal_of_text("a\n1" + std::string(400, '0') + "\n").find("is not a finite number"), std::string::npos);
}

TEST(CsvLayout, NotesTextAmongNumbers) {
  const Table table = read_csv("a,b\n1,x\nn.a.,1\n3,y\n", "t");
  EXPECT_EQ(table.notes, (Names{"line 1 is the header",
                                "column 'a' holds mostly numbers and counts as text: 'n.a.' in line 3 is none"}));
  EXPECT_EQ(read_csv("?,5\noops,1\n2,6\n3,5\n", "t").columns[0].words.size(), 4U);
}

TEST(CsvLayout, NotesNumbersInASpreadsheetsDress) {
  const auto last_note = [](const std::string& text) { return read_csv(text, "t").notes.back(); };
  EXPECT_EQ(last_note("a;b\n1.034,50;1\n2.500,00;2\n"),
            "column 'a' counts as text: '1.034,50' in line 2 is no number; write it without separators of thousands, "
            "currency and %, all decimals with the same mark");
  for (const std::string cell : {"\"1,000\"", "1 234 567",
                                 "1\xC2\xA0"
                                 "234",
                                 "1'000.5", "$12.50", "-3 €", "20%", "\"1,5\""}) {
    EXPECT_NE(last_note("a,b\n" + cell + ",1\n" + cell + ",2\n").find("is no number"), std::string::npos) << cell;
  }
  for (const std::string cell : {"1.2.3", "2024-01-05", "12 rows", "A1", "10:30", "12345,678,1"}) {
    EXPECT_EQ(last_note("a;b\n" + cell + ";1\n" + cell + ";2\n"), "line 1 is the header") << cell;
  }
}

TEST(CsvLayout, TakesInfinityForAWordAmongWords) {
  EXPECT_EQ(read_csv("t,y\ninf,1\nfoot,2\n", "t").columns[0].words, (Names{"inf", "foot"}));
  EXPECT_EQ(refusal_of_text("t,y\n1,1\ninf,2\n"), "t:3: column 't': 'inf' is not a finite number");
  EXPECT_EQ(refusal_of_text("t,y\n1e400,1\n?,1\n2,2\n"), "t:2: column 't': '1e400' is not a finite number");
}

TEST(CsvLayout, TakesAWordThatCReadsAsANumberAsItIsWritten) {
  const Column above = read_csv("t,y\nInf,1\nNan,2\nfoot,3\nInf,4\n1e400,5\nNan,6\n", "t").columns[0];
  EXPECT_EQ(above.words, (Names{"Inf", "Nan", "foot", "1e400"}));
  EXPECT_EQ(above.codes, (Lines{0, 1, 2, 0, 3, 1}));
  EXPECT_EQ(read_csv("t,y\nfoot,3\nInf,4\n1e400,5\nNan,6\n", "t").columns[0].words,
            (Names{"foot", "Inf", "1e400", "Nan"}));
  EXPECT_EQ(
      read_csv("t,y\n1,1\nNan,2\n2,3\n", "t").notes,
      (Names{"line 1 is the header", "column 't' holds mostly numbers and counts as text: 'Nan' in line 3 is none"}));
}

TEST(CsvLayout, RoundsNumbersAsTheCompilerDoes) {
  const Table table = read_csv(
      "a,b\n0.1,123456789012345678\n-.5,9007199254740993\n5.,1e22\n+3,0.000000000000001\n-0.0,1.7976931348623157e308\n",
      "t");
  EXPECT_EQ(table.columns[0].numbers, (Numbers{0.1, -0.5, 5, 3, 0}));
  EXPECT_FALSE(std::signbit(table.columns[0].numbers[4]));
  EXPECT_EQ(table.columns[1].numbers,
            (Numbers{123456789012345678.0, 9007199254740992.0, 1e22, 1e-15, 1.7976931348623157e308}));
  EXPECT_EQ(read_csv("a,b\n1,123456789.123456\n1,999999999999999\n1,0.99999999999999\n", "t").columns[1].numbers,
            (Numbers{123456789.123456, 999999999999999, 0.99999999999999}));
}

TEST(CsvLayout, KeepsTheDigitsThatANumberDoesNot) {
  const Column below =
      read_csv("a,y\n7,1\n?,1\n9007199254740993,1\n+9007199254740992,1\n07,1\n9e16,1\n", "t").columns[0];
  EXPECT_FALSE(below.is_text());
  EXPECT_EQ(below.numbers[2], 9007199254740992.0);
  EXPECT_EQ(below.words, (Names{"7", "", "9007199254740993", "9007199254740992", "90000000000000000"}));
  EXPECT_EQ(below.codes, (Lines{0, 1, 2, 3, 0, 4}));
  const Column among = read_csv("a,y\n-0090071992547409931,1\n12345678901234567890123,1\nn1,1\n", "t").columns[0];
  EXPECT_TRUE(among.is_text());
  EXPECT_EQ(among.words, (Names{"-90071992547409931", "12345678901234567890123", "n1"}));
  const Column first = read_csv("9007199254740993,1\n9007199254740992,2\n", "t").columns[0];
  EXPECT_EQ(first.codes, (Lines{1, 0}));
  EXPECT_EQ(first.numbers, (Numbers{9007199254740992.0, 9007199254740992.0}));
  EXPECT_TRUE(read_csv("a,y\n0.1234567890123456789,1\n0000000000000000001,1\n", "t").columns[0].codes.empty());
}

TEST(CsvLayout, TakesNoWordForANumber) {
  const Names words{"-", ".", "-.", "+", "1.2.3", "1_000", "0x10", "1,5", "--1", "+-1", "5%", "1e"};
  for (const std::string& word : words) {
    const Table table = read_csv("t,y\n\"" + word + "\",1\n", "t");
    EXPECT_TRUE(table.columns[0].is_text()) << word;
  }
}

TEST(CsvLayout, ReadsLongLinesAndManyColumns) {
  const std::string word(3'000'000, 'x');
  EXPECT_EQ(read_csv("t,y\n" + word + ",1\n", "t").columns[0].words[0], word);
  std::string names;
  std::string cells;
  for (int c = 0; c < 50'000; ++c) {
    names += (c == 0 ? "c" : ",c") + std::to_string(c);
    cells += (c == 0 ? "" : ",") + std::to_string(c);
  }
  const Table table = read_csv(names + "\n" + cells + "\n", "t");
  ASSERT_EQ(table.columns.size(), 50'000U);
  EXPECT_EQ(table.columns[49'999].numbers, (Numbers{49'999}));
}

TEST(CsvLayout, SaysWhereAZeroByteIsAndWhatUtf16IsWithoutAMark) {
  using std::string_literals::operator""s;
  EXPECT_EQ(refusal_of_text("a,b\n1,2\n3,\0\n"s), "t:3: holds a zero byte: the file is neither text nor NPY nor IDX");
  EXPECT_EQ(refusal_of_text("a\0,\0b\0\n\0"s), "t: is UTF-16; save it as CSV UTF-8");
}

}  // namespace
}  // namespace shoal::data
