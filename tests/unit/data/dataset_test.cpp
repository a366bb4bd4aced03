#include <algorithm>
#include <cmath>
#include <filesystem>
#include <gtest/gtest.h>
#include <set>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/error.hpp"
#include "table_folder.hpp"

namespace shoal {
namespace {

using test::spec_of;
using test::TableFolder;
using Floats = std::vector<float>;
using Rows = std::vector<std::uint32_t>;
using Texts = std::vector<std::string>;

const std::filesystem::path kExamples = std::filesystem::path(SHOAL_SOURCE_DIR) / "examples/data";

TEST(LoadDataset, CentresNumbersAndSpreadsCategories) {
  const TableFolder folder;
  const Dataset d =
      load_dataset(spec_of(folder.write("t.csv", "a,c,y\n1,red,no\n3,blue,yes\n7,red,no\n5,red,yes\n")), 1);
  EXPECT_EQ(d.task(), Task::classification);
  EXPECT_EQ(d.name, "t.csv");
  EXPECT_EQ(d.preprocessing.columns[0].centre, 4);
  EXPECT_EQ(d.preprocessing.columns[1].categories, (Texts{"blue", "red"}));
  EXPECT_EQ(d.inputs, (Floats{-3, 0, 1, -1, 1, 0, 3, 0, 1, 1, 0, 1}));
  EXPECT_EQ(d.preprocessing.classes, (Texts{"no", "yes"}));
  EXPECT_EQ(d.labels, (std::vector<std::int32_t>{0, 1, 0, 1}));
  EXPECT_EQ(d.notes,
            (Texts{"t.csv: line 1 is the header", "target 'y' holds text: classification (data.task says otherwise)",
                   "class 'yes' has 2 rows, of which none validates"}));
}

TEST(LoadDataset, SaysThatTextsAreAlmostAllDifferent) {
  const TableFolder folder;
  const auto notes_of = [&](int n_texts) {
    std::string text = "size,c,y\n";
    for (int row = 0; row < 40; ++row) {
      text += "\"1," + std::to_string(100 + row % n_texts) + "\"," + std::to_string(row) + "," + std::to_string(row) +
              ".5\n";
    }
    return load_dataset(spec_of(folder.write("t.csv", text)), 1).notes;
  };
  EXPECT_EQ(
      std::ranges::count(notes_of(20),
                         "column 'size' holds 20 different texts in 40 rows, an input each; data.drop leaves it out"),
      1);
  EXPECT_EQ(notes_of(19).size() + 1, notes_of(20).size());
}

TEST(LoadDataset, SaysWhichInputsTeachNothing) {
  const TableFolder folder;
  const Dataset d = load_dataset(spec_of(folder.write("t.csv", "a,b,c,y\n3,5,no,1\n3,6,no,2\n3,6,no,3\n")), 1);
  EXPECT_EQ(d.notes[2], "column 'a' holds the same in all 3 rows, which teaches nothing; data.drop leaves it out");
  EXPECT_EQ(d.notes[3], "column 'c' holds the same in all 3 rows, which teaches nothing; data.drop leaves it out");
  EXPECT_EQ(d.notes.size(), 4U);
  std::string header, cells;
  for (int i = 0; i < 12; ++i) {
    header += "x" + std::to_string(i) + ",";
    cells += "0,";
  }
  std::string text = header + "a,y\n";
  for (int row = 0; row < 8; ++row) text += cells + std::to_string(row) + "," + std::to_string(row) + "\n";
  const Dataset many = load_dataset(spec_of(folder.write("m.csv", text)), 1);
  EXPECT_EQ(many.notes.size(), 2U + 10 + 1);
  EXPECT_EQ(many.notes.back(), "and 2 more such columns");
}

TEST(LoadDataset, KeepsSmallDifferencesOfLargeNumbers) {
  const TableFolder folder;
  const Dataset d =
      load_dataset(spec_of(folder.write("t.csv", "a,y\n1000000000.25,1\n1000000000.75,2\n1000000000.25,3\n")), 1);
  EXPECT_EQ(d.inputs, (Floats{-0.25F, 0.25F, -0.25F}));
}

TEST(LoadDataset, SortsWholeNumberClassesAsNumbers) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "y,a\n10,1\n9,2\n10,3\n-1,4\n9,5\n"));
  spec.target = {std::int64_t{-2}};
  spec.task = Task::classification;
  EXPECT_EQ(load_dataset(spec, 1).preprocessing.classes, (Texts{"-1", "9", "10"}));
}

TEST(LoadDataset, TakesSeveralTargetsDropsWeightsAndCategoricalNumbers) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "id,k,w,l1,l2\n1,3,0.5,0,1\n2,4,2,1,1\n3,3,0,1,0\n"));
  spec.target = {"l1", "l2"};
  spec.task = Task::multilabel;
  spec.drop = {"id"};
  spec.weights = "w";
  spec.categorical = std::vector<ColumnName>{"k"};
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.inputs, (Floats{1, 0, 0, 1, 1, 0}));
  EXPECT_EQ(d.targets, (Floats{0, 1, 1, 1, 1, 0}));
  EXPECT_EQ(d.weights, (Floats{0.5F, 2, 0}));
  EXPECT_EQ(d.n_targets(), 2);
  EXPECT_EQ(d.splits[0].targets.factor, (Floats{1, 1}));
}

TEST(LoadDataset, ImputesMeansOfTrainingRowsWithAnIndicator) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,c,y\n1,u,1\n?,,2\n5,v,3\n"));
  spec.validation = folder.write("v.csv", "a,c,y\n100,u,1\n");
  spec.missing = MissingPolicy::impute;
  const Dataset d = load_dataset(spec, 1);
  ASSERT_EQ(d.n_inputs(), 5);
  EXPECT_EQ(d.preprocessing.columns[1].categories, (Texts{"", "u", "v"}));
  EXPECT_TRUE(std::isnan(d.row(1)[0]));
  EXPECT_EQ(Floats(d.row(1).begin() + 1, d.row(1).end()), (Floats{1, 1, 0, 0}));
  const InputScaling& s = d.splits[0].inputs;
  EXPECT_EQ(s.offset, (Floats{0, 0, 0, 0, 0}));  // mean 3 of 1 and 5, centred by 3
  EXPECT_EQ(s.factor, (Floats{0.5F, 1, 1, 1, 1}));
  EXPECT_EQ(s.fill[0], 0.0F);
}

TEST(LoadDataset, RefusesColumnsThatVaryByLessThanFloatsAreScaledBy) {
  const TableFolder folder;
  const auto fault = [&](const std::string& rows) -> std::string {
    try {
      (void)load_dataset(spec_of(folder.write("t.csv", "a,y\n" + rows)), 1);
    } catch (const InputError& error) {
      const std::string text = error.what();
      return text.substr(text.find("t.csv"));
    }
    return "";
  };
  EXPECT_EQ(fault("1,1e-40\n2,2e-40\n3,3e-40\n"), "t.csv: column 'y': varies by less than 1e-37: multiply it");
  EXPECT_EQ(fault("1e-60,1\n2e-60,2\n3e-60,3\n"), "t.csv: column 'a': varies by less than 1e-37: multiply it");
  EXPECT_EQ(fault("1e-36,1\n2e-36,2\n3e-36,3\n"), "");
  EXPECT_EQ(fault("1e-60,1\n1e-60,2\n1e-60,3\n"), "");  // constant
}

TEST(LoadDataset, ScalesByTrainingRowsAsAsked) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,k,y\n0,7,10\n4,7,30\n"));
  spec.validation = folder.write("v.csv", "y,k,a\n1000,7,100\n");
  Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.splits[0].inputs.factor, (Floats{0.5F, 1}));
  EXPECT_EQ(d.splits[0].inputs.offset, (Floats{0, 0}));
  EXPECT_EQ(d.splits[0].targets.factor, (Floats{0.1F}));
  EXPECT_NEAR(d.splits[0].targets.unit[0], 10, 1e-6);
  EXPECT_EQ(d.splits[0].validation, (Rows{2}));
  EXPECT_EQ(Floats(d.row(2).begin(), d.row(2).end()), (Floats{98, 0}));
  spec.scale = InputScale::minmax;
  d = load_dataset(spec, 1);
  EXPECT_EQ(d.splits[0].inputs.offset, (Floats{-2, 0}));
  EXPECT_EQ(d.splits[0].inputs.factor, (Floats{0.25F, 1}));
  spec.scale = InputScale::none;
  spec.target_scale = TargetScale::none;
  d = load_dataset(spec, 1);
  EXPECT_EQ(d.splits[0].inputs.offset, (Floats{-2, -7}));
  EXPECT_EQ(d.splits[0].inputs.factor, (Floats{1, 1}));
  EXPECT_EQ(d.splits[0].targets.offset, (Floats{-20}));
  EXPECT_EQ(d.splits[0].targets.unit[0], 1);
}

TEST(LoadDataset, AppendsTestRowsWithTheirOwnWeights) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,w,y\n0,1,1\n1,1,2\n2,1,3\n3,1,4\n"));
  spec.weights = "w";
  spec.test = folder.write("test.csv", "a,w,y\n9,5,1\n8,6,2\n");
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.test, (Rows{4, 5}));
  EXPECT_EQ(d.n_rows, 6U);
  EXPECT_EQ(d.weights, (Floats{1, 1, 1, 1, 5, 6}));
}

TEST(LoadDataset, HasAHashOfEachTable) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,y\n0,1\n1,2\n"));
  spec.validation = folder.write("v.csv", "a,y\n2,1\n");
  spec.test = folder.write("test.csv", "a,y\n3,1\n");
  const auto before = load_dataset(spec, 1).table_hashes;
  EXPECT_EQ(before.size(), 3U);
  spec.validation = folder.write("v.csv", "a,y\n2,7\n");
  const auto after = load_dataset(spec, 1).table_hashes;
  EXPECT_EQ(after.at("train"), before.at("train"));
  EXPECT_NE(after.at("validation"), before.at("validation"));
  EXPECT_EQ(after.at("test"), before.at("test"));
}

TEST(LoadDataset, GivesEachRowToOneFoldAndNotesSmallClasses) {
  DataSpec spec = spec_of(kExamples / "vowel.csv");
  spec.cv = 5;
  const Dataset d = load_dataset(spec, 3);
  std::vector<int> seen(d.n_rows, 0);
  for (const Split& split : d.splits) {
    EXPECT_EQ(split.training.size() + split.validation.size(), d.n_rows);
    EXPECT_TRUE(std::ranges::is_sorted(split.training));
    for (const std::uint32_t row : split.validation) ++seen[row];
  }
  EXPECT_EQ(std::ranges::count(seen, 1), 990);
  const TableFolder folder;
  DataSpec small = spec_of(folder.write("t.csv", "a,y\n1,u\n2,u\n3,u\n4,v\n"));
  small.cv = 3;
  const Dataset s = load_dataset(small, 1);
  EXPECT_EQ(s.notes.back(), "class 'v' has 1 row for 3 folds: some validate without it");
}

TEST(LoadDataset, NotesClassesWithoutAValidationRow) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,y\n1,u\n2,u\n3,u\n4,v\n5,u\n6,w\n7,w\n"));
  spec.validation = 0.4;
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.notes.back(), "class 'v' has 1 row, of which none validates");
  EXPECT_EQ(d.notes.size(), 3U);
}

TEST(LoadDataset, ScalingDoesNotLookAtValidationRows) {
  const TableFolder folder;
  std::string table = "a,y\n";
  for (int i = 0; i < 20; ++i) table += std::to_string(i % 7) + "," + std::to_string(i) + "\n";
  const Dataset before = load_dataset(spec_of(folder.write("t.csv", table)), 5);
  const std::uint32_t row = before.splits[0].validation[0];
  // another value inside the column's range, so that its centre stays
  std::string other = "a,y\n";
  for (std::uint32_t i = 0; i < 20; ++i) {
    const std::uint32_t a = i == row ? (i % 7 == 3 ? 4 : 3) : i % 7;
    other += std::to_string(a) + "," + std::to_string(i) + "\n";
  }
  const Dataset after = load_dataset(spec_of(folder.write("t.csv", other)), 5);
  ASSERT_NE(before.inputs, after.inputs);
  EXPECT_EQ(before.splits[0].validation, after.splits[0].validation);
  EXPECT_EQ(before.splits[0].inputs.offset, after.splits[0].inputs.offset);
  EXPECT_EQ(before.splits[0].inputs.factor, after.splits[0].inputs.factor);
}

TEST(LoadDataset, ReadsTheExampleTables) {
  const Dataset letters = load_dataset(spec_of(kExamples / "letters.csv"), 0);
  EXPECT_EQ(letters.n_rows, 20000U);
  EXPECT_EQ(letters.n_inputs(), 16);
  EXPECT_EQ(letters.n_targets(), 26);
  EXPECT_EQ(letters.splits[0].validation.size(), 4000U);
  DataSpec vowel = spec_of(kExamples / "vowel.csv");
  vowel.categorical = std::vector<ColumnName>{"V1"};
  EXPECT_EQ(load_dataset(vowel, 0).n_inputs(), 9 + 15);
  EXPECT_EQ(load_dataset(spec_of(kExamples / "sonar.csv"), 0).n_targets(), 2);
  const Dataset diabetes = load_dataset(spec_of(kExamples / "diabetes.csv"), 0);
  EXPECT_EQ(diabetes.task(), Task::regression);
  EXPECT_EQ(diabetes.n_rows, 442U);
}

TEST(LoadDataset, ReadsFashionMnistAsItIsInstalled) {
  const std::filesystem::path images = "/usr/share/datasets/fashion-mnist/train-images-idx3-ubyte.gz";
  if (!std::filesystem::exists(images)) GTEST_SKIP() << "Debian's dataset-fashion-mnist is not installed";
  const Dataset d = load_dataset(spec_of(images), 0);
  EXPECT_EQ(d.n_rows, 60000U);
  EXPECT_EQ(d.n_inputs(), 784);
  EXPECT_EQ(d.n_targets(), 10);
  EXPECT_EQ(std::ranges::count(d.labels, 3), 6000);
}

TEST(MakeDataset, EqualsTheTableFromAFile) {
  const TableFolder folder;
  const Dataset file = load_dataset(spec_of(folder.write("t.csv", "a,b,y\n1,2,3\n4,5,6\n7,8,10\n0,1,2\n5,5,5\n")), 9);
  const std::vector<double> inputs{1, 2, 4, 5, 7, 8, 0, 1, 5, 5};
  const std::vector<double> targets{3, 6, 10, 2, 5};
  const Dataset memory = make_dataset(inputs, 2, targets, 1, DataSpec{}, 9);
  EXPECT_EQ(memory.inputs, file.inputs);
  EXPECT_EQ(memory.targets, file.targets);
  EXPECT_EQ(memory.splits[0].validation, file.splits[0].validation);
  EXPECT_THROW((void)make_dataset(inputs, 3, targets, 1, DataSpec{}, 9), Error);
}

TEST(EncodeRows, TreatsNewRowsAsTheTrainingTable) {
  const TableFolder folder;
  const Dataset d = load_dataset(spec_of(folder.write("t.csv", "a,c,y\n1,u,1\n3,v,2\n2,v,3\n")), 1);
  const EncodedRows rows = encode_rows(d.preprocessing, folder.write("new.csv", "extra,c,a\n0,v,1\n0,u,9\n"));
  EXPECT_EQ(rows.n_rows, 2U);
  EXPECT_EQ(rows.inputs, (Floats{-1, 0, 1, 7, 1, 0}));
  const Dataset bare = load_dataset(spec_of(folder.write("b.csv", "1,1,1\n3,5,2\n2,2,2\n")), 1);
  EXPECT_EQ(encode_rows(bare.preprocessing, folder.write("n.csv", "2,3\n")).inputs, (Floats{0, 0}));
}

}  // namespace
}  // namespace shoal
