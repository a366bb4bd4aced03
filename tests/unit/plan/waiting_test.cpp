#include "plan/waiting.hpp"

#include <gtest/gtest.h>

#include "tests/support/toy_engine.hpp"

namespace shoal::plan {
namespace {

TEST(WaitingBytes, AreThoseOfStateAndCurve) {
  Trial trial = toy::trial(0, 3);  // 2-3-1: 13 parameters of 4 bytes; a point of a curve has 32
  trial.hyperparameters.solver = Solver::adam;
  EXPECT_EQ(waiting_bytes(trial, 0), 156U);
  EXPECT_EQ(waiting_bytes(trial, 5), 316U);
  trial.hyperparameters.n_iter_no_change = 1;
  EXPECT_EQ(waiting_bytes(trial, 5), 368U);
  trial.hyperparameters.solver = Solver::rmsprop;
  EXPECT_EQ(waiting_bytes(trial, 5), 316U);
  trial.hyperparameters = {};
  trial.hyperparameters.solver = Solver::sgd;
  trial.hyperparameters.momentum = 0.9;
  EXPECT_EQ(waiting_bytes(trial, 1), 136U);
  trial.hyperparameters.momentum = 0;
  EXPECT_EQ(waiting_bytes(trial, 1), 84U);
}

TEST(Waiting, AddsUpTheLargest) {
  Waiting waiting(3);
  EXPECT_EQ(waiting.bytes(), 0U);
  for (const std::uint64_t bytes : {5U, 1U, 9U}) waiting.add(bytes);
  EXPECT_EQ(waiting.bytes(), 15U);
  for (const std::uint64_t bytes : {7U, 2U, 9U}) waiting.add(bytes);
  EXPECT_EQ(waiting.bytes(), 25U);
}

}  // namespace
}  // namespace shoal::plan
