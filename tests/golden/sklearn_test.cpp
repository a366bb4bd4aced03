// Loss curves of scikit-learn's MLPClassifier and MLPRegressor (make_sklearn.py), reached by the reference and cpu
// engines over 20 epochs.
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <fstream>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "noise.hpp"
#include "shoal/engine.hpp"
#include "verify/tables.hpp"

namespace shoal {
namespace {

using nlohmann::json;

/// (x - mean) / standard deviation of every column, in double, then as floats; row-major.
std::vector<float> standardised(const std::vector<double>& values, std::size_t n_columns) {
  std::vector<float> scaled(values.size());
  const std::size_t n_rows = values.size() / n_columns;
  for (std::size_t c = 0; c < n_columns; ++c) {
    double sum = 0;
    for (std::size_t r = 0; r < n_rows; ++r) sum += values[r * n_columns + c];
    const double mean = sum / static_cast<double>(n_rows);
    double squares = 0;
    for (std::size_t r = 0; r < n_rows; ++r) squares += std::pow(values[r * n_columns + c] - mean, 2);
    const double deviation = std::sqrt(squares / static_cast<double>(n_rows));
    for (std::size_t r = 0; r < n_rows; ++r) {
      scaled[r * n_columns + c] = static_cast<float>((values[r * n_columns + c] - mean) / deviation);
    }
  }
  return scaled;
}

/// The first rows of a table of examples/data, whose last column is the target.
Dataset table(const std::string& name, std::size_t most_rows) {
  std::ifstream file(SHOAL_SOURCE_DIR "/examples/data/" + name + ".csv");
  std::string line;
  std::getline(file, line);
  const auto n_inputs = static_cast<std::size_t>(std::ranges::count(line, ','));
  std::vector<double> inputs;
  std::vector<double> numbers;
  std::vector<float> classes;
  for (std::size_t row = 0; row < most_rows && std::getline(file, line); ++row) {
    std::istringstream cells(line);
    std::string cell;
    for (std::size_t c = 0; c < n_inputs && std::getline(cells, cell, ','); ++c) inputs.push_back(std::stod(cell));
    std::getline(cells, cell);
    if (name == "letters") {
      classes.push_back(static_cast<float>(cell[0] - 'A'));
    } else {
      numbers.push_back(std::stod(cell));
    }
  }
  if (name == "letters") {
    return verify::plain_dataset(Task::classification, standardised(inputs, n_inputs), n_inputs, classes, 26);
  }
  return verify::plain_dataset(Task::regression, standardised(inputs, n_inputs), n_inputs, standardised(numbers, 1), 1);
}

/// Mean training losses of the epochs.
std::vector<double> losses(const char* engine_name, const Dataset& dataset, const Trial& trial) {
  TrialState start = initial_state(trial);
  const std::vector<float> drawn = golden::noise(start.parameters.size(), 5);
  std::ranges::transform(drawn, start.parameters.begin(), [](float value) { return 0.5F * value; });
  const auto engine = make_engine(engine_name, dataset, {.n_threads = 1});
  const Gang gang{.key = gang_key(trial), .first_slot = 0, .n_slots = 1};
  engine->prepare(std::span(&gang, 1));
  engine->place(0, trial, start);
  const TrainTarget target{0, static_cast<std::uint32_t>(trial.hyperparameters.max_iter)};
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  engine->train(std::span(&target, 1), {}, records, lost);
  std::vector<double> means;
  for (const EpochRecord& record : records) means.push_back(record.train_loss / record.train_weight);
  return means;
}

void expect_curves(const char* engine) {
  std::ifstream file(SHOAL_SOURCE_DIR "/tests/golden/sklearn.json");
  const json document = json::parse(file);
  const Dataset letters = table("letters", 2000);
  const Dataset diabetes = table("diabetes", 442);
  ASSERT_EQ(diabetes.n_rows, 442U);
  EXPECT_EQ(document["curves"].size(), 12U);
  double worst = 0;
  for (const json& curve : document["curves"]) {
    const Dataset& dataset = curve["table"] == "letters" ? letters : diabetes;
    Trial trial;
    Hyperparameters& h = trial.hyperparameters;
    h.loss = curve["table"] == "letters" ? Loss::cross_entropy : Loss::half_squared_error;
    h.solver = solver_named(curve["solver"].get<std::string>()).value();
    h.learning_rate_init = curve["learning_rate_init"];
    h.alpha = document["alpha"];
    h.batch_size = document["batch_size"];
    h.max_iter = 20;
    h.shuffle = Shuffle::none;
    const Activation f = activation_named(curve["activation"].get<std::string>()).value();
    trial.topology = {dataset.n_inputs(), document["hidden_layer_sizes"], {f}, dataset.n_targets()};
    const auto expected = curve["losses"].get<std::vector<double>>();
    const std::vector<double> found = losses(engine, dataset, trial);
    ASSERT_EQ(found.size(), expected.size());
    for (std::size_t epoch = 0; epoch < found.size(); ++epoch) {
      worst = std::max(worst, std::abs(found[epoch] / expected[epoch] - 1));
      EXPECT_LT(std::abs(found[epoch] / expected[epoch] - 1), 1e-4)
          << curve["table"] << ' ' << curve["solver"] << ' ' << curve["activation"] << ", epoch " << epoch;
    }
  }
  testing::Test::RecordProperty("worst_relative", std::to_string(worst * 1e12) + "e-12");
}

TEST(ScikitLearn, CurvesAreReachedByTheReference) { expect_curves("reference"); }
TEST(ScikitLearn, CurvesAreReachedByTheCpuEngine) { expect_curves("cpu"); }

}  // namespace
}  // namespace shoal
