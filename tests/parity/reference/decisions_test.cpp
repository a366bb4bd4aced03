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
  for (const double metric : metrics) {
    if (state.status != TrialStatus::running) break;
    ++state.epoch;
    state.parameters[0] = state.epoch;
    reference::decide(h, maximize, metric, std::isfinite(metric), state);
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
  reference::decide({.max_iter = 9}, false, 1.0, true, state);
  EXPECT_EQ(state.status, TrialStatus::diverged);
}

}  // namespace
}  // namespace shoal
