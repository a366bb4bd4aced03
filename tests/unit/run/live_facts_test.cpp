#include "run/live_facts.hpp"

#include <cmath>
#include <gtest/gtest.h>

#include "small_sweeps.hpp"

namespace shoal::run {
namespace {

using Ids = std::vector<std::string>;

/// Of a run that begins, ranked by the smallest loss.
struct LiveFactsTest : testing::Test {
  LiveFactsTest() {
    small::write_classes(folder / "classes.csv");
    directory.emplace(store::RunDirectory::create(folder / "run", {}));
    facts.emplace(spec(), *directory, Progress{});
  }
  [[nodiscard]] SweepSpec spec() const { return small::sweep(folder / "classes.csv", Metric::val_loss); }
  static TrialResult result(const std::string& id, double loss, TrialStatus status = TrialStatus::finished) {
    TrialResult result;
    result.trial.id = id;
    result.trial.topology = {
        .n_inputs = 2, .hidden_layer_sizes = {4}, .activations = {Activation::relu}, .n_outputs = 3};
    result.status = status;
    result.epochs = 6;
    result.metrics.values[static_cast<std::size_t>(Metric::val_loss)] = loss;
    return result;
  }
  [[nodiscard]] Progress shown() const {
    Progress progress;
    facts->add_to(progress);
    return progress;
  }
  [[nodiscard]] Ids best() const {
    Ids ids;
    for (const LeaderboardRow& row : shown().best) ids.push_back(row.id);
    return ids;
  }
  void reach(std::uint64_t epochs, double value) {
    facts->reached({.epochs_done = epochs, .best_id = "t" + std::to_string(epochs), .best_metric = value});
  }

  small::Folder folder;
  std::optional<store::RunDirectory> directory;
  std::optional<LiveFacts> facts;
};

TEST_F(LiveFactsTest, KeepTheBestFiveInTheOrderOfALeaderboard) {
  facts->finished(result("a", 0.5));
  facts->finished(result("b", 0.1, TrialStatus::pruned));
  facts->finished(result("c", 0.1, TrialStatus::diverged));
  facts->finished(result("d", std::nan("")));
  facts->finished(result("e", 0.25));
  facts->finished(result("f", 0.5));
  EXPECT_EQ(best(), (Ids{"e", "a", "f", "b"}));
  facts->finished(result("g", 0.75));
  facts->finished(result("h", 0.9));
  EXPECT_EQ(best(), (Ids{"e", "a", "f", "g", "h"})) << "what a rung ended gives way first";
  facts->finished(result("i", 0.6));
  facts->finished(result("j", 0.8));
  EXPECT_EQ(best(), (Ids{"e", "a", "f", "i", "g"}));
  const LeaderboardRow row = shown().best.at(3);
  EXPECT_EQ(row.rank, 4U);
  EXPECT_EQ(row.epochs, 6U);
  EXPECT_EQ(row.metric, 0.6);
  EXPECT_EQ(row.parameters, (std::vector<std::pair<std::string, std::string>>{{"hidden_layer_sizes", "[4]"},
                                                                              {"learning_rate_init", "0.001"}}));
}

TEST_F(LiveFactsTest, BeginWithWhatAnEarlierRunLeft) {
  for (const char* id : {"a", "b", "c", "d", "e", "f"}) directory->add(result(id, 'z' - id[0]));
  directory->add(result("g", 0, TrialStatus::diverged));
  facts.emplace(spec(), *directory, Progress{.epochs_done = 36, .best_id = "f", .best_metric = 'z' - 'f'});
  EXPECT_EQ(best(), (Ids{"f", "e", "d", "c", "b"}));
  ASSERT_EQ(shown().best_so_far.size(), 1U);
  EXPECT_EQ(shown().best_so_far[0].epochs_done, 36U);
  EXPECT_EQ(shown().best_so_far[0].metric, 20);
}

TEST_F(LiveFactsTest, LeaveOutTheStepThatTheNextOneFollowsSoonest) {
  facts->reached({.epochs_done = 0});  // nothing has ended
  for (std::uint64_t i = 0; i < 64; ++i) reach(10 * i + (i == 30 ? 7 : 0), 1.0 / static_cast<double>(i + 1));
  ASSERT_EQ(shown().best_so_far.size(), 64U);
  EXPECT_EQ(shown().best_so_far[30].epochs_done, 307U);
  facts->reached({.epochs_done = 639, .best_id = "t630", .best_metric = 1.0 / 64});
  EXPECT_EQ(shown().best_so_far.size(), 64U) << "the best is the same";
  reach(640, 0);
  const std::vector<BestSoFar> steps = shown().best_so_far;
  ASSERT_EQ(steps.size(), 64U);
  EXPECT_EQ(steps[29].epochs_done, 290U);
  EXPECT_EQ(steps[30].epochs_done, 310U);
  for (std::uint64_t i = 65; i < 5000; ++i) reach(10 * i, -1.0 * static_cast<double>(i));
  ASSERT_EQ(shown().best_so_far.size(), 64U);
  EXPECT_EQ(shown().best_so_far.front().epochs_done, 0U);
  EXPECT_EQ(shown().best_so_far.back().metric, -4999);
}

TEST_F(LiveFactsTest, AddUpTheRungsOfAllBrackets) {
  facts->passed(std::vector<RungPassage>{{4, 8, 4}, {12, 4, 2}});
  facts->passed(std::vector<RungPassage>{{2, 3, 1}, {4, 4, 2}, {20, 0, 0}});
  const std::vector<RungPassage> rungs = shown().rungs;
  ASSERT_EQ(rungs.size(), 3U);
  EXPECT_EQ(rungs[0].epochs, 2U);
  EXPECT_EQ(rungs[1].epochs, 4U);
  EXPECT_EQ(rungs[1].n_reached, 12U);
  EXPECT_EQ(rungs[1].n_went_on, 6U);
  EXPECT_EQ(rungs[2].epochs, 12U);
}

}  // namespace
}  // namespace shoal::run
