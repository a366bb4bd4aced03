#include "engine/definition.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>

namespace shoal {
namespace {

Trial small_trial() {
  Trial trial;
  trial.topology = {3, {4}, {Activation::relu}, 2};
  trial.seed = 9;
  return trial;
}

TEST(InitialState, StaysWithinTheBoundOfItsSchemeAndFillsIt) {
  Trial trial = small_trial();
  trial.topology = {50, {40}, {Activation::relu}, 10};
  const struct {
    Init init;
    double bound;
  } cases[] = {{Init::glorot_uniform, std::sqrt(6.0 / 90)},
               {Init::he_uniform, std::sqrt(6.0 / 50)},
               {Init::lecun_uniform, std::sqrt(3.0 / 50)}};
  for (const auto& c : cases) {
    trial.hyperparameters.init = c.init;
    const std::vector<float> parameters = initial_state(trial).parameters;
    ASSERT_EQ(parameters.size(), 40U * 51 + 10U * 41);
    double largest = 0;
    double sum = 0;
    for (std::size_t i = 0; i < 40 * 51; ++i) {
      if (i % 51 == 50) {
        EXPECT_EQ(parameters[i], 0.0F);
      }
      largest = std::max(largest, std::abs(static_cast<double>(parameters[i])));
      sum += static_cast<double>(parameters[i]);
    }
    EXPECT_LE(largest, c.bound);
    EXPECT_GT(largest, 0.99 * c.bound);
    EXPECT_LT(std::abs(sum), 4 * c.bound * std::sqrt(2000.0 / 3));
  }
}

TEST(InitialState, DependsOnTheSeedAlone) {
  Trial a = small_trial();
  Trial b = small_trial();
  b.number = 77;
  b.id = "other";
  b.hyperparameters.learning_rate_init = 3;
  EXPECT_EQ(initial_state(a).parameters, initial_state(b).parameters);
  b.seed = 10;
  EXPECT_NE(initial_state(a).parameters, initial_state(b).parameters);
}

TEST(InitialState, DrawsBiasesWhereTheyAreLikeWeights) {
  Trial trial = small_trial();
  trial.hyperparameters.bias_init = BiasInit::like_weights;
  EXPECT_NE(initial_state(trial).parameters[3], 0.0F);
}

TEST(EpochRate, FollowsEachSchedule) {
  Trial trial = small_trial();
  Hyperparameters& h = trial.hyperparameters;
  h.learning_rate_init = 0.5;
  h.max_iter = 10;
  EXPECT_EQ(epoch_rate(trial, 100, 7), 0.5F);
  h.learning_rate = Schedule::step;
  h.step_size = 3;
  h.gamma = 0.5;
  EXPECT_EQ(epoch_rate(trial, 100, 2), 0.5F);
  EXPECT_EQ(epoch_rate(trial, 100, 6), 0.125F);
  h.learning_rate = Schedule::cosine;
  h.eta_min = 0.1;
  EXPECT_EQ(epoch_rate(trial, 100, 0), 0.5F);
  EXPECT_FLOAT_EQ(epoch_rate(trial, 100, 5), 0.3F);
  h.learning_rate = Schedule::invscaling;
  h.power_t = 0.5;
  EXPECT_EQ(epoch_rate(trial, 99, 0), 0.5F);
  EXPECT_FLOAT_EQ(epoch_rate(trial, 33, 3), 0.05F);
}

TEST(EpochOrder, IsTheFilesWithoutShuffleAndEqualForEqualSeeds) {
  Trial trial = small_trial();
  trial.hyperparameters.shuffle = Shuffle::none;
  EXPECT_EQ(epoch_order(trial, 4, 2), (std::vector<std::uint32_t>{0, 1, 2, 3}));
  trial.hyperparameters.shuffle = Shuffle::shared;
  Trial other = trial;
  other.seed = 99;
  EXPECT_EQ(epoch_order(trial, 1000, 2), epoch_order(other, 1000, 2));
  EXPECT_NE(epoch_order(trial, 1000, 2), epoch_order(trial, 1000, 3));
}

}  // namespace
}  // namespace shoal
