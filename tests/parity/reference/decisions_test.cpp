// Solvers and epoch decisions of the reference engine, against numbers worked out by hand.
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <vector>

#include "engine/reference/reference.hpp"

namespace shoal {
namespace {

using reference::State;

State one_parameter(double w) {
  State state;
  state.parameters = {w};
  state.first_moment = {0};
  state.second_moment = {0};
  return state;
}

void steps(const Hyperparameters& h, double rate, const std::vector<double>& gradients, State& state) {
  const Topology one_weight{1, {}, {}, 1};
  for (const double g : gradients) reference::update(one_weight, h, rate, std::vector<double>{g}, state);
}

TEST(ReferenceSolver, TakesPlainSteps) {
  State state = one_parameter(1);
  steps({.solver = Solver::sgd, .momentum = 0}, 0.5, {1, 0.5}, state);
  EXPECT_DOUBLE_EQ(state.parameters[0], 0.25);
  EXPECT_EQ(state.step, 2U);
}

TEST(ReferenceSolver, KeepsAVelocity) {
  State state = one_parameter(1);
  // u = -0.5, w = 0.5; u = 0.5 * -0.5 - 0.25 = -0.5, w = 0
  steps({.solver = Solver::sgd, .momentum = 0.5, .nesterovs_momentum = false}, 0.5, {1, 0.5}, state);
  EXPECT_DOUBLE_EQ(state.parameters[0], 0);
  EXPECT_DOUBLE_EQ(state.first_moment[0], -0.5);
}

TEST(ReferenceSolver, LooksAheadWithNesterov) {
  State state = one_parameter(1);
  // u = -0.5, w = 1 + (0.5 * -0.5 - 0.5) = 0.25; u = -0.25 - 0.25 = -0.5, w = 0.25 + (-0.25 - 0.25) = -0.25
  steps({.solver = Solver::sgd, .momentum = 0.5, .nesterovs_momentum = true}, 0.5, {1, 0.5}, state);
  EXPECT_DOUBLE_EQ(state.parameters[0], -0.25);
}

TEST(ReferenceSolver, TakesAdamsFirstStepByTheRate) {
  // Bias correction makes the first step rate * g / (|g| + epsilon'), whatever g is.
  for (const double g : {1e-3, 1.0, -250.0}) {
    State state = one_parameter(0);
    steps({.solver = Solver::adam, .epsilon = 0}, 0.01, {g}, state);
    EXPECT_NEAR(state.parameters[0], g > 0 ? -0.01 : 0.01, 1e-15);
  }
}

TEST(ReferenceSolver, DividesRmspropsGradientByItsRootMeanSquare) {
  State state = one_parameter(0);
  steps({.solver = Solver::rmsprop, .beta_2 = 0.75, .epsilon = 1}, 1, {2, 4}, state);
  // v = 1, 4.75; steps 2 / (1 + 1), 4 / (sqrt(4.75) + 1)
  EXPECT_NEAR(state.parameters[0], -1 - 4 / 3.179449471770337, 1e-15);
}

TEST(ReferenceSolver, DecaysTheWeightsOfAdamwAndNotItsBiases) {
  State state;
  state.parameters = {1, 1};  // a weight and a bias
  state.first_moment = state.second_moment = {0, 0};
  const Hyperparameters h{.solver = Solver::adamw, .alpha = 0.25};
  reference::update({1, {}, {}, 1}, h, 0.5, std::vector<double>{0, 0}, state);
  EXPECT_EQ(state.parameters, (std::vector<double>{0.875, 1}));
}

TEST(ReferenceSolver, MultipliesTheRateOfEachLowerLayer) {
  State state;
  state.parameters = {1, 1, 1, 1, 1, 1};  // 1-1-1-1
  const Hyperparameters h{.solver = Solver::sgd, .layer_rate = 0.5, .momentum = 0};
  reference::update({1, {1, 1}, {}, 1}, h, 0.5, std::vector<double>(6, 1.0), state);
  EXPECT_EQ(state.parameters, (std::vector<double>{0.875, 0.875, 0.75, 0.75, 0.5, 0.5}));
}

TEST(ReferenceSolver, ShortensAGradientThatIsTooLong) {
  std::vector<double> gradient = {3, 4};
  reference::clip(5, gradient);
  EXPECT_EQ(gradient, (std::vector<double>{3, 4}));
  reference::clip(0, gradient);
  EXPECT_EQ(gradient, (std::vector<double>{3, 4}));
  reference::clip(2.5, gradient);
  EXPECT_EQ(gradient, (std::vector<double>{1.5, 2}));
}

TEST(ReferenceLoss, IsWhatItsNameSays) {
  const std::vector<double> z = {0.5, -3};
  const std::vector<double> y = {0, 1};
  const auto loss = [&](Loss kind) { return reference::row_loss({.loss = kind, .huber_delta = 2}, z, y); };
  EXPECT_EQ(loss(Loss::squared_error), 16.25);
  EXPECT_EQ(loss(Loss::half_squared_error), 8.125);
  EXPECT_EQ(loss(Loss::absolute_error), 4.5);
  EXPECT_EQ(loss(Loss::huber), 0.125 + 2 * (4 - 1));
  EXPECT_EQ(reference::output_delta({.loss = Loss::huber, .huber_delta = 2}, z, y), (std::vector<double>{0.5, -2}));
  EXPECT_EQ(
      reference::output_delta({.loss = Loss::absolute_error}, std::vector<double>{0, 2}, std::vector<double>{0, 1}),
      (std::vector<double>{0, 1}));
  EXPECT_EQ(reference::training_targets({.loss = Loss::cross_entropy, .label_smoothing = 0.5}, y),
            (std::vector<double>{0.25, 0.75}));
}

TEST(ReferenceSolver, AveragesAdamsMoments) {
  State state = one_parameter(0);
  steps({.solver = Solver::adam, .beta_1 = 0.5, .beta_2 = 0.75, .epsilon = 1}, 1, {2, 4}, state);
  // m = 1, 2.5; v = 1, 4.75; steps sqrt(1/4)/(1/2) = 1 and sqrt(7/16)/(3/4) = sqrt(7)/3
  EXPECT_DOUBLE_EQ(state.first_moment[0], 2.5);
  EXPECT_DOUBLE_EQ(state.second_moment[0], 4.75);
  EXPECT_DOUBLE_EQ(state.parameters[0], -0.5 - std::sqrt(7.0) / 3 * 2.5 / (std::sqrt(4.75) + 1));
  EXPECT_DOUBLE_EQ(state.beta_1_power, 0.25);
  EXPECT_DOUBLE_EQ(state.beta_2_power, 0.5625);
}

/// Runs epochs whose metric is given; parameter 0 is the epoch's number.
State decided(const Hyperparameters& h, bool maximize, const std::vector<double>& metrics) {
  State state;
  state.parameters = {0};
  state.best_train_loss = std::numeric_limits<double>::infinity();
  for (const double metric : metrics) {
    if (state.status != TrialStatus::running) break;
    ++state.epoch;
    state.parameters[0] = state.epoch;
    reference::decide(h, maximize, metric, metric, std::isfinite(metric), state);
  }
  return state;
}

TEST(ReferenceDecision, StopsAfterMoreThanTheAllowedEpochsAndRestoresTheBest) {
  const State state =
      decided({.max_iter = 100, .n_iter_no_change = 2, .tol = 0.1}, false, {5, 4, 4.5, 4.2, 4.1, 1, 0.5});
  EXPECT_EQ(state.status, TrialStatus::stopped);
  EXPECT_EQ(state.epoch, 5U);
  EXPECT_EQ(state.best_epoch, 2U);
  EXPECT_EQ(state.best_metric, 4);
  EXPECT_EQ(state.parameters[0], 2);
}

TEST(ReferenceDecision, CountsSmallGainsAsStallsButKeepsThem) {
  const State state = decided({.max_iter = 100, .n_iter_no_change = 2, .tol = 0.1}, true, {1, 1.05, 1.09, 1.12, 9});
  EXPECT_EQ(state.status, TrialStatus::stopped);
  EXPECT_EQ(state.epoch, 4U);
  EXPECT_EQ(state.best_epoch, 4U);
}

TEST(ReferenceDecision, AGainOfTolStartsTheCountAnew) {
  const State state = decided({.max_iter = 6, .n_iter_no_change = 1, .tol = 0.5}, true, {1, 1, 1.5, 1, 2, 1.5});
  EXPECT_EQ(state.status, TrialStatus::finished);
  EXPECT_EQ(state.best_epoch, 5U);
  EXPECT_EQ(state.parameters[0], 5);
}

TEST(ReferenceDecision, LetsAnAdaptiveRateFallWhereTrainingStallsAndStopsOnlyAtItsLeast) {
  Hyperparameters h{.learning_rate_init = 2e-6, .learning_rate = Schedule::adaptive, .max_iter = 100};
  h.n_iter_no_change = 1;
  State state = decided(h, false, {5, 5, 5});
  EXPECT_EQ(state.status, TrialStatus::running);  // 2 stalled epochs: from 2e-6 to 4e-7
  EXPECT_EQ(state.n_rate_drops, 1U);
  EXPECT_EQ(state.n_stalled, 0U);
  state = decided(h, false, {5, 5, 5, 5, 5, 5});
  EXPECT_EQ(state.status, TrialStatus::stopped);
  EXPECT_EQ(state.epoch, 5U);
  EXPECT_EQ(state.n_rate_drops, 1U);
}

TEST(ReferenceDecision, KeepsTheLastEpochWithoutPatience) {
  const State state = decided({.max_iter = 3}, false, {1, 2, 3, 4});
  EXPECT_EQ(state.status, TrialStatus::finished);
  EXPECT_EQ(state.epoch, 3U);
  EXPECT_EQ(state.parameters[0], 3);
}

TEST(ReferenceDecision, EndsWhatIsNotFinite) {
  EXPECT_EQ(decided({.max_iter = 9}, false, {1, std::nan(""), 2}).epoch, 2U);
  State state;
  state.parameters = {1e39};  // finite in double, not in the float that every engine shares
  state.epoch = 1;
  reference::decide({.max_iter = 9}, false, 1.0, 1.0, true, state);
  EXPECT_EQ(state.status, TrialStatus::diverged);
}

}  // namespace
}  // namespace shoal
