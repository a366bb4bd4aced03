#include <algorithm>
#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <string>

#include "shoal/error.hpp"
#include "small_sweeps.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// Column `at` of every line after the header.
std::vector<std::string> column(const std::filesystem::path& table, std::size_t at) {
  std::vector<std::string> values;
  for (const std::string& line : small::lines(small::content(table))) {
    std::size_t first = 0;
    for (std::size_t i = 0; i < at; ++i) first = line.find(',', first) + 1;
    values.push_back(line.substr(first, line.find(',', first) - first));
  }
  values.erase(values.begin());
  return values;
}

double accuracy(const Predictions& predictions, const std::vector<std::string>& truth,
                const std::vector<std::uint32_t>& rows) {
  double right = 0;
  for (const std::uint32_t row : rows) right += predictions.classes.at(row) == truth.at(row) ? 1 : 0;
  return right / static_cast<double>(rows.size());
}

struct PredictClasses : testing::Test {
  PredictClasses() {
    small::write_classes(table);
    small::write_classes(test);
    spec.data.test = test;
    summary = small::run_into(spec, folder / "run");
  }
  small::Folder folder;
  std::filesystem::path table = folder / "classes.csv";
  std::filesystem::path test = folder / "test.csv";
  SweepSpec spec = small::sweep(table, Metric::val_accuracy);
  RunSummary summary;
};

TEST(Predict, SaysWhyThereIsNoBestNetwork) {
  const small::Folder folder;
  const auto why = [&](const std::string& which) -> std::string {
    try {
      (void)predict(folder / "run", which, folder / "table.csv");
    } catch (const InputError& error) {
      return error.what();
    }
    return "";
  };
  auto directory = store::RunDirectory::create(folder / "run", {});
  EXPECT_EQ(why("best"), "'best': no trial of the run has ended yet, by its last checkpoint");
  TrialResult result;
  result.trial.topology = {2, {}, {}, 1};
  for (const char* const id : {"a", "b"}) {
    result.trial.id = id;
    result.status = TrialStatus::diverged;
    directory.add(result);
  }
  directory.flush({});
  EXPECT_EQ(why("best"), "'best': the run holds no network: of 2 trials that have ended all diverged");
  result.trial.id = "c";
  result.status = TrialStatus::finished;
  directory.add(result);
  directory.keep({result.trial, {1, 2, 3}, 0.5});
  directory.flush({});
  EXPECT_EQ(why("top:2"),
            "'top:2': the run holds 1 networks with a finite metric; trainer.keep says how many are stored of those "
            "that have ended");
}

TEST_F(PredictClasses, AgreesWithTheMetricsOfTheRun) {
  const Predictions predictions = predict(folder / "run", "best", table);
  EXPECT_EQ(predictions.ids, std::vector<std::string>{summary.winner});
  ASSERT_EQ(predictions.n_rows, 90U);
  const store::RunDirectory run = store::RunDirectory::open(folder / "run");
  const Dataset dataset = load_dataset(spec.data, spec.trainer.seed);
  EXPECT_DOUBLE_EQ(accuracy(predictions, column(table, 2), dataset.splits.at(0).validation),
                   run.row(summary.winner).metrics.of(Metric::val_accuracy));
  ASSERT_TRUE(summary.test.has_value());
  std::vector<std::uint32_t> all(90);
  for (std::uint32_t i = 0; i < 90; ++i) all[i] = i;
  EXPECT_DOUBLE_EQ(accuracy(predictions, column(test, 2), all), summary.test->of(Metric::val_accuracy));
}

TEST_F(PredictClasses, PassesOnWhatWasDecidedOnTheTable) {
  EXPECT_EQ(predict(folder / "run", "best", table).notes,
            std::vector<std::string>{"classes.csv: line 1 is the header"});
}

TEST_F(PredictClasses, GivesAProbabilityAClass) {
  const Predictions predictions = predict(folder / "run", "best", table);
  ASSERT_EQ(predictions.columns.size(), 3U);
  ASSERT_EQ(predictions.values.size(), 270U);
  for (std::size_t row = 0; row < 90; ++row) {
    const std::span p = std::span(predictions.values).subspan(row * 3, 3);
    EXPECT_NEAR(p[0] + p[1] + p[2], 1.0, 1e-5);
    const auto best = static_cast<std::size_t>(std::ranges::max_element(p) - p.begin());
    EXPECT_EQ(predictions.columns[best], "p(" + predictions.classes.at(row) + ")");
  }
}

TEST_F(PredictClasses, AveragesTheBest) {
  const Predictions both = predict(folder / "run", "top:2", table);
  ASSERT_EQ(both.ids.size(), 2U);
  EXPECT_EQ(both.ids[0], summary.winner);
  const Predictions first = predict(folder / "run", both.ids[0], table);
  const Predictions second = predict(folder / "run", both.ids[1], table);
  for (std::size_t i = 0; i < both.values.size(); ++i) {
    EXPECT_NEAR(both.values[i], 0.5 * (first.values.at(i) + second.values.at(i)), 1e-6);
  }
}

TEST_F(PredictClasses, TakesTheBeginningOfAnId) {
  const std::string beginning = summary.winner.substr(0, 12);
  EXPECT_EQ(predict(folder / "run", beginning, table).ids, std::vector<std::string>{summary.winner});
}

TEST_F(PredictClasses, RefusesWhatIsNotThere) {
  EXPECT_THROW((void)predict(folder / "run", "no-such-trial", table), InputError);
  EXPECT_THROW((void)predict(folder / "run", "top:0", table), InputError);
  EXPECT_THROW((void)predict(folder / "run", "top:x", table), InputError);
  EXPECT_THROW((void)predict(folder / "run", "top:4", table), InputError);  // keep: 3
  EXPECT_THROW((void)predict(folder / "nowhere", "best", table), InputError);
}

/// Networks of zeros that hardly learn: every label is exactly as likely as not.
TEST(PredictLabels, CountALabelThatIsAsLikelyAsNotAsTheMetricDoes) {
  const small::Folder folder;
  std::ofstream(folder / "labels.csv") << "a,x,y\n1,0,1\n2,1,0\n3,0,0\n4,1,1\n5,0,1\n6,0,0\n7,0,1\n8,1,0\n9,0,0\n";
  SweepSpec spec = small::sweep(folder / "labels.csv", Metric::val_accuracy, {1e-30});
  spec.data.target = {"x", "y"};
  spec.data.task = Task::multilabel;
  spec.axes.push_back({{"init"}, {{std::string("zeros")}}, {}, 0, 0});
  const RunSummary summary = small::run_into(spec, folder / "run");
  const Predictions predictions = predict(folder / "run", "best", folder / "labels.csv");
  ASSERT_EQ(predictions.values.size(), 36U);
  const std::vector<std::string> x = column(folder / "labels.csv", 1);
  const std::vector<std::string> y = column(folder / "labels.csv", 2);
  const Dataset dataset = load_dataset(spec.data, spec.trainer.seed);
  double right = 0;
  for (const std::uint32_t row : dataset.splits.at(0).validation) {
    const std::span of_row = std::span(predictions.values).subspan(std::size_t{4} * row, 4);
    EXPECT_EQ(of_row[2], 0.5);
    EXPECT_EQ(of_row[3], 0.5);
    right += (of_row[0] == std::stod(x.at(row)) ? 1 : 0) + (of_row[1] == std::stod(y.at(row)) ? 1 : 0);
  }
  const double n = 2.0 * static_cast<double>(dataset.splits.at(0).validation.size());
  EXPECT_DOUBLE_EQ(right / n,
                   store::RunDirectory::open(folder / "run").row(summary.winner).metrics.of(Metric::val_accuracy));
}

TEST(PredictRegression, IsInTheUnitsOfTheTable) {
  const small::Folder folder;
  small::write_regression(folder / "y.csv");
  const SweepSpec spec = small::sweep(folder / "y.csv", Metric::val_rmse);
  const RunSummary summary = small::run_into(spec, folder / "run");
  const Predictions predictions = predict(folder / "run", "best", folder / "y.csv");
  EXPECT_EQ(predictions.columns, std::vector<std::string>{"y"});
  const std::vector<std::string> truth = column(folder / "y.csv", 2);
  const Dataset dataset = load_dataset(spec.data, spec.trainer.seed);
  double squares = 0;
  for (const std::uint32_t row : dataset.splits.at(0).validation) {
    squares += std::pow(predictions.values.at(row) - std::stod(truth.at(row)), 2);
  }
  const double rmse = std::sqrt(squares / static_cast<double>(dataset.splits.at(0).validation.size()));
  const double stored = store::RunDirectory::open(folder / "run").row(summary.winner).metrics.of(Metric::val_rmse);
  EXPECT_NEAR(rmse, stored, 1e-5 * stored);
}

TEST(WritePredictions, QuotesWhatCsvMustQuote) {
  const small::Folder folder;
  Predictions predictions;
  predictions.task = Task::classification;
  predictions.classes = {"a,b", "say \"x\""};
  predictions.columns = {"p(a,b)", "p(c)"};
  predictions.values = {0.5, 0.25, 1, 0};
  predictions.n_rows = 2;
  write_predictions(predictions, folder / "out.csv");
  EXPECT_EQ(small::content(folder / "out.csv"),
            "prediction,\"p(a,b)\",p(c)\n\"a,b\",0.5,0.25\n\"say \"\"x\"\"\",1,0\n");
  EXPECT_THROW(write_predictions(predictions, folder / "no/folder/out.csv"), Error);
}

TEST(WritePredictions, NamesTheTargetsOfARegression) {
  Predictions predictions;
  predictions.columns = {"y", "z"};
  predictions.values = {1.5, -2, 0.1, 1e-7};
  predictions.n_rows = 2;
  EXPECT_EQ(predictions_csv(predictions), "y,z\n1.5,-2\n0.1,1e-07\n");
}

}  // namespace
}  // namespace shoal
