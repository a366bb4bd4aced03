#include "run/stored_preprocessing.hpp"

#include <gtest/gtest.h>
#include <limits>

namespace shoal::run {
namespace {

TEST(StoredPreprocessing, ReadsBackWhatItWrote) {
  Preprocessing p;
  p.task = Task::classification;
  p.missing = MissingPolicy::impute;
  p.columns = {{"age", InputColumn::Kind::numeric, {}, 0.1, true},
               {"colour", InputColumn::Kind::categorical, {"", "red", "blue"}, 0, false}};
  p.target_names = {"kind"};
  p.classes = {"x", "y"};
  p.n_inputs = 5;
  const Preprocessing back = preprocessing_from(nlohmann::json::parse(preprocessing_json(p).dump()));
  EXPECT_EQ(back.task, Task::classification);
  EXPECT_EQ(back.missing, MissingPolicy::impute);
  ASSERT_EQ(back.columns.size(), 2U);
  EXPECT_EQ(back.columns[0].name, "age");
  EXPECT_EQ(back.columns[0].centre, 0.1);
  EXPECT_TRUE(back.columns[0].has_indicator);
  EXPECT_EQ(back.columns[1].kind, InputColumn::Kind::categorical);
  EXPECT_EQ(back.columns[1].categories, (std::vector<std::string>{"", "red", "blue"}));
  EXPECT_EQ(back.classes, p.classes);
  EXPECT_EQ(back.n_inputs, 5);
}

TEST(StoredPreprocessing, KeepsTheFloatsOfASplit) {
  Split split;
  split.inputs = {{0.1F, 3.0F}, {1.0F / 3.0F, 2.0F}, {0.0F, -1.5F}};
  split.targets = {{0.7F}, {0.2F}, {5.0}};
  const std::vector<Split> back = splits_from(nlohmann::json::parse(splits_json(std::span(&split, 1)).dump()));
  ASSERT_EQ(back.size(), 1U);
  EXPECT_EQ(back[0].inputs.offset, split.inputs.offset);
  EXPECT_EQ(back[0].inputs.factor, split.inputs.factor);
  EXPECT_EQ(back[0].inputs.fill, split.inputs.fill);
  EXPECT_EQ(back[0].targets.offset, split.targets.offset);
  EXPECT_EQ(back[0].targets.unit, split.targets.unit);
}

TEST(ScaleRows, ScalesInFloatAndFillsWhatIsMissing) {
  const InputScaling scaling{{1.0F, 10.0F}, {2.0F, 0.5F}, {0.0F, -3.0F}};
  std::vector<float> rows{2.0F, 14.0F, 0.0F, std::numeric_limits<float>::quiet_NaN()};
  scale_rows(scaling, rows);
  EXPECT_EQ(rows, (std::vector<float>{2.0F, 2.0F, -2.0F, -3.0F}));
}

TEST(InTableUnits, UndoesScalingAndCentre) {
  Preprocessing p;
  p.target_centre = {100.0};
  EXPECT_EQ(in_table_units(p, {{2.0F}, {0.5F}, {2.0}}, 0, 3.0F), 108.0);
}

}  // namespace
}  // namespace shoal::run
