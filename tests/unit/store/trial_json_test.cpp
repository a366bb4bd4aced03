#include "store/trial_json.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>

#include "shoal/error.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

/// Every member differs from its default.
Trial unusual_trial() {
  Trial t;
  t.id = "0123456789abcdef.r2.f1";
  t.number = 18446744073709551615U;
  t.setting = 5;
  t.repeat = 2;
  t.fold = 1;
  t.seed = 9007199254740993U;
  t.shuffle_seed = 17;
  t.topology = {
      .n_inputs = 4, .hidden_layer_sizes = {3, 2}, .activations = {Activation::tanh, Activation::relu}, .n_outputs = 2};
  t.hyperparameters = {.loss = Loss::cross_entropy,
                       .solver = Solver::sgd,
                       .learning_rate_init = 0.1 + 0.2,
                       .learning_rate = Schedule::invscaling,
                       .power_t = 0.25,
                       .step_size = 3,
                       .gamma = 0.7,
                       .eta_min = 1e-5,
                       .warmup_epochs = 7,
                       .layer_rate = 0.9,
                       .momentum = 0.8,
                       .nesterovs_momentum = false,
                       .beta_1 = 0.85,
                       .beta_2 = 0.99,
                       .epsilon = 1e-7,
                       .alpha = 0.01,
                       .l1 = 0.02,
                       .clip_norm = 3,
                       .dropout = 0.25,
                       .batch_size = 0,
                       .max_iter = 12,
                       .n_iter_no_change = 4,
                       .tol = 1e-3,
                       .init = Init::zeros,
                       .init_range = 0.5,
                       .init_file = "a.safetensors",
                       .bias_init = BiasInit::like_weights,
                       .shuffle = Shuffle::none};
  return t;
}

void expect_equal(const Trial& a, const Trial& b) {
  EXPECT_EQ(a.id, b.id);
  EXPECT_EQ(a.number, b.number);
  EXPECT_EQ(a.setting, b.setting);
  EXPECT_EQ(a.repeat, b.repeat);
  EXPECT_EQ(a.fold, b.fold);
  EXPECT_EQ(a.seed, b.seed);
  EXPECT_EQ(a.shuffle_seed, b.shuffle_seed);
  EXPECT_EQ(a.topology, b.topology);
  EXPECT_EQ(a.hyperparameters, b.hyperparameters);
}

TEST(TrialJson, ReadsBackEveryMember) {
  const std::string text = to_json(unusual_trial()).dump();
  expect_equal(trial_from_json(nlohmann::json::parse(text)), unusual_trial());
  expect_equal(trial_from_json(nlohmann::json::parse(to_json(Trial()).dump())), Trial());
}

TEST(TrialJson, UsesTheWordsOfTheSweepFile) {
  const auto json = to_json(unusual_trial());
  EXPECT_EQ(json["seed"].dump(), "9007199254740993");
  EXPECT_EQ(json["topology"].dump(),
            R"({"n_inputs":4,"hidden_layer_sizes":[3,2],"activations":["tanh","relu"],"n_outputs":2})");
  EXPECT_EQ(json["hyperparameters"]["learning_rate"], "invscaling");
  EXPECT_EQ(json["hyperparameters"]["learning_rate_init"].dump(), "0.30000000000000004");
}

TEST(TrialJson, RefusesWhatIsNotATrial) {
  EXPECT_THROW((void)trial_from_json(nlohmann::json::object()), Error);
  auto json = nlohmann::json(to_json(unusual_trial()));
  json["hyperparameters"]["solver"] = "sdg";
  EXPECT_EQ(message_of([&] { (void)trial_from_json(json); }), "solver: unknown word 'sdg'");
  json = to_json(unusual_trial());
  json["topology"]["activations"][0] = "relo";
  EXPECT_EQ(message_of([&] { (void)trial_from_json(json); }), "activations: unknown word 'relo'");
}

TEST(MetricsJson, LeavesOutNaNAndKeepsInfinity) {
  MetricValues values;
  values.values[0] = 0.25;
  values.values[5] = std::numeric_limits<double>::infinity();
  values.values[7] = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(to_json(values).dump(), R"({"val_loss":0.25,"val_rmse":"inf","val_r2":"-inf"})");
  const MetricValues back = metrics_from_json(nlohmann::json::parse(to_json(values).dump()));
  EXPECT_EQ(back.of(Metric::val_loss), 0.25);
  EXPECT_EQ(back.of(Metric::val_rmse), values.values[5]);
  EXPECT_EQ(back.of(Metric::val_r2), values.values[7]);
  EXPECT_TRUE(std::isnan(back.of(Metric::val_auc)));
  EXPECT_THROW((void)metrics_from_json({{"val_lose", 1}}), Error);
}

}  // namespace
}  // namespace shoal::store
