// The worked examples of docs/numerics.md, literally, on every engine that this machine can run.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <gtest/gtest.h>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "shoal/engine.hpp"
#include "verify/bounded_training.hpp"
#include "verify/random_network.hpp"
#include "verify/tables.hpp"

namespace shoal {
namespace {

std::vector<std::string> available_engines() {
  std::vector<std::string> names;
  for (const EngineInfo& engine : engines()) {
    if (engine.available) names.push_back(engine.name);
  }
  return names;
}

/// Trial of a 1-input, 1-output network under squared error.
Trial curve_trial(std::vector<std::int32_t> hidden, Activation activation) {
  Trial trial;
  trial.topology.n_inputs = 1;
  trial.topology.activations.assign(hidden.size(), activation);
  trial.topology.hidden_layer_sizes = std::move(hidden);
  trial.topology.n_outputs = 1;
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.momentum = 0;
  trial.hyperparameters.alpha = 0;
  trial.hyperparameters.batch_size = 0;
  return trial;
}

/// What an engine's number may be off: nothing but the last digits of double for the reference, else the fp32 bound.
double allowed(const std::string& engine, const verify::Bounded& bound) {
  return engine == "reference" ? 1e-12 * (1 + std::abs(bound.value)) : bound.error;
}

class EveryEngine : public testing::TestWithParam<std::string> {
 protected:
  /// The pass of this engine over all rows; nothing if it does not train such networks.
  static std::optional<Pass> pass(const Dataset& dataset, const Trial& trial, const std::vector<float>& parameters) {
    const std::unique_ptr<Engine> engine = make_engine(GetParam(), dataset, {});
    if (!engine->why_not(trial).empty()) return std::nullopt;
    return engine->pass(trial, parameters, dataset.splits[0].training);
  }
};

TEST_P(EveryEngine, GivesTheSixValuesOfTwoSigmoidNeurons) {
  constexpr std::array<float, 6> kX = {-2, -1, 0, 0.5, 1, 2};
  constexpr std::array<double, 6> kZ3 = {.667751905, .656972874, .587470126, .547835094, .523874019, .517173387};
  const Dataset dataset =
      verify::plain_dataset(Task::regression, {kX.begin(), kX.end()}, 1, std::vector<float>(6, 0), 1);
  const Trial trial = curve_trial({2}, Activation::sigmoid);
  // z1 = -1.75 x - 0.1, z2 = 0.172 x + 0.15, z3 = 0.25 a1 + 0.5 a2 + 0.2
  const std::vector<float> parameters = {-1.75F, -0.1F, 0.172F, 0.15F, 0.25F, 0.5F, 0.2F};
  const std::optional<Pass> found = pass(dataset, trial, parameters);
  if (!found) GTEST_SKIP() << GetParam() << " does not train this network";

  TrialState state;
  state.parameters = parameters;
  for (std::size_t row = 0; row < kX.size(); ++row) {
    const std::vector<reference::Example> example = {{.inputs = {static_cast<double>(kX[row])}, .targets = {0}}};
    const verify::BoundedPass bound =
        verify::bounded_pass(verify::kStrictProducts, trial, verify::bounded_state(state).parameters, example);
    // The parameters are floats, so 0.172 is 0.172 + 1.2e-9: the bound knows it only as what the float is.
    const double parameter_rounding = 0x1p-25 * (std::abs(kX[row]) * 2.0 + 1.0);
    EXPECT_NEAR(found->z[1][row], kZ3[row], 5e-10 + parameter_rounding + allowed(GetParam(), bound.z[1][0]))
        << "x = " << kX[row];
  }
}

struct HandWritten {
  double z1, z2, a1, a2, z3, z4, a3, a4, yhat, loss;
  std::array<double, 13> gradient;  ///< canonical order
};

/// The 1-2-2-1 network with the formulas of docs/numerics.md. p: canonical order, in which w3, w5 feed z3.
HandWritten by_hand(const std::vector<float>& p, double x, double y) {
  const double w1 = p[0], b1 = p[1], w2 = p[2], b2 = p[3];
  const double w3 = p[4], w5 = p[5], b3 = p[6], w4 = p[7], w6 = p[8], b4 = p[9];
  const double w7 = p[10], w8 = p[11], b5 = p[12];
  const auto relu = [](double z) { return z > 0 ? z : 0.0; };
  const auto step = [](double z) { return z > 0 ? 1.0 : 0.0; };
  HandWritten h{};
  h.z1 = w1 * x + b1;
  h.z2 = w2 * x + b2;
  h.a1 = relu(h.z1);
  h.a2 = relu(h.z2);
  h.z3 = w3 * h.a1 + w5 * h.a2 + b3;
  h.z4 = w4 * h.a1 + w6 * h.a2 + b4;
  h.a3 = relu(h.z3);
  h.a4 = relu(h.z4);
  h.yhat = w7 * h.a3 + w8 * h.a4 + b5;
  h.loss = (y - h.yhat) * (y - h.yhat);
  const double ly = -2 * (y - h.yhat);
  const double dw7 = ly * h.a3, dw8 = ly * h.a4, db5 = ly;
  const double dw3 = ly * w7 * step(h.z3) * h.a1, dw5 = ly * w7 * step(h.z3) * h.a2, db3 = ly * w7 * step(h.z3);
  const double dw4 = ly * w8 * step(h.z4) * h.a1, dw6 = ly * w8 * step(h.z4) * h.a2, db4 = ly * w8 * step(h.z4);
  const double e1 = w7 * step(h.z3) * w3 + w8 * step(h.z4) * w4;
  const double e2 = w7 * step(h.z3) * w5 + w8 * step(h.z4) * w6;
  const double dw1 = ly * e1 * step(h.z1) * x, db1 = ly * e1 * step(h.z1);
  const double dw2 = ly * e2 * step(h.z2) * x, db2 = ly * e2 * step(h.z2);
  h.gradient = {dw1, db1, dw2, db2, dw3, dw5, db3, dw4, dw6, db4, dw7, dw8, db5};
  return h;
}

TEST_P(EveryEngine, GivesThe13DerivativesOfTheReluNetworkWrittenByHand) {
  const Trial trial = curve_trial({2, 2}, Activation::relu);
  verify::Draw draw(13);
  int with_every_unit_on = 0;
  for (int n = 0; n < 200; ++n) {
    std::vector<float> parameters(13);
    for (float& value : parameters) value = static_cast<float>(draw.uniform(-1.5, 1.5));
    const auto x = static_cast<float>(draw.uniform(-2, 2));
    const auto y = static_cast<float>(draw.uniform(-2, 2));
    const Dataset dataset = verify::plain_dataset(Task::regression, {x}, 1, {y}, 1);
    const std::optional<Pass> found = pass(dataset, trial, parameters);
    if (!found) GTEST_SKIP() << GetParam() << " does not train this network";
    const HandWritten hand = by_hand(parameters, x, y);

    TrialState state;
    state.parameters = parameters;
    const std::vector<reference::Example> example = {{.inputs = {x}, .targets = {y}}};
    const verify::BoundedPass bound =
        verify::bounded_pass(verify::kStrictProducts, trial, verify::bounded_state(state).parameters, example);
    const std::array<double, 5> z = {hand.z1, hand.z2, hand.z3, hand.z4, hand.yhat};
    for (std::size_t k = 0; k < z.size(); ++k) {
      EXPECT_NEAR(found->z[k / 2][k % 2], z[k], allowed(GetParam(), bound.z[k / 2][k % 2])) << "z" << k + 1;
    }
    EXPECT_NEAR(found->loss, hand.loss, allowed(GetParam(), bound.loss));
    for (std::size_t k = 0; k < 13; ++k) {
      EXPECT_NEAR(found->gradient[k], hand.gradient[k], allowed(GetParam(), bound.gradient[k])) << "parameter " << k;
    }
    with_every_unit_on += hand.z1 > 0 && hand.z2 > 0 && hand.z3 > 0 && hand.z4 > 0 ? 1 : 0;
  }
  EXPECT_GT(with_every_unit_on, 5);
}

TEST_P(EveryEngine, HasNoDerivativeAtTheKinkOfRelu) {
  // z1 = 0 exactly: nothing passes to w1 and b1, while the output's bias feels the error.
  const Trial trial = curve_trial({1}, Activation::relu);
  const Dataset dataset = verify::plain_dataset(Task::regression, {1}, 1, {1}, 1);
  const std::optional<Pass> found = pass(dataset, trial, {0, 0, 1, 0});
  if (!found) GTEST_SKIP() << GetParam() << " does not train this network";
  EXPECT_EQ(found->gradient, (std::vector<double>{0, 0, 0, -2}));
}

INSTANTIATE_TEST_SUITE_P(Available, EveryEngine, testing::ValuesIn(available_engines()),
                         [](const auto& parameter) { return parameter.param; });

TEST(WorkedExamples, RunOnTheReferenceAndOnTheCpu) {
  const std::vector<std::string> names = available_engines();
  EXPECT_NE(std::ranges::find(names, "reference"), names.end());
  EXPECT_NE(std::ranges::find(names, "cpu"), names.end());
}

}  // namespace
}  // namespace shoal
