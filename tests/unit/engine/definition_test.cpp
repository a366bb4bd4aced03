#include "engine/definition.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>

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

TEST(InitialState, HasTheVarianceOfItsScheme) {
  Trial trial = small_trial();
  trial.topology = {100, {100}, {Activation::relu}, 50};
  const struct {
    Init init;
    double variance;
  } cases[] = {{Init::glorot_uniform, 0.01}, {Init::glorot_normal, 0.01}, {Init::he_uniform, 0.02},
               {Init::he_normal, 0.02},      {Init::lecun_uniform, 0.01}, {Init::lecun_normal, 0.01}};
  for (const auto& c : cases) {
    trial.hyperparameters.init = c.init;
    const std::vector<float> parameters = initial_state(trial).parameters;
    double squares = 0;
    double fourths = 0;
    for (std::size_t i = 0; i < 100 * 101; ++i) {
      const double square = static_cast<double>(parameters[i]) * static_cast<double>(parameters[i]);
      squares += square / 10000;
      fourths += square * square / 10000;
    }
    // The mean of 10,000 squares is off by at most sqrt(2) / 100 standard deviations; the fourth moment of a normal
    // number is 3 squared variances, of a uniform one 1.8.
    EXPECT_NEAR(squares / c.variance, 1, 5 * 0.0142) << name(c.init);
    const bool normal = name(c.init).ends_with("normal");
    EXPECT_NEAR(fourths / (c.variance * c.variance), normal ? 3 : 1.8, 0.5) << name(c.init);
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
  h.learning_rate = Schedule::warmup_cosine;
  h.warmup_epochs = 4;
  EXPECT_FLOAT_EQ(epoch_rate(trial, 100, 0), 0.1F);
  EXPECT_FLOAT_EQ(epoch_rate(trial, 100, 3), 0.4F);
  EXPECT_EQ(epoch_rate(trial, 100, 4), 0.5F);
  EXPECT_FLOAT_EQ(epoch_rate(trial, 100, 7), 0.3F);  // 3 of the 6 epochs left
  h.warmup_epochs = 20;
  EXPECT_FLOAT_EQ(epoch_rate(trial, 100, 9), 0.5F * 10 / 21);
  h.learning_rate = Schedule::exponential;
  h.gamma = 0.5;
  EXPECT_EQ(epoch_rate(trial, 100, 3), 0.0625F);
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

TEST(ScaleInputs, ShiftsScalesAndFillsEachColumn) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  std::vector<float> scaled(4);
  scale_inputs({{1, 2}, {10, 0.5F}, {-7, 8}}, std::vector<float>{3, 6, nan, nan}, scaled);
  EXPECT_EQ(scaled, (std::vector<float>{20, 2, -7, 8}));
}

}  // namespace
}  // namespace shoal
