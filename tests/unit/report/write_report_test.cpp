#include <cmath>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "report/curve_bands.hpp"
#include "report/report_json.hpp"
#include "shoal/error.hpp"
#include "small_sweeps.hpp"

namespace shoal::report {
namespace {

/// The data in a page.
nlohmann::json data_of(const std::string& page) {
  const std::string begin = "id=\"data\">";
  const std::size_t first = page.find(begin) + begin.size();
  return nlohmann::json::parse(page.substr(first, page.find("</script>", first) - first));
}

struct WriteReport : testing::Test {
  void run(const std::string& more, const std::vector<std::string>& overrides = {}) {
    const std::string yaml =
        "data: {train: 'table.csv', target: kind}\nmetric: {name: val_accuracy, goal: maximize}\n" + more +
        "trainer: {engine: cpu, threads: 1}\nparameters:\n  learning_rate_init: {values: [0.001, 0.01, 0.1]}\n"
        "  hidden_layer_sizes: {values: [[2], [4]]}\n  max_iter: 6\n  batch_size: 8\n";
    small::run_into(parse_sweep(yaml, (folder / "sweep.yaml").string(), folder / "", overrides), folder / "run");
  }
  small::Folder folder;
};

TEST_F(WriteReport, HoldsWhatTheRunHolds) {
  small::write_classes(folder / "table.csv");
  run("");
  const ReportSummary summary = write_report(folder / "run");
  EXPECT_EQ(summary.out, folder / "run" / "report.html");
  EXPECT_EQ(summary.n_trials, 6U);
  EXPECT_EQ(summary.n_shown, 6U);
  EXPECT_EQ(summary.no_validation, "");
  const std::string page = small::content(summary.out);
  EXPECT_EQ(page.size(), summary.bytes);
  const nlohmann::json data = data_of(page);
  EXPECT_EQ(data.at("winner").at("id"), summary.winner);
  EXPECT_EQ(data.at("trials").at("id").at(0), summary.winner);
  EXPECT_EQ(data.at("totals").at("statuses"), (nlohmann::json{{"finished", 6}}));
  EXPECT_EQ(data.at("totals").at("epochs"), 36);
  EXPECT_EQ(data.at("trials").at("parameters").at(1).at("levels"), (nlohmann::json{0.001, 0.01, 0.1}));
  EXPECT_EQ(data.at("trials").at("parameters").at(1).at("scale"), "log");
  EXPECT_EQ(data.at("trials").at("parameters").at(0).at("scale"), "words");
  EXPECT_EQ(data.at("sweep").at("early_terminate"), "none");
}

TEST_F(WriteReport, LetsNoNameOutOfTheData) {
  const std::string wicked = "</script><b>";
  std::ofstream out(folder / "table.csv");
  out << "a,\"" << wicked << "\",kind\n";
  for (int i = 0; i < 40; ++i) out << i % 7 << ',' << i % 5 << ',' << (i % 2 == 0 ? wicked : "other") << '\n';
  out.close();
  run("");
  const std::string page = small::content(write_report(folder / "run", folder / "page.html").out);
  EXPECT_EQ(page.find(wicked), std::string::npos);
  EXPECT_EQ(data_of(page).at("validation").at("confusions").at(0).at("classes").at(0), wicked);
}

TEST_F(WriteReport, CountsNoEpochThatATrialOfAPopulationSpentDiverged) {
  small::write_classes(folder / "table.csv");
  run("early_terminate: {type: pbt, interval: 2, quantile: 0.34, resample: 0}\n",
      {"parameters.learning_rate_init={values: [0.001, 0.01, 1e30]}"});
  const auto directory = store::RunDirectory::open(folder / "run");
  const CurveBands bands = curve_bands(directory, read_trials(directory));
  // Two diverge in their first epoch, and are copies from the third on.
  EXPECT_EQ(bands.n_there, (std::vector<std::size_t>{6, 4, 6, 6, 6, 6}));
  EXPECT_EQ(data_of(small::content(write_report(folder / "run").out)).at("sweep").at("early_terminate"), "pbt");
}

TEST_F(WriteReport, HasQuantilesOfTheCurves) {
  small::write_classes(folder / "table.csv");
  run("early_terminate: {type: halving, min_iter: 2, eta: 3}\n");
  const auto directory = store::RunDirectory::open(folder / "run");
  const TrialTable table = read_trials(directory);
  const CurveBands bands = curve_bands(directory, table);
  EXPECT_EQ(bands.epochs, (std::vector<std::uint32_t>{1, 2, 3, 4, 5, 6}));
  EXPECT_EQ(bands.n_there, (std::vector<std::size_t>{6, 6, 2, 2, 2, 2}));
  std::vector<double> at_four;
  for (const std::string& id : table.ids) {
    const std::vector<CurvePoint> curve = directory.curve(id);
    if (curve.size() > 3) at_four.push_back(curve[3].metric);
  }
  ASSERT_EQ(at_four.size(), 2U);
  EXPECT_DOUBLE_EQ(bands.quantiles[0][2][3], (at_four[0] + at_four[1]) / 2);
  EXPECT_EQ(bands.curves.size(), 6U);
}

TrialResult result_of(const std::string& id, double rate, double accuracy, TrialStatus status) {
  TrialResult result;
  result.trial.id = id;
  result.trial.seed = id.ends_with("r1") ? 1 : 0;
  result.trial.hyperparameters.learning_rate_init = rate;
  result.trial.topology = {.n_inputs = 2, .hidden_layer_sizes = {4}, .activations = {Activation::relu}, .n_outputs = 1};
  result.status = status;
  result.epochs = result.best_epoch = 2;
  result.metrics.values[static_cast<std::size_t>(Metric::val_accuracy)] = accuracy;
  return result;
}

/// Three settings of two repeats: a has the best trial, b the best mean, and one of c diverged.
struct ReportOfSettings : WriteReport {
  ReportOfSettings() {
    manifest.metric = Metric::val_accuracy;
    manifest.maximize = true;
    manifest.task = Task::classification;
    manifest.n_trials = 6;
    manifest.n_settings = 3;
  }
  nlohmann::json data() {
    using enum TrialStatus;
    auto directory = store::RunDirectory::create(folder / "run", manifest);
    for (const TrialResult& result :
         {result_of("a", 0.1, 1.0, finished), result_of("a.r1", 0.1, 0.5, finished),
          result_of("b", 0.02, 0.7, finished), result_of("b.r1", 0.02, 0.9, finished),
          result_of("c", 0.1, 0.99, finished), result_of("c.r1", 0.1, std::nan(""), diverged)})
      directory.add(result);
    directory.flush(manifest);
    return data_of(small::content(write_report(folder / "run").out));
  }
  store::Manifest manifest;
};

TEST_F(ReportOfSettings, RanksThemByTheirMeansWithStandardErrors) {
  const nlohmann::json page = data();
  const nlohmann::json& settings = page.at("settings");
  EXPECT_EQ(settings.at("id"), (nlohmann::json{"b", "a", "c"}));
  EXPECT_EQ(settings.at("mean"), (nlohmann::json{0.8, 0.75, nullptr}));
  EXPECT_EQ(settings.at("standard_error"), (nlohmann::json{0.1, 0.25, nullptr}));
  EXPECT_EQ(settings.at("n_trials"), (nlohmann::json{2, 2, 2}));
  EXPECT_EQ(settings.at("status"), (nlohmann::json{"finished", "finished", "diverged"}));
  EXPECT_EQ(settings.at("median"), 0.775);
  // learning_rate_init 0.02 and 0.1; the seeds of a setting differ.
  EXPECT_EQ(page.at("trials").at("parameters").at(1).at("name"), "seed");
  EXPECT_EQ(settings.at("codes"), (nlohmann::json{{0, 1, 1}, {nullptr, nullptr, nullptr}}));
}

TEST_F(ReportOfSettings, TellsOfTheBestOneSoFarAndItsBestTrial) {
  const nlohmann::json page = data();
  EXPECT_EQ(page.at("settings").at("winner"),
            (nlohmann::json{{"id", "b"}, {"rank", 1}, {"n_trials", 2}, {"mean", 0.8}, {"standard_error", 0.1}}));
  EXPECT_EQ(page.at("winner").at("id"), "b.r1");
  EXPECT_EQ(page.at("trials").at("id").at(0), "a");
}

TEST_F(ReportOfSettings, TellARunThatGoesOnFromOneWhoseProcessHasGone) {
  const auto status = [&] {
    return data_of(small::content(write_report(folder / "run").out)).at("run").at("status").get<std::string>();
  };
  {
    const auto claimed = store::RunDirectory::create(folder / "run", manifest);
    EXPECT_EQ(status(), "running");
  }
  EXPECT_EQ(status(), "killed");
  manifest.status = "interrupted";
  store::RunDirectory::open(folder / "run").flush(manifest);
  EXPECT_EQ(status(), "interrupted");
}

TEST_F(ReportOfSettings, TellsHowManyTrialsOfASettingHaveEnded) {
  {
    auto directory = store::RunDirectory::create(folder / "run", manifest);
    directory.add(result_of("a.r1", 0.1, 0.9, TrialStatus::finished));
    directory.add(result_of("b", 0.02, 0.7, TrialStatus::finished));
    directory.flush(manifest);
  }
  const nlohmann::json page = data_of(small::content(write_report(folder / "run").out));
  const nlohmann::json& settings = page.at("settings");
  EXPECT_EQ(settings.at("n_trials"), (nlohmann::json{1, 1}));
  EXPECT_EQ(settings.at("n_wanted"), 2);
  EXPECT_EQ(page.at("trials").at("parameters").at(1).at("name"), "seed");
  EXPECT_EQ(settings.at("codes").at(1), (nlohmann::json{nullptr, nullptr})) << "seeds of repeats";
}

TEST_F(ReportOfSettings, TellsOfTheOneThatWonWhereThatIsAnotherOne) {
  manifest.status = "done";
  manifest.winner = "a.all";  // the smallest within a standard error
  const nlohmann::json page = data();
  EXPECT_EQ(page.at("settings").at("winner").at("id"), "a");
  EXPECT_EQ(page.at("settings").at("winner").at("rank"), 2);
  EXPECT_EQ(page.at("winner").at("id"), "a");
  EXPECT_EQ(page.at("run").at("winner"), "a.all");
}

TEST_F(ReportOfSettings, AreNoneWhereEachHasOneTrial) {
  manifest.n_settings = 6;
  const nlohmann::json page = data();
  EXPECT_TRUE(page.at("settings").is_null());
  EXPECT_EQ(page.at("winner").at("id"), "a");
}

TEST_F(WriteReport, NeedsARun) { EXPECT_THROW(write_report(folder / "nothing"), InputError); }

TEST(SixDigits, RoundsAndKeepsWhatIsNoNumber) {
  EXPECT_EQ(six_digits(1.0 / 3), 0.333333);
  EXPECT_EQ(six_digits(-123456789.0), -123457000.0);
  EXPECT_TRUE(std::isnan(six_digits(std::nan(""))));
}

}  // namespace
}  // namespace shoal::report
