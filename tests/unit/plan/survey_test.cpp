#include "plan/survey.hpp"

#include <gtest/gtest.h>

#include "tests/support/toy_engine.hpp"

namespace shoal::plan {
namespace {

TEST(TopologyText, NamesLayersAndActivations) {
  EXPECT_EQ(topology_text({16, {64, 32}, {Activation::relu, Activation::tanh}, 26}), "16-64-32-26 relu, tanh");
  EXPECT_EQ(topology_text({3, {}, {}, 1}), "3-1");
}

TEST(Survey, AddsUpWindows) {
  const Dataset dataset = toy::dataset(90);
  const toy::ToyEngine engine(dataset, 2);
  Survey survey;
  const std::vector<Trial> first{toy::trial(0, 4, 10), toy::trial(1, 4, 10), toy::trial(2, 4, 10)};
  const std::vector<Trial> second{toy::trial(3, 8, 1)};
  for (const std::vector<Trial>& window : {first, second}) {
    survey.add(window, plan_window(window, all_epochs(window), dataset, engine, 1'000'000), dataset, engine);
  }
  EXPECT_EQ(survey.n_trials(), 4U);
  EXPECT_EQ(survey.n_epochs(), 31U);
  EXPECT_EQ(survey.n_samples(), 31U * 90);
  EXPECT_EQ(survey.n_chunks(), 2U);
  EXPECT_EQ(survey.cost(), 3 * 17.0 * 900 + 33.0 * 90);
  EXPECT_EQ(survey.largest_chunk_bytes(), dataset_bytes(dataset) + 3 * 1000 + 5020 + 4 * 3 * 17 * 4);
  const std::vector<PlanRow> rows = survey.rows();
  ASSERT_EQ(rows.size(), 2U);
  EXPECT_EQ(rows[0].topology, "2-4-1 relu");
  EXPECT_EQ(rows[0].kernel, "toy_kernel");
  EXPECT_EQ(rows[0].n_trials, 3U);
  EXPECT_EQ(rows[0].n_gangs, 2U);
  EXPECT_EQ(rows[0].n_parameters, 17U);
  EXPECT_EQ(rows[0].bytes, 3000U);
  EXPECT_EQ(rows[1].topology, "2-8-1 relu");
  // Gangs of 2, 1 and 1 networks: half a second an epoch and network, an eighth to place each gang.
  EXPECT_EQ(survey.predicted_s(), (10 + 0.125) + (5 + 0.125) + (0.5 + 0.125));
  EXPECT_EQ(rows[0].predicted_s, 15.25);
  ASSERT_EQ(rows[0].others.size(), 1U);
  EXPECT_EQ(rows[0].others[0].kernel, "slow_kernel");
  EXPECT_EQ(rows[0].others[0].predicted_s, 60.25);
}

}  // namespace
}  // namespace shoal::plan
