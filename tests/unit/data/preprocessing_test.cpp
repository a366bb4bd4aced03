#include "data/preprocessing.hpp"

#include <gtest/gtest.h>
#include <limits>
#include <vector>

namespace shoal {
namespace {

TEST(PreprocessingJson, ReadsBackEveryFieldExactly) {
  Preprocessing p;
  p.task = Task::classification;
  p.header = false;
  p.missing = MissingPolicy::impute;
  p.columns = {{"a \"b\"", InputColumn::Kind::numeric, {}, 0.1 + 0.2, true},
               {"c", InputColumn::Kind::categorical, {"", "é", "x"}, 0, false}};
  p.target_names = {"y"};
  p.classes = {"no", "yes"};
  p.target_centre = {1.0 / 3, std::numeric_limits<double>::denorm_min(), -1e308};
  p.n_inputs = 5;
  const Preprocessing q = preprocessing_from_json(to_json(p));
  EXPECT_EQ(q.task, Task::classification);
  EXPECT_EQ(q.header, false);
  EXPECT_EQ(q.missing, MissingPolicy::impute);
  ASSERT_EQ(q.columns.size(), 2U);
  EXPECT_EQ(q.columns[0].name, "a \"b\"");
  EXPECT_EQ(q.columns[0].centre, 0.1 + 0.2);
  EXPECT_TRUE(q.columns[0].has_indicator);
  EXPECT_EQ(q.columns[1].kind, InputColumn::Kind::categorical);
  EXPECT_EQ(q.columns[1].categories, (std::vector<std::string>{"", "é", "x"}));
  EXPECT_EQ(q.target_names, p.target_names);
  EXPECT_EQ(q.classes, p.classes);
  EXPECT_EQ(q.target_centre, p.target_centre);
  EXPECT_EQ(q.n_inputs, 5);
}

TEST(PreprocessingJson, KnowsThatNothingWasSaidOfAHeader) {
  EXPECT_EQ(preprocessing_from_json(to_json(Preprocessing{})).header, std::nullopt);
}

TEST(SplitJson, ReadsBackEveryScalingExactly) {
  Split split;
  split.inputs = {{0.1F, -3.4e38F}, {1.0F / 3, 1e-45F}, {0.0F, 16777217.0F}};
  split.targets = {{0.7F}, {1.0F / 7}, {7.000000000000001}};
  const Split read = split_from_json(to_json(split));
  EXPECT_EQ(read.inputs.offset, split.inputs.offset);
  EXPECT_EQ(read.inputs.factor, split.inputs.factor);
  EXPECT_EQ(read.inputs.fill, split.inputs.fill);
  EXPECT_EQ(read.targets.offset, split.targets.offset);
  EXPECT_EQ(read.targets.factor, split.targets.factor);
  EXPECT_EQ(read.targets.unit, split.targets.unit);
}

}  // namespace
}  // namespace shoal
