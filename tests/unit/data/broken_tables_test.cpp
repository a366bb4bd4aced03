#include <filesystem>
#include <functional>
#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

const std::string kFolder = std::string(SHOAL_SOURCE_DIR) + "/tests/data/broken/";

struct Broken {
  std::string file;
  std::function<void(DataSpec&)> change;  ///< of the default spec; may be empty
  std::string message;                    ///< whole text, the folder left out
};

std::string message_of(const std::function<void()>& call) {
  try {
    call();
  } catch (const InputError& error) {
    std::string text = error.what();
    for (std::size_t at = text.find(kFolder); at != std::string::npos; at = text.find(kFolder)) {
      text.erase(at, kFolder.size());
    }
    return text;
  }
  return "no error";
}

void classify(DataSpec& spec) { spec.task = Task::classification; }
std::function<void(DataSpec&)> validate(const std::string& file) {
  return [file](DataSpec& spec) { spec.validation = std::filesystem::path(kFolder + file); };
}

std::vector<Broken> broken_tables() {
  return {
      {"no_such_file.csv", {}, "no_such_file.csv: cannot be read: No such file or directory"},
      {".", {}, ".: is a directory, not a table"},
      {"empty.csv", {}, "empty.csv: holds no table: the file is empty"},
      {"blank_lines.csv", {}, "blank_lines.csv: holds no table: the file is empty"},
      {"header_only.csv", {}, "header_only.csv: has a header and no rows"},
      {"ragged_long.csv", {}, "ragged_long.csv:4: has 4 cells where the table has 3 columns"},
      {"ragged_short.csv", {}, "ragged_short.csv:3: has 2 cells where the table has 3 columns"},
      {"ragged_after_newline_in_quotes.csv",
       {},
       "ragged_after_newline_in_quotes.csv:4: has 2 cells where the table has 3 columns"},
      {"many_ragged.csv",
       {},
       "many_ragged.csv:2: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:3: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:4: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:5: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:6: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:7: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:8: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:9: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:10: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv:11: has 1 cell where the table has 2 columns\n"
       "many_ragged.csv: and more; reading stopped there"},
      {"duplicate_header.csv", {}, "duplicate_header.csv:1: column 'a': the header names it twice"},
      {"unterminated_quote.csv", {}, "unterminated_quote.csv:3: a quote opens here and never closes"},
      {"quote_in_cell.csv",
       {},
       "quote_in_cell.csv:2: has a quote in the middle of a cell; a quote inside quotes is written twice"},
      {"infinite.csv", {}, "infinite.csv:3: column 'b': 'inf' is not a finite number"},
      {"overflow.csv", {}, "overflow.csv:2: column 'b': '1e999' is not a finite number"},
      {"too_large_for_float.csv", {}, "too_large_for_float.csv:3: column 'a': 1e+300 is too large for a 4-byte float"},
      {"mixed_decimals.csv",
       {},
       "mixed_decimals.csv:3: mixes decimal points and decimal commas; line 2 has the other kind"},
      {"latin1.csv", {}, "latin1.csv:3: is not UTF-8 text; save the table as CSV UTF-8"},
      {"overlong_utf8.csv", {}, "overlong_utf8.csv:2: is not UTF-8 text; save the table as CSV UTF-8"},
      {"utf16.csv", {}, "utf16.csv: is UTF-16; save it as CSV UTF-8"},
      {"binary.csv", {}, "binary.csv:1: holds a zero byte: the file is neither text nor NPY nor IDX"},
      {"binary_zeros.idx", {}, "binary_zeros.idx: is not a table: neither text nor NPY nor IDX"},
      {"missing_number.csv",
       {},
       "missing_number.csv:3: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "missing_number.csv:4: column 'b': has no value; data.missing: impute fills it with the training rows' mean"},
      {"many_faults.csv",
       {},
       "many_faults.csv:2: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:3: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:4: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:5: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:6: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:7: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:8: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:9: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:10: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv:11: column 'a': has no value; data.missing: impute fills it with the training rows' mean\n"
       "many_faults.csv: and 5 more"},
      {"missing_category.csv",
       {},
       "missing_category.csv:3: column 'c': has no value; data.missing: impute makes that a category of its own"},
      {"missing_target.csv", {}, "missing_target.csv:3: column 'y': the target has no value"},
      {"missing_class.csv", {}, "missing_class.csv:3: column 'y': the target has no value"},
      {"one_class.csv", {}, "one_class.csv: the target has 1 class, 'yes'; classification needs 2"},
      {"constant_target.csv",
       {},
       "constant_target.csv: column 'y': is 2.5 in every row; a regression target needs different values"},
      {"fractional_class.csv", classify,
       "fractional_class.csv: column 'y': classes must be text or whole numbers; numbers like these are task "
       "regression"},
      {"many_classes.csv", {}, "many_classes.csv: column 'y': has 1001 classes; is it an identifier?"},
      {"text_target_regression.csv", [](DataSpec& s) { s.task = Task::regression; },
       "text_target_regression.csv: column 'y': holds text; a regression target is a number"},
      {"multilabel_two.csv",
       [](DataSpec& s) {
         s.task = Task::multilabel;
         s.target = {"l1", "l2"};
       },
       "multilabel_two.csv:3: column 'l1': is 2; a label of task multilabel is 0 or 1"},
      {"plain.csv",
       [](DataSpec& s) {
         s.task = Task::classification;
         s.target = {"age", "height"};
       },
       "plain.csv: data.target: classification has one target; several 0/1 targets are task multilabel"},
      {"negative_weight.csv", [](DataSpec& s) { s.weights = "w"; },
       "negative_weight.csv:3: column 'w': a weight is at least 0 and finite"},
      {"zero_weights.csv", [](DataSpec& s) { s.weights = "w"; }, "zero_weights.csv: data.weights: all weights are 0"},
      {"plain.csv", [](DataSpec& s) { s.target = {"wieght"}; },
       "plain.csv: data.target: there is no column 'wieght'; did you mean 'weight'?"},
      {"plain.csv",
       [](DataSpec& s) {
         s.target = {std::int64_t{3}};
         s.drop = {std::int64_t{-4}};
         s.groups = "heigth";
       },
       "plain.csv: data.target: there is no column 3: the table has 3\n"
       "plain.csv: data.drop: there is no column -4: the table has 3\n"
       "plain.csv: data.groups: there is no column 'heigth'; did you mean 'height'?"},
      {"plain.csv", [](DataSpec& s) { s.drop = {"weight"}; }, "plain.csv: data.drop: 'weight' is the target"},
      {"plain.csv", [](DataSpec& s) { s.validation = 1.5; },
       "data.validation: a fraction is above 0 and below 1, this is 1.5"},
      {"plain.csv", [](DataSpec& s) { s.cv = 1; }, "data.cv: at least 2 folds are needed, not 1"},
      {"plain.csv", [](DataSpec& s) { s.cv = 4; }, "plain.csv: data.cv: 4 folds need as many rows, there are 3"},
      {"plain.csv",
       [](DataSpec& s) {
         s.cv = 2;
         s.validation = std::filesystem::path("v.csv");
       },
       "data.validation: a validation table and data.cv cannot go together"},
      {"plain.csv", [](DataSpec& s) { s.validation = 0.01; },
       "plain.csv: data.validation: leaves 3 rows to train on and 0 to validate on; both need one"},
      {"only_target.csv",
       {},
       "only_target.csv: no column is left to be an input: the table has one column; commas, semicolons, tabs or bars "
       "separate "
       "cells"},
      {"one_row.csv", {}, "one_row.csv: data.validation: leaves 1 row to train on and 0 to validate on; both need one"},
      {"two_groups.csv",
       [](DataSpec& s) {
         s.groups = "g";
         s.cv = 3;
       },
       "two_groups.csv: data.cv: 3 folds need as many groups, there are 2"},
      {"colours.csv", validate("colours_unseen.csv"),
       "colours_unseen.csv:3: column 'colour': 'bleu' is not among the training table's categories; did you mean "
       "'blue'?"},
      {"colours.csv", validate("colours_without.csv"),
       "colours_without.csv: column 'colour': is not in this table; did you mean 'color'?"},
      {"colours.csv", validate("colours_number.csv"),
       "colours_number.csv:2: column 'colour': '7' is not among the training table's categories; known: blue, green, "
       "red"},
      {"colours.csv", [](DataSpec& s) { s.test = kFolder + "colours_unseen.csv"; },
       "colours_unseen.csv:3: column 'colour': 'bleu' is not among the training table's categories; did you mean "
       "'blue'?"},
      {"classes.csv", validate("classes_unseen.csv"),
       "classes_unseen.csv:3: column 'y': 'virginca' is not among the training table's classes; did you mean "
       "'virginica'?"},
      {"plain.csv", validate("numbers_text.csv"), "numbers_text.csv:2: column 'height': 'tall' is not a number"},
      {"plain.csv", validate("one_row.csv"), "one_row.csv: data.target: there is no column 'weight'; known: a, y"},
      {"cut_header.npy", {}, "cut_header.npy: is cut off in its NPY header"},
      {"cut_values.npy", {}, "cut_values.npy: is cut off: it holds fewer values than its header says"},
      {"complex.npy",
       {},
       "complex.npy: has values of type <c16; floats of 4 or 8 bytes, whole numbers and truth values can be read"},
      {"records.npy", {}, "records.npy: holds records, not a plain array"},
      {"three_dimensions.npy", {}, "three_dimensions.npy: has 3 dimensions; a table has 2"},
      {"no_rows.npy", {}, "no_rows.npy: holds no rows"},
      {"infinite.npy", {}, "infinite.npy: row 1, column 0: is not a finite number"},
      {"overflowing_shape.npy", {}, "overflowing_shape.npy: is cut off: it holds fewer values than its header says"},
      {"alone-images-idx3-ubyte", {}, "alone-images-idx3-ubyte: its labels alone-labels-idx1-ubyte are not there"},
      {"images.idx",
       {},
       "images.idx: IDX images need a name with images-idx3, so that their labels-idx1 file can be found"},
      {"cut-images-idx3-ubyte", {}, "cut-images-idx3-ubyte: is cut off: it holds fewer values than its header says"},
      {"huge-images-idx3-ubyte", {}, "huge-images-idx3-ubyte: is cut off: it holds fewer values than its header says"},
      {"short-images-idx3-ubyte", {}, "short-labels-idx1-ubyte: has 1 labels for 2 images"},
      {"cut.csv.gz", {}, "cut.csv.gz: ends in the middle of its compressed data"},
  };
}

TEST(BrokenTables, EachIsRefusedWithItsMessage) {
  for (const Broken& broken : broken_tables()) {
    SCOPED_TRACE(broken.file);
    DataSpec spec;
    spec.train = kFolder + broken.file;
    if (broken.change) broken.change(spec);
    EXPECT_EQ(message_of([&] { (void)load_dataset(spec, 1); }), broken.message);
  }
}

TEST(BrokenTables, PredictionTablesNameUnseenCategoriesAndMissingColumns) {
  DataSpec spec;
  spec.train = kFolder + "colours.csv";
  const Preprocessing p = load_dataset(spec, 1).preprocessing;
  EXPECT_EQ(message_of([&] { (void)encode_rows(p, kFolder + "colours_unseen.csv"); }),
            "colours_unseen.csv:3: column 'colour': 'bleu' is not among the training table's categories; "
            "did you mean 'blue'?");
  EXPECT_EQ(message_of([&] { (void)encode_rows(p, kFolder + "colours_without.csv"); }),
            "colours_without.csv: column 'colour': is not in this table; did you mean 'color'?");
}

}  // namespace
}  // namespace shoal
