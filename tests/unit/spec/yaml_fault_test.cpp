#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal {
namespace {

std::string refusal(const std::string& yaml, const std::vector<std::string>& overrides = {}) {
  try {
    static_cast<void>(parse_sweep(yaml, "s", "/data", overrides));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

TEST(YamlFault, NamesTheBracketThatIsNotClosed) {
  EXPECT_EQ(refusal("data: {train: x\nmethod: grid\n"), "s:1: has '{' that is not closed: '}' is missing");
  EXPECT_EQ(refusal("data: {train: x}\nparameters:\n  alpha: [1, 2\n  l1: 3\n"),
            "s:3: has '[' that is not closed: ']' is missing");
  EXPECT_EQ(refusal("data: {train: x}\nparameters: {alpha: {values: [1, 2}}\n"), "s:2: has '}' where ']' is missing");
  EXPECT_EQ(refusal("data: {train: x, target: [a,\n  b}\n"), "s:2: has '}' where ']' is missing to what line 1 opens");
  EXPECT_EQ(refusal("data: {train: x}}\n"), "s:1: closes a bracket that is not open");
  EXPECT_EQ(refusal("# {\ndata: {train: 'it''s {'\n# [\n"), "s:2: has '{' that is not closed: '}' is missing");
  EXPECT_EQ(refusal("data: {train: \"x}\nmethod: grid\n"), "s:1: has a \" that is not closed");
  EXPECT_EQ(refusal("data: {train: x\n  target: y}\n"), "s:2: lacks a comma between two entries of {} or []");
}

TEST(YamlFault, NamesTheColonThatLacksASpace) {
  EXPECT_EQ(refusal("data:{train: x}\n"), "s:1: 'data:{train' lacks a space after the colon: 'data: ...'");
  EXPECT_EQ(refusal("data: {train:x}\n"), "s:1: data: 'train:x' lacks a space after the colon: 'train: ...'");
  EXPECT_EQ(refusal("data: {train: x}\nparameters: {alpha:1, l1: 2}\n"),
            "s:2: parameters: 'alpha:1' lacks a space after the colon: 'alpha: ...'");
  EXPECT_EQ(refusal("data: {train: x}\nmethod:grid\n\nrun_cap: 3\n"), "s:2: lacks a space after the colon: key: value");
  EXPECT_EQ(refusal("data: {train: x}\nmethod grid\n# why\nrun_cap: 3\n"), "s:2: lacks a colon: key: value");
  EXPECT_EQ(refusal("data: train: x\n"),
            "s:1: has two keys: the map that is a value goes into {}, a text with ': ' into quotes");
}

TEST(YamlFault, NamesTheLineThatIsIndentedOtherwise) {
  EXPECT_EQ(refusal("data:\n  train: x\n   target: y\n"),
            "s:3: is indented further than the line above, which has a value");
  EXPECT_EQ(refusal("data:\n    train: x\n  target: y\n"),
            "s:3: is indented otherwise than the keys above: keys of one map begin in the same column");
  EXPECT_EQ(refusal("data: {train: x}\n- method\n"), "s:2: is an item of a list among the keys of a map");
  EXPECT_EQ(refusal("data: {train: x} y\n"), "s:1: has text after the end of a value");
  EXPECT_EQ(refusal("data:\n  train: x\n\ttarget: y\n"), "s:3: begins with a tab: YAML is indented by spaces");
}

TEST(YamlFault, SaysWhatMustBeQuotedAndKeepsOtherMessages) {
  EXPECT_EQ(refusal("data: {train: x}\nmethod: @grid\n"), "s:2: has a value that begins with '@': put it into quotes");
  EXPECT_EQ(refusal("data: {train: *x}\n"), "s:1: is not YAML: the referenced anchor is not defined");
}

TEST(YamlFault, IsSaidOfOverridesToo) {
  EXPECT_EQ(refusal("data: {train: x}\n", {"parameters.alpha={values: [1, 2}"}),
            "override 'parameters.alpha={values: [1, 2}': parameters.alpha: the value has '}' where ']' is missing");
  EXPECT_EQ(refusal("data: {train: x}\n", {"metric={name:val_rmse}"}),
            "override 'metric={name:val_rmse}': metric: 'name:val_rmse' lacks a space after the colon: 'name: ...'");
}

}  // namespace
}  // namespace shoal
