#include <gtest/gtest.h>
#include <string>
#include <vector>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"

namespace shoal {
namespace {

SweepSpec some_sweep() {
  const std::string yaml =
      "data:\n"
      "  train: t.csv\n"
      "  test: u.csv\n"
      "metric: {name: val_rmse}\n"
      "parameters:\n"
      "  alpha: 0.1\n"
      "  architecture: {values: [{loss: huber}]}\n";
  const std::vector<std::string> overrides{"data.target=y"};
  return parse_sweep(yaml, "dir/s.yaml", "/tables", overrides);
}

std::string message(std::vector<Diagnostic> faults) {
  return placed(InputError(std::move(faults)), some_sweep()).what();
}

TEST(Places, AreThoseOfTheKeysThatFaultsName) {
  EXPECT_EQ(message({{"dir/s.yaml", 0, "metric.name", "means nothing"}}), "dir/s.yaml:4: metric.name: means nothing");
  // A key that was not written is looked for in what it would stand in.
  EXPECT_EQ(message({{"dir/s.yaml", 0, "parameters.loss", "is not for classification"}}),
            "dir/s.yaml:5: parameters.loss: is not for classification");
  EXPECT_EQ(message({{"dir/s.yaml", 0, "run_cap", "is required"}}), "dir/s.yaml: run_cap: is required");
}

TEST(Places, KeepTheNameOfTheTable) {
  EXPECT_EQ(message({{"/tables/t.csv", 0, "data", "is empty"}}), "dir/s.yaml:1: data: /tables/t.csv: is empty");
  EXPECT_EQ(message({{"/tables/t.csv", 0, "data.target", "there is no column 'y'"}}),
            "override 'data.target=y': data.target: /tables/t.csv: there is no column 'y'");
}

TEST(Places, AreThoseOfTheKeysThatNameAFile) {
  EXPECT_EQ(message({{"/tables/t.csv", 0, "", "cannot be read"}}),
            "dir/s.yaml:2: data.train: /tables/t.csv: cannot be read");
  EXPECT_EQ(message({{"/tables/u.csv", 0, "", "cannot be read"}}),
            "dir/s.yaml:3: data.test: /tables/u.csv: cannot be read");
  EXPECT_EQ(message({{"/tables/v.csv", 0, "", "cannot be read"}}), "/tables/v.csv: cannot be read");
}

TEST(Places, AreNotGivenToFaultsInATable) {
  EXPECT_EQ(message({{"/tables/t.csv", 7, "column 'a'", "has no value"}}), "/tables/t.csv:7: column 'a': has no value");
  EXPECT_EQ(message({{"/tables/t.csv", 0, "column 'a'", "has no value in any row"}}),
            "/tables/t.csv: column 'a': has no value in any row");
}

TEST(Places, LeaveTheOrderOfATablesFaults) {
  EXPECT_EQ(message({{"/tables/t.csv", 5, "column 'a'", "has no value"},
                     {"/tables/t.csv", 9, "column 'b'", "has no value"},
                     {"/tables/t.csv", 0, "", "and 5 more"}}),
            "/tables/t.csv:5: column 'a': has no value\n/tables/t.csv:9: column 'b': has no value\n"
            "/tables/t.csv: and 5 more");
}

TEST(Places, OrderFaultsByTheirLinesAndOverridesLast) {
  EXPECT_EQ(
      message({{"/tables/t.csv", 0, "data.target", "is wrong"}, {"dir/s.yaml", 0, "metric.name", "is wrong too"}}),
      "dir/s.yaml:4: metric.name: is wrong too\n"
      "override 'data.target=y': data.target: /tables/t.csv: is wrong");
  EXPECT_EQ(message({{"dir/s.yaml", 0, "metric.name", "is wrong"}, {"/tables/t.csv", 0, "data.test", "is wrong too"}}),
            "dir/s.yaml:3: data.test: /tables/t.csv: is wrong too\ndir/s.yaml:4: metric.name: is wrong");
}

}  // namespace
}  // namespace shoal
