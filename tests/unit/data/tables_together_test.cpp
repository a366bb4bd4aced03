// Columns with parts, and tables for validation, test and prediction beside the training table.
#include <cmath>
#include <functional>
#include <gtest/gtest.h>
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

/// The error's text without folders; "no error" where there is none.
std::string refusal_by(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    std::string text = error.what();
    for (std::size_t at = text.find("/tmp"); at != std::string::npos; at = text.find("/tmp")) {
      text.erase(at, text.find('/', text.find('/', at + 1) + 1) + 1 - at);
    }
    return text;
  }
  return "no error";
}

std::string load_message(const DataSpec& spec) {
  return refusal_by([&] { (void)load_dataset(spec, 1); });
}

std::string table_of(const std::string& header, std::size_t n_rows,
                     const std::function<std::string(std::size_t)>& row) {
  std::string text = header;
  for (std::size_t i = 0; i < n_rows; ++i) text += row(i) + "\n";
  return text;
}

std::string number(std::size_t i) { return std::to_string(i); }

TEST(ColumnParts, AreOneForEachColumn) {
  const TableFolder folder;
  const DataSpec plain = spec_of(folder.write("t.csv", table_of("a,g,w,y\n", 12, [](std::size_t i) {
                                                return number(i) + "," + number(i % 3) + ",1," + number(i * i);
                                              })));
  const auto message = [&](const std::function<void(DataSpec&)>& change) {
    DataSpec spec = plain;
    change(spec);
    return load_message(spec);
  };
  EXPECT_EQ(message([](DataSpec& s) { s.weights = "y"; }), "t.csv: data.weights: 'y' is the target");
  EXPECT_EQ(message([](DataSpec& s) { s.groups = std::int64_t{-1}; }), "t.csv: data.groups: 'y' is the target");
  EXPECT_EQ(message([](DataSpec& s) { s.drop = {"y"}; }), "t.csv: data.drop: 'y' is the target");
  EXPECT_EQ(message([](DataSpec& s) { s.categorical = std::vector<ColumnName>{"y"}; }),
            "t.csv: data.categorical: 'y' is the target");
  EXPECT_EQ(message([](DataSpec& s) { s.target = {"y", std::int64_t{3}}; }), "t.csv: data.target: names 'y' twice");
  EXPECT_EQ(message([](DataSpec& s) { s.groups = s.weights = "g"; }), "t.csv: data.weights: 'g' is in data.groups");
  EXPECT_EQ(message([](DataSpec& s) {
              s.drop = {"g", "a"};
              s.groups = "g";
              s.weights = "a";
            }),
            "t.csv: data.groups: 'g' is in data.drop\nt.csv: data.weights: 'a' is in data.drop");
}

TEST(ColumnParts, TakeAHeaderOfYearsByItsNumber) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "k,2019,2020\nu,1,2\nv,3,4\nu,5,6\nv,7,7\nw,8,1\n"));
  spec.target = {std::int64_t{2019}};
  EXPECT_EQ(load_dataset(spec, 1).preprocessing.target_names, (Texts{"2019"}));
}

TEST(ColumnParts, SayWhatATableOfOneColumnLacks) {
  const TableFolder folder;
  EXPECT_EQ(
      load_message(spec_of(folder.write("t.csv", "a:b\n1:2\n"))),
      "t.csv: no column is left to be an input: the table has one column; commas, semicolons, tabs or bars separate "
      "cells");
}

TEST(ColumnParts, SayWhichTextMakesNumbersCategories) {
  const TableFolder folder;
  EXPECT_EQ(load_message(spec_of(folder.write(
                "t.csv", table_of("a,y\n", 1002,
                                  [](std::size_t i) { return (i == 7 ? "n.a." : number(i)) + "," + number(i); })))),
            "t.csv: column 'a': has 1002 different texts, and numbers but for ones like 'n.a.' in line 9; if it is no "
            "category, name it in data.drop");
}

TEST(Targets, AreSeveralNumbersInRegression) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,y1,y2\n1,0,10\n2,4,30\n"));
  spec.target = {"y1", "y2"};
  spec.validation = folder.write("v.csv", "y2,y1,a\n20,2,5\n");
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.n_targets(), 2);
  EXPECT_EQ(d.targets, (Floats{-2, -10, 2, 10, 0, 0}));
  EXPECT_EQ(d.splits[0].targets.factor, (Floats{0.5F, 0.1F}));
  EXPECT_EQ(d.notes[1], "2 targets: regression (data.task: multilabel, where all are 0 or 1)");
}

TEST(Targets, AreClassesHoweverTheirNumbersAreWritten) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,y\n1,1.0\n2,0\n3,1\n4,0.0\n5,1e0\n"));
  spec.task = Task::classification;
  spec.validation = folder.write("v.csv", "a,y\n1,00\n2,+1\n");
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.preprocessing.classes, (Texts{"0", "1"}));
  EXPECT_EQ(d.labels, (std::vector<std::int32_t>{1, 0, 1, 0, 1, 0, 1}));
}

TEST(Targets, AndCategoriesKeepApartWhatIsEqualAsDoubles) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv",
                                       "a,y\n90071992547409931,9007199254740993\n90071992547409932,9007199254740992\n"
                                       "90071992547409931,9007199254740993\n90071992547409932,9007199254740992\n"));
  spec.task = Task::classification;
  spec.categorical = std::vector<ColumnName>{"a"};
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.preprocessing.classes, (Texts{"9007199254740992", "9007199254740993"}));
  EXPECT_EQ(d.labels, (std::vector<std::int32_t>{1, 0, 1, 0}));
  EXPECT_EQ(d.preprocessing.columns[0].categories, (Texts{"90071992547409931", "90071992547409932"}));
  EXPECT_EQ(encode_rows(d.preprocessing, folder.write("new.csv", "a\n90071992547409932\n")).inputs, (Floats{0, 1}));
}

TEST(Targets, NoteWhereWholeNumbersMayBeClasses) {
  const TableFolder folder;
  const auto note = [&](std::size_t n_different) {
    return load_dataset(
               spec_of(folder.write(
                   "t.csv",
                   table_of("a,y\n", 90, [&](std::size_t i) { return number(i) + "," + number(i % n_different); }))),
               1)
        .notes.at(1);
  };
  EXPECT_EQ(note(3),
            "target 'y' holds 3 different whole numbers: regression (data.task: classification makes them classes)");
  EXPECT_EQ(note(45), "target 'y' holds numbers: regression (data.task says otherwise)");
}

TEST(Targets, OfImagesAreTheirLabels) {
  DataSpec spec = spec_of(test::good_table("tiny-images-idx3-ubyte.gz"));
  spec.task = Task::regression;
  EXPECT_NE(load_message(spec).find("data.task: IDX labels are classes; leave data.task out"), std::string::npos);
  spec.task = Task::multilabel;
  EXPECT_NE(load_message(spec).find("data.task: IDX labels are classes; leave data.task out"), std::string::npos);
  spec.task.reset();
  spec.target = {"V1"};
  EXPECT_NE(load_message(spec).find("data.target: IDX images have their labels beside them"), std::string::npos);
}

TEST(Missing, IsImputedWhereOnlyOtherTablesLackValues) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,c,y\n1,u,1\n3,v,2\n"));
  spec.validation = folder.write("v.csv", "a,c,y\n,u,1\n3,,2\n");
  EXPECT_EQ(load_message(spec),
            "v.csv:2: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
            "v.csv:3: column 'c': has no value; data.missing: impute makes that a category of its own");
  spec.missing = MissingPolicy::impute;
  const Dataset d = load_dataset(spec, 1);
  ASSERT_EQ(d.n_inputs(), 3);  // no indicator, for no training row lacks a value
  EXPECT_TRUE(std::isnan(d.row(2)[0]));
  EXPECT_EQ(d.splits[0].inputs.fill[0], 0.0F);                             // the mean, scaled
  EXPECT_EQ(Floats(d.row(3).begin(), d.row(3).end()), (Floats{1, 0, 0}));  // of no category
  const EncodedRows rows = encode_rows(d.preprocessing, folder.write("new.csv", "a,c\n?,v\n2,\n"));
  EXPECT_TRUE(std::isnan(rows.inputs[0]));
  EXPECT_EQ(Floats(rows.inputs.begin() + 1, rows.inputs.end()), (Floats{0, 1, 0, 0, 0}));
}

TEST(Missing, InAllRowsOfAColumnIsItsFault) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,b,y\n,1,1\nNA,2,2\n,3,3\n"));
  EXPECT_EQ(load_message(spec), "t.csv: column 'a': has no value in any row; name it in data.drop");
  spec.missing = MissingPolicy::impute;
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.splits[0].inputs.fill[0], 0.0F);
  EXPECT_EQ(d.splits[0].inputs.factor[0], 1.0F);
}

TEST(Missing, IsNoClassNoWeightAndNoGroup) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,w,y\n1,1,u\n2,,v\n3,x,u\n"));
  spec.weights = "w";
  EXPECT_EQ(load_message(spec),
            "t.csv:3: column 'w': the weight has no value\nt.csv:4: column 'w': 'x' is not a number");
  spec.weights.reset();
  spec.groups = "w";
  EXPECT_EQ(load_message(spec), "t.csv:3: column 'w': the group has no value");
  DataSpec none = spec_of(folder.write("t.csv", "a,y\n1,\n2,NA\n"));
  none.task = Task::classification;
  EXPECT_EQ(load_message(none), "t.csv: the target has no value in any row");
}

TEST(OtherTables, AreMatchedByNameAndElseByPosition) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,b,y\n1,2,3\n3,4,5\n"));
  spec.validation = folder.write("v.csv", "y,extra,b,a\n7,0,6,9\n");
  Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(Floats(d.row(2).begin(), d.row(2).end()), (Floats{7, 3}));
  spec.validation = folder.write("v.csv", "9,6,7\n");  // no header
  d = load_dataset(spec, 1);
  EXPECT_EQ(Floats(d.row(2).begin(), d.row(2).end()), (Floats{7, 3}));
  EXPECT_EQ(d.targets[2], 3.0F);
  spec.validation = folder.write("v.csv", "9,6\n");
  EXPECT_EQ(load_message(spec), "v.csv: has 2 columns where the training table has 3, and no header in common");
  spec.train = folder.write("t.csv", "1,2,3\n3,4,5\n");
  spec.validation = folder.write("v.csv", "x1,x2,t\n9,6,7\n");
  d = load_dataset(spec, 1);
  EXPECT_EQ(Floats(d.row(2).begin(), d.row(2).end()), (Floats{7, 3}));
}

TEST(OtherTables, ForPredictionMayHoldJustTheInputsInTheirOrder) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "y,a,b\n1,2,3\n3,4,7\n"));
  spec.target = {"y"};
  spec.validation = folder.write("v.csv", "y,a,b\n1,2,3\n");
  const Preprocessing p = load_dataset(spec, 1).preprocessing;
  EXPECT_EQ(encode_rows(p, folder.write("new.csv", "9,6\n")).inputs, (Floats{6, 1}));
  EXPECT_EQ(refusal_by([&] { (void)encode_rows(p, folder.write("new.csv", "9,6,7\n")); }),
            "new.csv: column 'a': is not in this table; known: V1, V2, V3\n"
            "new.csv: column 'b': is not in this table; known: V1, V2, V3");
}

TEST(OtherTables, ForPredictionKeepEveryRowOfSeparatorsThatCanBeFilled) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,b,y\n1,2,3\n,4,5\n3,4,5\n,,\n"));
  spec.missing = MissingPolicy::impute;
  Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.n_rows, 3U);  // a table to train on ends with its last cell
  const EncodedRows rows = encode_rows(d.preprocessing, folder.write("new.csv", "a,b\n1,2\n,\n\n3,4\n,\n,\n\n"));
  EXPECT_EQ(rows.n_rows, 5U);
  EXPECT_EQ(rows.notes, (Texts{"new.csv: line 1 is the header"}));
  const EncodedRows bare = encode_rows(d.preprocessing, folder.write("new.csv", ",\n1,2\n,\n"));
  ASSERT_EQ(bare.n_rows, 3U);
  EXPECT_TRUE(std::isnan(bare.inputs[0]));
  EXPECT_EQ(bare.inputs[3], -1.0F);
  EXPECT_EQ(bare.notes, (Texts{"new.csv: no header: line 2 is a row, and columns are named V1 to V2"}));
  spec.missing = MissingPolicy::error;
  spec.train = folder.write("t.csv", "a,b,y\n1,2,3\n3,4,5\n5,6,7\n");
  d = load_dataset(spec, 1);
  EXPECT_EQ(refusal_by([&] { (void)encode_rows(d.preprocessing, folder.write("new.csv", "a,b\n1,2\n,2\n,\n")); }),
            "new.csv:3: column 'a': has no value; data.missing: impute fills it with the training rows' mean");
  EXPECT_EQ(encode_rows(d.preprocessing, folder.write("new.csv", "a,b\n1,2\n,\n")).n_rows, 1U);
}

TEST(OtherTables, HaveAHeaderWhereTheSweepFileSaysSo) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "1,2,3\n4,5,6\n7,8,9\n"));
  spec.validation = folder.write("v.csv", "3,2,1\n10,11,12\n");
  EXPECT_EQ(load_dataset(spec, 1).n_rows, 5U);
  spec.header = true;
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.n_rows, 3U);
  EXPECT_EQ(d.preprocessing.target_names, (Texts{"3"}));
  EXPECT_EQ(Floats(d.row(2).begin(), d.row(2).end()), (Floats{6.5F, 4.5F}));  // 12 and 11, centred by 5.5 and 6.5
  EXPECT_EQ(encode_rows(d.preprocessing, folder.write("new.csv", "2,1\n6.5,5.5\n")).inputs, (Floats{0, 0}));
}

TEST(OtherTables, OfImagesHaveAsManyPixels) {
  const TableFolder folder;
  const std::string images{'\0', '\0', 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Dataset d = load_dataset(spec_of(test::good_table("tiny-images-idx3-ubyte.gz")), 1);
  EXPECT_EQ(refusal_by([&] { (void)encode_rows(d.preprocessing, folder.write("new-images-idx3-ubyte", images)); }),
            "new-images-idx3-ubyte: has images of 9 values; those of the training table have 2");
  DataSpec spec = spec_of(test::good_table("tiny-images-idx3-ubyte.gz"));
  spec.validation = folder.write("new-images-idx3-ubyte", images);
  EXPECT_EQ(load_message(spec), "new-images-idx3-ubyte: its labels new-labels-idx1-ubyte are not there");
}

TEST(OtherTables, NameTheirFirstUnknownCategoriesAndCountTheRest) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "c,y\nu,1\nv,2\n"));
  spec.validation =
      folder.write("v.csv", table_of("c,y\n", 5000, [](std::size_t i) { return "w" + number(i) + ",1"; }));
  const std::string message = load_message(spec);
  EXPECT_EQ(message.substr(0, message.find(';')),
            "v.csv:2: column 'c': 'w0' is not among the training table's categories");
  EXPECT_EQ(message.substr(message.rfind('\n') + 1), "v.csv: and 4990 more");
}

TEST(Divisions, LeaveTheOnlyRowOfAClassToTrainOn) {
  const TableFolder folder;
  const auto text = [](std::size_t i) { return number(i) + (i == 4 ? ",rare" : i % 2 == 0 ? ",p" : ",q"); };
  const Dataset d = load_dataset(spec_of(folder.write("t.csv", table_of("a,y\n", 20, text))), 1);
  for (const std::uint32_t row : d.splits[0].validation) EXPECT_NE(row, 4U);
  EXPECT_EQ(d.splits[0].validation.size(), 4U);
  EXPECT_EQ(load_message(spec_of(folder.write("t.csv", "a,y\n1,p\n2,q\n3,r\n"))),
            "t.csv: data.validation: leaves 3 rows to train on and 0 to validate on; both need one, and the only row "
            "of a class is always trained on");
}

TEST(Divisions, NoteTenSmallClassesAndCountTheRest) {
  const TableFolder folder;
  DataSpec spec = spec_of(
      folder.write("t.csv", table_of("a,y\n", 24, [](std::size_t i) { return number(i) + ",c" + number(i / 2); })));
  spec.cv = 3;
  const Dataset d = load_dataset(spec, 1);
  EXPECT_EQ(d.notes.back(), "and 2 more such classes");
  EXPECT_EQ(d.notes.size(), 2U + 10 + 1);
}

TEST(Divisions, KeepAGroupOnEachSide) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", table_of("a,g,y\n", 12, [](std::size_t i) {
                                         return number(i) + "," + number(i / 6) + "," + number(i);
                                       })));
  spec.groups = "g";
  for (const double fraction : {0.01, 0.2, 0.9, 0.99}) {
    spec.validation = fraction;
    const Dataset d = load_dataset(spec, 1);
    EXPECT_EQ(d.splits[0].training.size(), 6U) << fraction;
    EXPECT_EQ(d.splits[0].validation.size(), 6U) << fraction;
  }
  spec.train = folder.write("t.csv", "a,g,y\n1,k,1\n2,k,2\n3,k,3\n4,k,4\n5,k,5\n");
  spec.validation = 0.2;
  EXPECT_EQ(load_message(spec), "t.csv: data.groups: all rows are of one group, which cannot be divided");
  spec.cv = 2;
  EXPECT_EQ(load_message(spec), "t.csv: data.cv: 2 folds need as many groups, there is 1");
}

TEST(Divisions, TellGroupsApartThatAreEqualAsDoubles) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,g,y\n1,9007199254740993,1\n2,9007199254740992,2\n"));
  spec.groups = "g";
  spec.validation = 0.5;
  EXPECT_EQ(load_dataset(spec, 1).splits[0].training.size(), 1U);
}

TEST(Divisions, NeedWeightOnEachSide) {
  const TableFolder folder;
  DataSpec spec = spec_of(folder.write("t.csv", "a,w,y\n1,0,1\n2,0,2\n"));
  spec.weights = "w";
  spec.validation = folder.write("v.csv", "a,w,y\n1,1,1\n");
  EXPECT_EQ(load_message(spec), "t.csv: data.weights: all weights are 0");
  spec.train = folder.write(
      "t.csv", table_of("a,w,y\n", 4, [](std::size_t i) { return number(i) + (i == 0 ? ",1,1" : ",0,2"); }));
  spec.validation = 0.5;
  EXPECT_NE(load_message(spec).find("in a split have weight 0"), std::string::npos);
}

TEST(MakeDataset, IgnoresWhatNamesFilesOrColumns) {
  DataSpec spec;
  spec.validation = std::filesystem::path("no such file");
  spec.test = "no such file";
  spec.weights = "w";
  spec.groups = "g";
  spec.drop = {"d"};
  const std::vector<double> numbers{1, 2, 3, 4, 5};
  const Dataset d = make_dataset(numbers, 1, numbers, 1, spec, 1);
  EXPECT_EQ(d.splits[0].validation.size(), 1U);
  EXPECT_TRUE(d.test.empty());
}

}  // namespace
}  // namespace shoal
