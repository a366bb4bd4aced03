// Backpropagation by hand: the 1-2-2-1 ReLU network of docs/numerics.md, its forward values and its 13 derivatives
// written out, beside those of every engine of this machine; then gradient descent fits a sine. Public headers only.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <iomanip>
#include <iostream>
#include <memory>
#include <numbers>
#include <numeric>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"
#include "shoal/trial.hpp"

namespace {

constexpr int kColumn = 16;

double relu(double z) { return z > 0 ? z : 0; }
double d_relu(double z) { return z > 0 ? 1 : 0; }

using Values = std::vector<std::pair<std::string, double>>;

/// [z1; z2] = [w1 b1; w2 b2] [x; 1]
/// [z3; z4] = [w3 w5 b3; w4 w6 b4] [a1; a2; 1]
/// yhat     = [w7 w8 b5] [a3; a4; 1],   L = (y - yhat)^2
struct Network {
  double w1, b1, w2, b2, w3, w5, b3, w4, w6, b4, w7, w8, b5;

  [[nodiscard]] std::vector<float> parameters() const {
    std::vector<float> floats;
    for (const double value : {w1, b1, w2, b2, w3, w5, b3, w4, w6, b4, w7, w8, b5}) {
      floats.push_back(static_cast<float>(value));
    }
    return floats;
  }

  /// Forward values, then the 13 derivatives in canonical order, each from its own formula.
  [[nodiscard]] Values by_hand(double x, double y) const {
    const double z1 = w1 * x + b1;
    const double z2 = w2 * x + b2;
    const double a1 = relu(z1);
    const double a2 = relu(z2);
    const double z3 = w3 * a1 + w5 * a2 + b3;
    const double z4 = w4 * a1 + w6 * a2 + b4;
    const double a3 = relu(z3);
    const double a4 = relu(z4);
    const double yhat = w7 * a3 + w8 * a4 + b5;
    const double loss = (y - yhat) * (y - yhat);

    const double slope = -2 * (y - yhat);                // dL/dyhat
    const double s3 = slope * w7 * d_relu(z3);           // dL/dz3
    const double s4 = slope * w8 * d_relu(z4);           // dL/dz4
    const double s1 = (s3 * w3 + s4 * w4) * d_relu(z1);  // dL/dz1
    const double s2 = (s3 * w5 + s4 * w6) * d_relu(z2);  // dL/dz2
    return {{"z1", z1},
            {"z2", z2},
            {"a1", a1},
            {"a2", a2},
            {"z3", z3},
            {"z4", z4},
            {"a3", a3},
            {"a4", a4},
            {"yhat", yhat},
            {"L", loss},
            {"dL/dw1", s1 * x},
            {"dL/db1", s1},
            {"dL/dw2", s2 * x},
            {"dL/db2", s2},
            {"dL/dw3", s3 * a1},
            {"dL/dw5", s3 * a2},
            {"dL/db3", s3},
            {"dL/dw4", s4 * a1},
            {"dL/dw6", s4 * a2},
            {"dL/db4", s4},
            {"dL/dw7", slope * a3},
            {"dL/dw8", slope * a4},
            {"dL/db5", slope}};
  }
};

/// A network with one input and one output under squared error, trained by plain gradient descent on all rows at once.
shoal::Trial curve_trial(std::vector<std::int32_t> hidden, shoal::Activation activation) {
  shoal::Trial trial;
  trial.topology.n_inputs = 1;
  trial.topology.activations.assign(hidden.size(), activation);
  trial.topology.hidden_layer_sizes = std::move(hidden);
  trial.topology.n_outputs = 1;
  trial.seed = 1;
  trial.hyperparameters.solver = shoal::Solver::sgd;
  trial.hyperparameters.momentum = 0;
  trial.hyperparameters.alpha = 0;
  trial.hyperparameters.batch_size = 0;
  return trial;
}

/// Points of a curve as they are: nothing scaled, and trained on all of them, for nothing is chosen here.
shoal::Dataset curve(std::span<const double> x, std::span<const double> y) {
  shoal::DataSpec spec;
  spec.task = shoal::Task::regression;
  spec.scale = shoal::InputScale::none;
  spec.target_scale = shoal::TargetScale::none;
  spec.validation = 0.5;
  shoal::Dataset dataset = shoal::make_dataset(x, 1, y, 1, spec, 0);
  dataset.splits[0].training.resize(dataset.n_rows);
  std::iota(dataset.splits[0].training.begin(), dataset.splits[0].training.end(), 0U);
  return dataset;
}

/// The same values in the same order from an engine.
std::vector<double> by_engine(const std::string& name, const shoal::Dataset& dataset, const Network& network) {
  const shoal::Trial trial = curve_trial({2, 2}, shoal::Activation::relu);
  const std::unique_ptr<shoal::Engine> engine = shoal::make_engine(name, dataset, {});
  if (const std::string reason = engine->why_not(trial); !reason.empty()) throw shoal::UnavailableError(reason);
  const std::vector<std::uint32_t> rows = {0};
  const shoal::Pass pass = engine->pass(trial, network.parameters(), rows);
  std::vector<double> values;
  for (std::size_t l = 0; l < 2; ++l) {
    values.insert(values.end(), pass.z[l].begin(), pass.z[l].end());
    values.insert(values.end(), pass.a[l].begin(), pass.a[l].end());
  }
  values.push_back(pass.z[2][0]);
  values.push_back(pass.loss);
  values.insert(values.end(), pass.gradient.begin(), pass.gradient.end());
  return values;
}

void show_derivatives() {
  const Network network{.w1 = 0.75,
                        .b1 = 0.5,
                        .w2 = -0.5,
                        .b2 = 1.25,
                        .w3 = 1.5,
                        .w5 = 0.25,
                        .b3 = -0.5,
                        .w4 = -0.75,
                        .w6 = 1.25,
                        .b4 = 0.5,
                        .w7 = 0.5,
                        .w8 = -1.25,
                        .b5 = 0.25};
  constexpr std::array<double, 2> kX = {0.3, 0.3};  // twice: a table has a row for training and one for validation
  constexpr std::array<double, 2> kY = {1.1, 1.1};
  const shoal::Dataset dataset = curve(kX, kY);
  const Values hand = network.by_hand(kX[0], kY[0]);

  std::vector<std::pair<std::string, std::vector<double>>> columns;
  std::cout << "A 1-2-2-1 ReLU network at x = 0.3, y = 1.1: every value and derivative, by hand and by every engine\n";
  for (const shoal::EngineInfo& info : shoal::engines()) {
    try {
      if (!info.available) throw shoal::UnavailableError(info.detail);
      columns.emplace_back(info.name, by_engine(info.name, dataset, network));
    } catch (const shoal::Error& error) {
      std::cout << "  " << info.name << " is not here: " << error.what() << '\n';
    }
  }
  std::cout << '\n' << std::setw(8) << "" << std::setw(kColumn) << "by hand";
  for (const auto& [name, values] : columns) std::cout << std::setw(kColumn) << name;
  std::cout << std::fixed << std::setprecision(9) << '\n';
  for (std::size_t k = 0; k < hand.size(); ++k) {
    std::cout << std::setw(8) << hand[k].first << std::setw(kColumn) << hand[k].second;
    for (const auto& [name, values] : columns) std::cout << std::setw(kColumn) << values[k];
    std::cout << '\n';
  }
  std::cout << "Engines read x and y as floats, which 0.3 and 1.1 are not: hence the ninth digit.\n\n";
}

/// Points `.`, the network's curve `o` where it misses them and `*` where both meet.
void plot(std::span<const double> y, std::span<const float> fitted) {
  constexpr int kRows = 15;
  const auto row_of = [](double value) {
    return static_cast<int>(std::lround((1.2 - std::clamp(value, -1.2, 1.2)) / 2.4 * (kRows - 1)));
  };
  std::vector<std::string> lines(kRows, std::string(y.size(), ' '));
  for (std::size_t i = 0; i < y.size(); ++i) {
    char& point = lines[static_cast<std::size_t>(row_of(y[i]))][i];
    point = '.';
    char& curve_point = lines[static_cast<std::size_t>(row_of(static_cast<double>(fitted[i])))][i];
    curve_point = curve_point == '.' ? '*' : 'o';
  }
  for (const std::string& line : lines) std::cout << "  |" << line << '\n';
  std::cout << "  +" << std::string(y.size(), '-') << "\n\n";
}

void fit_a_sine() {
  constexpr std::size_t kPoints = 61;
  std::vector<double> x(kPoints);
  std::vector<double> y(kPoints);
  for (std::size_t i = 0; i < kPoints; ++i) {
    x[i] = -3.0 + 0.1 * static_cast<double>(i);
    y[i] = std::sin(x[i]);
  }
  const shoal::Dataset dataset = curve(x, y);
  const std::vector<float> inputs(x.begin(), x.end());
  shoal::Trial trial = curve_trial({16}, shoal::Activation::tanh);
  trial.hyperparameters.learning_rate_init = 0.05;
  trial.hyperparameters.max_iter = 10000;

  const std::unique_ptr<shoal::Engine> engine =
      shoal::make_engine("auto", dataset, {.metric = shoal::Metric::train_loss});
  shoal::Gang gang;
  gang.key = shoal::gang_key(trial);
  gang.n_slots = 1;
  engine->prepare(std::span(&gang, 1));
  engine->place(0, trial, shoal::initial_state(trial));
  std::cout << "sin(x) on [-3, 3]: " << kPoints << " points, 16 tanh units, full-batch gradient descent, engine "
            << engine->name() << "\n  . point   o network   * both\n\n";
  for (const std::uint32_t epoch : {1U, 100U, 10000U}) {
    const shoal::TrainTarget target{.slot = 0, .epoch = epoch};
    std::vector<shoal::EpochRecord> records;
    std::vector<shoal::Slot> lost;
    engine->train(std::span(&target, 1), {}, records, lost);
    const double loss = records.back().train_loss / records.back().train_weight;
    std::cout << "after " << epoch << " steps: mean squared error " << std::setprecision(6) << loss << '\n';
    plot(y, engine->predict(trial, engine->read(0).parameters, inputs));
  }
}

}  // namespace

int main() {
  try {
    show_derivatives();
    fit_a_sine();
  } catch (const std::exception& error) {
    std::cerr << "backprop_by_hand: " << error.what() << '\n';
    return 1;
  }
  return 0;
}
