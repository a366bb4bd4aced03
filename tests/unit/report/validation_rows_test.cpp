#include "report/validation_rows.hpp"

#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <numeric>

#include "small_sweeps.hpp"

namespace shoal::report {
namespace {

TEST(ConfusionOf, CountsActualByPredicted) {
  const Confusion confusion = confusion_of({"a", "b", "c"}, {0, 0, 1, 2, 2, 2}, {0, 1, 1, 2, 2, 0});
  EXPECT_EQ(confusion.classes, (std::vector<std::string>{"a", "b", "c"}));
  EXPECT_EQ(confusion.counts, (std::vector<std::uint64_t>{1, 1, 0, 0, 1, 0, 1, 0, 2}));
}

TEST(ConfusionOf, PutsRareClassesOfManyTogether) {
  std::vector<std::string> classes;
  std::vector<std::size_t> actual;
  for (std::size_t k = 0; k < 60; ++k) {
    classes.push_back("class " + std::to_string(k));
    for (std::size_t i = 0; i < (k < 11 ? 1U : 2U); ++i) actual.push_back(k);
  }
  const Confusion confusion = confusion_of(classes, actual, actual);
  ASSERT_EQ(confusion.classes.size(), 50U);
  EXPECT_EQ(confusion.classes.front(), "class 11");
  EXPECT_EQ(confusion.classes.back(), "11 others");
  EXPECT_EQ(confusion.counts.front(), 2U);
  EXPECT_EQ(confusion.counts.back(), 11U);
}

TEST(FitOf, MeasuresEveryRowAndKeepsSome) {
  const TargetFit fit = fit_of("y", std::vector<double>(4000, 1), std::vector<double>(4000, 3));
  EXPECT_EQ(fit.rmse, 2);
  EXPECT_EQ(fit.mae, 2);
  EXPECT_EQ(fit.actual.size(), 2000U);
}

struct ValidationRowsOf : testing::Test {
  store::RunDirectory run(const std::string& yaml) {
    small::run_into(parse_sweep(yaml, (folder / "sweep.yaml").string(), folder / ""), folder / "run");
    return store::RunDirectory::open(folder / "run");
  }
  small::Folder folder;
};

constexpr const char* kParameters =
    "trainer: {engine: cpu, threads: 1}\nparameters: {hidden_layer_sizes: {values: [[4], [8]]}, max_iter: 5, "
    "batch_size: 8}\n";

TEST_F(ValidationRowsOf, AgreeWithTheAccuracyOfTheRun) {
  small::write_classes(folder / "table.csv");
  const auto directory =
      run(std::string("data: {train: table.csv, cv: 3}\nmetric: {name: val_accuracy, goal: maximize}\n") + kParameters);
  const std::string winner = directory.best(1, Metric::val_accuracy, true).at(0).id;
  const ValidationRows rows = validation_rows(directory, winner);
  ASSERT_EQ(rows.why_not, "");
  EXPECT_EQ(rows.n_rows, 30U);
  EXPECT_EQ(rows.training_rows, 60);
  // What was trained on all rows is shown by the best of its setting's folds.
  ASSERT_TRUE(directory.manifest().winner.ends_with(".all"));
  EXPECT_EQ(write_report(folder / "run", folder / "report.html").winner, directory.manifest().winner);
  EXPECT_NE(small::content(folder / "report.html").find("\"winner\":{\"id\":\"" + winner + '"'), std::string::npos);
  ASSERT_EQ(rows.confusions.size(), 1U);
  const Confusion& confusion = rows.confusions[0];
  EXPECT_EQ(confusion.classes, (std::vector<std::string>{"high", "low", "middle"}));
  EXPECT_EQ(std::accumulate(confusion.counts.begin(), confusion.counts.end(), std::uint64_t{0}), 30U);
  const auto n_right = static_cast<double>(confusion.counts[0] + confusion.counts[4] + confusion.counts[8]);
  EXPECT_DOUBLE_EQ(n_right / 30, directory.row(winner).metrics.of(Metric::val_accuracy));
}

TEST_F(ValidationRowsOf, AgreeWithTheErrorOfTheRun) {
  small::write_regression(folder / "table.csv");
  const auto directory =
      run(std::string("data: {train: table.csv}\nmetric: {name: val_rmse, goal: minimize}\n") + kParameters);
  const std::string& winner = directory.manifest().winner;
  const ValidationRows rows = validation_rows(directory, winner);
  ASSERT_EQ(rows.why_not, "");
  ASSERT_EQ(rows.fits.size(), 1U);
  EXPECT_EQ(rows.fits[0].name, "y");
  // Outputs are floats: their last bit is 2e-7 of some 300.
  EXPECT_NEAR(rows.fits[0].rmse, directory.row(winner).metrics.of(Metric::val_rmse), 1e-3);
  for (const double actual : rows.fits[0].actual) EXPECT_TRUE(actual > 255 && actual < 345) << actual;
}

TEST_F(ValidationRowsOf, SayThatTheTableHasChanged) {
  small::write_classes(folder / "table.csv");
  const auto directory = run(std::string("data: {train: table.csv}\n") + kParameters);
  const std::string& winner = directory.manifest().winner;
  ASSERT_EQ(validation_rows(directory, winner).why_not, "");
  std::ofstream(folder / "table.csv", std::ios::app) << "0.5,0.5,low\n";
  EXPECT_EQ(validation_rows(directory, winner).why_not,
            (folder / "table.csv").string() + ": the table has changed since the run");
  std::filesystem::remove(folder / "table.csv");
  const ValidationRows gone = validation_rows(directory, winner);
  EXPECT_NE(gone.why_not.find("table.csv"), std::string::npos) << gone.why_not;
  EXPECT_TRUE(gone.confusions.empty());
}

}  // namespace
}  // namespace shoal::report
