#include "train/training_loop.hpp"

#include <algorithm>
#include <cmath>
#include <gtest/gtest.h>
#include <limits>
#include <map>
#include <set>
#include <stop_token>
#include <string>
#include <thread>

#include "shoal/error.hpp"
#include "tests/support/toy_engine.hpp"

namespace shoal::train {
namespace {

class Collector final : public ResultSink {
 public:
  void finished(TrialResult&& result, TrialState&& state) override {
    const std::string id = result.trial.id;
    EXPECT_TRUE(results.emplace(id, std::move(result)).second) << id << " came twice";
    states.emplace(id, std::move(state));
  }
  void paused(PausedTrial&& trial) override {
    const std::string id = trial.result.trial.id;
    EXPECT_TRUE(pauses.emplace(id, std::move(trial)).second) << id << " paused twice";
  }
  void progress(const Progress& progress) override {
    seen.push_back(progress);
    if (seen.size() == stop_after_rounds) stop_source.request_stop();
  }
  bool wants_checkpoint() override { return checkpoint_every_round; }
  void checkpoint(const std::vector<PausedTrial>& in_training) override { checkpoints.push_back(in_training); }

  std::map<std::string, TrialResult> results;
  std::map<std::string, TrialState> states;
  std::map<std::string, PausedTrial> pauses;
  std::vector<Progress> seen;
  std::size_t stop_after_rounds = 0;
  std::stop_source stop_source;
  bool checkpoint_every_round = false;
  std::vector<std::vector<PausedTrial>> checkpoints;
};

struct Setting {
  std::uint32_t gang_size = 1;
  std::uint64_t memory = 1'000'000;
  double round_s = 0.2;
};

/// Widths, epochs and patience in many combinations.
std::vector<Trial> mixed_trials(std::uint64_t n) {
  std::vector<Trial> trials;
  for (std::uint64_t i = 0; i < n; ++i) {
    Trial trial = toy::trial(i, static_cast<std::int32_t>(2 + i % 3), static_cast<std::int32_t>(1 + i % 17));
    trial.hyperparameters.n_iter_no_change = i % 2 == 0 ? 2 : 0;
    trials.push_back(trial);
  }
  return trials;
}

struct Loop {
  explicit Loop(const std::vector<Trial>& all, Setting chosen = {})
      : trials(all), setting(chosen), engine(dataset, chosen.gang_size) {}

  /// Whether all chunks were trained.
  bool train(std::stop_token stop = {}) {
    Progress start;
    start.n_trials = trials.size();
    double cost = 0;
    for (const Trial& trial : trials) {
      start.epochs_total += static_cast<std::uint64_t>(trial.hyperparameters.max_iter);
      cost += plan::cost(trial, dataset);
    }
    ProgressMeter meter(start, {cost, 1}, Metric::val_loss, false);
    TrainingLoop loop(engine, dataset, meter, collector, setting.round_s);
    std::vector<plan::Leg> legs = plan::all_epochs(trials);
    std::vector<Job> jobs;
    for (std::size_t i = 0; i < trials.size(); ++i) {
      const auto from = starts.find(trials[i].id);
      if (from != starts.end()) legs[i].from = from->second.state.epoch;
      legs[i].until = std::min(legs[i].until, until);
      jobs.push_back({legs[i], from != starts.end() ? &from->second : nullptr, waits_diverged});
    }
    chunks = plan::plan_window(trials, legs, dataset, engine, setting.memory);
    const bool whole =
        std::ranges::all_of(chunks, [&](const plan::Chunk& chunk) { return loop.run(trials, jobs, chunk, stop); });
    left = loop.in_training();
    return whole;
  }

  std::vector<Trial> trials;
  Setting setting;
  Dataset dataset = toy::dataset();
  toy::ToyEngine engine;
  Collector collector;
  std::vector<plan::Chunk> chunks;
  std::uint32_t until = std::numeric_limits<std::uint32_t>::max();  ///< the epoch that ends every leg
  bool waits_diverged = false;
  std::map<std::string, PausedTrial> starts;  ///< where legs begin
  std::vector<PausedTrial> left;              ///< in training after it
};

TEST(TrainingLoop, HalvesAChunkForWhichThereIsNoMemory) {
  Loop roomy(mixed_trials(50));
  ASSERT_TRUE(roomy.train());
  ASSERT_EQ(roomy.chunks.size(), 1U);
  Loop narrow(mixed_trials(50));
  narrow.engine.room = 7;
  ASSERT_TRUE(narrow.train());
  EXPECT_LE(narrow.engine.most_places, 7U);
  ASSERT_EQ(narrow.collector.results.size(), 50U);
  for (const auto& [id, result] : roomy.collector.results) {
    const TrialResult& other = narrow.collector.results.at(id);
    EXPECT_EQ(other.status, result.status) << id;
    EXPECT_EQ(other.epochs, result.epochs) << id;
    EXPECT_EQ(narrow.collector.states.at(id).parameters, roomy.collector.states.at(id).parameters) << id;
  }
}

TEST(TrainingLoop, SaysThatOneGangAloneFindsNoMemory) {
  Loop run(mixed_trials(3));
  run.engine.room = 0;
  EXPECT_THROW(static_cast<void>(run.train()), OutOfMemoryError);
}

TEST(TrainingLoop, TrainsEveryTrialToItsEnd) {
  Loop run({toy::trial(0, 4, 7), toy::trial(1, 4, 1), toy::trial(2, 8, 20)});
  ASSERT_TRUE(run.train());
  ASSERT_EQ(run.collector.results.size(), 3U);
  for (const auto& [id, result] : run.collector.results) {
    const auto epochs = static_cast<std::uint32_t>(result.trial.hyperparameters.max_iter);
    EXPECT_EQ(result.status, TrialStatus::finished);
    EXPECT_EQ(result.epochs, epochs);
    EXPECT_EQ(result.best_epoch, epochs);
    EXPECT_EQ(result.metrics.of(Metric::val_loss), toy::val_loss(result.trial.seed, epochs));
    EXPECT_DOUBLE_EQ(result.metrics.of(Metric::train_loss), toy::train_loss(result.trial.seed, epochs));
    ASSERT_EQ(result.curve.size(), epochs);
    for (std::uint32_t e = 1; e <= epochs; ++e) {
      EXPECT_EQ(result.curve[e - 1].epoch, e);
      EXPECT_EQ(result.curve[e - 1].val_loss, toy::val_loss(result.trial.seed, e));
    }
    const float first = initial_state(result.trial).parameters[0];
    float last = first;
    for (std::uint32_t e = 0; e < epochs; ++e) last += 1;
    EXPECT_EQ(run.collector.states.at(id).parameters[0], last);
  }
}

TEST(TrainingLoop, KeepsTheBestEpochOfATrialThatPatienceStopped) {
  std::vector<Trial> trials{toy::trial(1, 4, 100)};  // best after epoch 3 + 1 % 5 = 4
  trials[0].hyperparameters.n_iter_no_change = 2;
  Loop run(trials);
  ASSERT_TRUE(run.train());
  const TrialResult& result = run.collector.results.at("t0000001");
  EXPECT_EQ(result.status, TrialStatus::stopped);
  EXPECT_EQ(result.epochs, 7U);  // three epochs without gain
  EXPECT_EQ(result.best_epoch, 4U);
  EXPECT_EQ(result.metrics.of(Metric::val_loss), 2.0);
  EXPECT_DOUBLE_EQ(result.metrics.of(Metric::train_loss), 3.25);
}

TEST(TrainingLoop, DeliversADivergedTrialAsAResult) {
  Loop run({toy::trial(11), toy::trial(12), toy::trial(13)});  // 12 is not finite from epoch 4 on
  ASSERT_TRUE(run.train());
  const TrialResult& result = run.collector.results.at("t0000012");
  EXPECT_EQ(result.status, TrialStatus::diverged);
  EXPECT_EQ(result.epochs, 4U);
  EXPECT_EQ(result.curve.size(), 4U);
  EXPECT_TRUE(std::isnan(result.metrics.of(Metric::val_loss)));
  EXPECT_TRUE(std::isfinite(result.metrics.of(Metric::train_loss)));
  EXPECT_EQ(run.collector.results.at("t0000011").status, TrialStatus::finished);
  EXPECT_EQ(run.collector.results.at("t0000013").epochs, 10U);
  EXPECT_EQ(run.collector.seen.back().n_diverged, 1U);
}

bool same(double a, double b) { return a == b || (std::isnan(a) && std::isnan(b)); }

TEST(TrainingLoop, GivesTheSameResultsForEveryGangSizeMemoryLimitAndRound) {
  const std::vector<Trial> trials = mixed_trials(200);
  Loop expected(trials);
  ASSERT_TRUE(expected.train());
  ASSERT_EQ(expected.collector.results.size(), 200U);
  ASSERT_EQ(expected.chunks.size(), 1U);
  for (const Setting setting :
       {Setting{1, 12'000, 0.2}, Setting{8, 40'000, 0.0}, Setting{3, 25'000, 1000.0}, Setting{64, 1'000'000, 0.0}}) {
    Loop run(trials, setting);
    ASSERT_TRUE(run.train());
    ASSERT_EQ(run.collector.results.size(), 200U);
    EXPECT_EQ(run.engine.n_prepares, run.chunks.size());
    for (const auto& [id, result] : run.collector.results) {
      EXPECT_EQ(run.collector.states.at(id).parameters, expected.collector.states.at(id).parameters);
      const TrialResult& other = expected.collector.results.at(id);
      EXPECT_EQ(result.epochs, other.epochs);
      EXPECT_EQ(result.curve.size(), other.curve.size());
      for (std::size_t m = 0; m < kMetricCount; ++m) {
        EXPECT_TRUE(same(result.metrics.values[m], other.metrics.values[m])) << id << " metric " << m;
      }
    }
  }
}

TEST(TrainingLoop, CallsGangsTogetherThatShareInstructions) {
  std::vector<Trial> trials;
  for (std::uint64_t i = 0; i < 40; ++i) trials.push_back(toy::trial(i, static_cast<std::int32_t>(2 + i), 3));
  Loop apart(trials);
  ASSERT_TRUE(apart.train());
  EXPECT_EQ(apart.engine.first_call, (std::set<Slot>{0}));
  Loop together(trials);
  together.engine.n_in_company = 8;
  ASSERT_TRUE(together.train());
  EXPECT_EQ(together.engine.first_call, (std::set<Slot>{0, 1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(together.collector.results.size(), trials.size());
  for (const auto& [id, state] : apart.collector.states) {
    EXPECT_EQ(together.collector.states.at(id).parameters, state.parameters);
  }
}

TEST(TrainingLoop, BeginsNoMoreNetworksThanCoresWhereTheirCurvesAreLong) {
  const auto most_networks = [](std::int32_t max_iter) {
    std::vector<Trial> trials;
    for (std::uint64_t i = 0; i < 1000; ++i) trials.push_back(toy::trial(13 * i, 4, max_iter));
    Loop run(trials, {1, std::uint64_t{1} << 40U, 0.0});
    run.engine.stop_after = 5000;
    EXPECT_FALSE(run.train(run.engine.stop_source.get_token()));
    return run.engine.most_networks_a_call;
  };
  const std::size_t n_cores = std::max(1U, std::thread::hardware_concurrency());
  EXPECT_EQ(most_networks(9'000'000), n_cores);  // 288 MB each
  EXPECT_GE(most_networks(1000), std::min<std::size_t>(1000, 4 * n_cores));
}

TEST(TrainingLoop, AsksForManyEpochsAtOnceWhereTheyAreShort) {
  Loop long_rounds({toy::trial(0, 4, 5000)});
  ASSERT_TRUE(long_rounds.train());
  EXPECT_LT(long_rounds.engine.n_train_calls, 20U);
  Loop short_rounds({toy::trial(0, 4, 50)}, {1, 1'000'000, 0.0});
  ASSERT_TRUE(short_rounds.train());
  EXPECT_EQ(short_rounds.engine.n_train_calls, 50U);
  EXPECT_EQ(short_rounds.engine.most_epochs_a_call, 1U);
}

TEST(TrainingLoop, KeepsWhatHasFinishedWhenItIsStopped) {
  const std::vector<Trial> trials = mixed_trials(200);
  Loop whole(trials);
  ASSERT_TRUE(whole.train());
  Loop run(trials, {4, 30'000, 0.0});
  run.engine.stop_after = 500;
  EXPECT_FALSE(run.train(run.engine.stop_source.get_token()));
  EXPECT_EQ(run.engine.n_epochs, 500U);  // nothing was trained after the request
  EXPECT_GT(run.collector.results.size(), 0U);
  EXPECT_LT(run.collector.results.size(), 200U);
  for (const auto& [id, result] : run.collector.results) {
    EXPECT_EQ(result.epochs, whole.collector.results.at(id).epochs);
    EXPECT_EQ(run.collector.states.at(id).parameters, whole.collector.states.at(id).parameters);
  }
}

TEST(TrainingLoop, DeliversATrialThatEndedInTheCallThatWasStopped) {
  Loop run({toy::trial(0, 4, 5)});
  run.engine.stop_after = 5;
  EXPECT_TRUE(run.train(run.engine.stop_source.get_token()));
  EXPECT_EQ(run.collector.results.size(), 1U);
}

TEST(TrainingLoop, TrainsNothingWhenItIsStoppedBefore) {
  Loop run({toy::trial(0)});
  run.engine.stop_source.request_stop();
  EXPECT_FALSE(run.train(run.engine.stop_source.get_token()));
  EXPECT_EQ(run.engine.n_prepares, 0U);
  EXPECT_TRUE(run.collector.results.empty());
}

/// The trials of `whole` are those of `parts`, each from one of them.
void expect_equal(const Collector& whole, const Collector& first, const Collector& second) {
  EXPECT_EQ(first.results.size() + second.results.size(), whole.results.size());
  for (const auto& [id, result] : whole.results) {
    const bool ended_first = first.results.contains(id);
    const Collector& part = ended_first ? first : second;
    ASSERT_TRUE(part.results.contains(id)) << id;
    const TrialState& state = part.states.at(id);
    EXPECT_EQ(state.parameters, whole.states.at(id).parameters) << id;
    EXPECT_EQ(state.best_parameters, whole.states.at(id).best_parameters) << id;
    EXPECT_EQ(state.step, whole.states.at(id).step) << id;
    EXPECT_EQ(state.n_stalled, whole.states.at(id).n_stalled) << id;
    EXPECT_EQ(part.results.at(id).status, result.status) << id;
    EXPECT_EQ(part.results.at(id).best_epoch, result.best_epoch) << id;
    ASSERT_EQ(part.results.at(id).curve.size(), result.curve.size()) << id;
    for (std::size_t e = 0; e < result.curve.size(); ++e) EXPECT_EQ(part.results.at(id).curve[e].epoch, e + 1);
  }
}

TEST(TrainingLoop, PausesATrialAtTheEndOfItsLegAndGoesOnFromThere) {
  std::vector<Trial> trials = mixed_trials(40);
  Loop whole(trials);
  ASSERT_TRUE(whole.train());
  Loop first(trials, {4, 30'000, 0.0});
  first.until = 5;
  ASSERT_TRUE(first.train());
  ASSERT_GT(first.collector.pauses.size(), 0U);
  for (const auto& [id, trial] : first.collector.pauses) {
    EXPECT_EQ(trial.result.status, TrialStatus::running);
    EXPECT_EQ(trial.state.epoch, 5U);
    EXPECT_EQ(trial.result.curve.size(), 5U);
    // What it would end with: with patience its best epoch.
    const std::uint64_t seed = trial.result.trial.seed;
    const bool has_patience = trial.result.trial.hyperparameters.n_iter_no_change > 0;
    const auto kept = has_patience ? std::min<std::uint32_t>(5, static_cast<std::uint32_t>(3 + seed % 5)) : 5;
    EXPECT_EQ(trial.result.best_epoch, kept);
    EXPECT_EQ(trial.result.metrics.of(Metric::val_loss), toy::val_loss(seed, kept));
    EXPECT_DOUBLE_EQ(trial.result.metrics.of(Metric::train_loss), toy::train_loss(seed, kept));
    float last = initial_state(trial.result.trial).parameters[0];
    for (int e = 0; e < 5; ++e) last += 1;
    EXPECT_EQ(trial.state.parameters[0], last) << "it goes on from its last epoch";
  }
  std::erase_if(trials, [&](const Trial& trial) { return first.collector.results.contains(trial.id); });
  Loop second(trials, {3, 30'000, 0.2});
  second.starts = first.collector.pauses;
  ASSERT_TRUE(second.train());
  expect_equal(whole.collector, first.collector, second.collector);
}

TEST(TrainingLoop, LeavesATrialThatWasStoppedWhereItCanGoOn) {
  std::vector<Trial> trials = mixed_trials(40);
  Loop whole(trials);
  ASSERT_TRUE(whole.train());
  Loop first(trials, {4, 1'000'000, 0.0});
  first.engine.stop_after = 150;
  ASSERT_FALSE(first.train(first.engine.stop_source.get_token()));
  ASSERT_GT(first.left.size(), 0U);
  std::erase_if(trials, [&](const Trial& trial) { return first.collector.results.contains(trial.id); });
  Loop second(trials, {1, 1'000'000, 0.2});
  for (const PausedTrial& trial : first.left) second.starts.emplace(trial.result.trial.id, trial);
  ASSERT_TRUE(second.train());
  expect_equal(whole.collector, first.collector, second.collector);
}

TEST(TrainingLoop, HandsOutWhatIsInTrainingWhenACheckpointIsWanted) {
  Loop run({toy::trial(0, 4, 3), toy::trial(1, 4, 3)}, {1, 1'000'000, 0.0});
  run.collector.checkpoint_every_round = true;
  ASSERT_TRUE(run.train());
  ASSERT_GT(run.collector.checkpoints.size(), 2U);
  const std::vector<PausedTrial>& early = run.collector.checkpoints.front();
  ASSERT_FALSE(early.empty());
  EXPECT_EQ(early[0].state.epoch, 1U);
  EXPECT_EQ(early[0].result.curve.size(), 1U);
  EXPECT_TRUE(std::isnan(early[0].result.metrics.of(Metric::val_loss)));
  EXPECT_TRUE(run.collector.checkpoints.back().empty());
}

/// Trials that end by patience, and some that diverge.
std::vector<Trial> trials_that_end_early() {
  std::vector<Trial> trials = mixed_trials(40);
  for (std::uint64_t number : {12, 25, 38}) trials.at(number) = toy::trial(number);
  return trials;
}

void expect_running(const std::vector<PausedTrial>& in_training) {
  for (const PausedTrial& trial : in_training) EXPECT_EQ(trial.state.status, TrialStatus::running);
}

TEST(TrainingLoop, HandsOutNothingThatHasEndedForACheckpoint) {
  for (const bool waits : {false, true}) {
    Loop run(trials_that_end_early(), {4, 30'000, 0.0});  // calls of one epoch: what ends has got all it was asked for
    run.collector.checkpoint_every_round = true;
    run.waits_diverged = waits;
    ASSERT_TRUE(run.train());
    EXPECT_GT(run.collector.seen.back().n_diverged + run.collector.pauses.size(), 0U);
    for (const std::vector<PausedTrial>& checkpoint : run.collector.checkpoints) expect_running(checkpoint);
  }
}

TEST(TrainingLoop, LeavesNothingInTrainingThatHasEndedWhenItIsStopped) {
  std::size_t n_left = 0;
  for (std::uint64_t epochs = 1; epochs < 300; epochs += 3) {
    Loop run(trials_that_end_early(), {4, 30'000, 0.0});
    run.engine.stop_after = epochs;
    if (run.train(run.engine.stop_source.get_token())) break;
    expect_running(run.left);
    n_left += run.left.size();
  }
  for (std::size_t rounds = 1; rounds < 60; ++rounds) {
    Loop run(trials_that_end_early(), {4, 30'000, 0.0});
    run.collector.stop_after_rounds = rounds;
    if (run.train(run.collector.stop_source.get_token())) break;
    expect_running(run.left);
    n_left += run.left.size();
  }
  EXPECT_GT(n_left, 0U);
}

TEST(TrainingLoop, PausesWhatDivergesWhereItIsToWait) {
  Loop run({toy::trial(12), toy::trial(13)});  // seed 12 diverges in epoch 4
  run.waits_diverged = true;
  ASSERT_TRUE(run.train());
  ASSERT_EQ(run.collector.pauses.size(), 1U);
  const PausedTrial& paused = run.collector.pauses.at("t0000012");
  EXPECT_EQ(paused.state.status, TrialStatus::diverged);
  EXPECT_EQ(paused.result.curve.size(), 4U);
  EXPECT_EQ(run.collector.seen.back().n_done, 1U);
  EXPECT_EQ(run.collector.seen.back().n_diverged, 0U);
}

TEST(TrainingLoop, KeepsTheLineageAndTheRungsOfWhatGoesOn) {
  Loop first({toy::trial(0), toy::trial(1, 4, 3)});
  first.until = 2;
  ASSERT_TRUE(first.train());
  Loop second(first.trials);
  for (auto& [id, trial] : first.collector.pauses) {
    trial.result.lineage = {{2, "parent", {{"alpha", 0.5}}, 0}};
    trial.n_rungs = 7;
    second.starts.emplace(id, trial);
  }
  second.until = 5;
  ASSERT_TRUE(second.train());
  EXPECT_EQ(second.collector.pauses.at("t0000000").n_rungs, 7U);
  EXPECT_EQ(second.collector.pauses.at("t0000000").result.lineage.size(), 1U);
  EXPECT_EQ(second.collector.results.at("t0000001").lineage.at(0).parent, "parent");
}

TEST(TrainingLoop, RefusesAnEngineThatDoesNotTrain) {
  Loop run({toy::trial(0)});
  run.engine.stalls = true;
  EXPECT_THROW((void)run.train(), Error);
}

TEST(TrainingLoop, ReportsProgressThatGrowsToTheEnd) {
  Loop run(mixed_trials(60), {2, 20'000, 0.0});
  ASSERT_TRUE(run.train());
  const std::vector<Progress>& seen = run.collector.seen;
  ASSERT_GT(seen.size(), 2U);
  for (std::size_t i = 1; i < seen.size(); ++i) {
    EXPECT_GE(seen[i].n_done, seen[i - 1].n_done);
    EXPECT_GE(seen[i].epochs_done, seen[i - 1].epochs_done);
    EXPECT_LE(seen[i].epochs_done, seen[i].epochs_total);
  }
  EXPECT_EQ(seen.back().n_done, 60U);
  EXPECT_EQ(seen.back().epochs_done, run.engine.n_epochs);
  EXPECT_EQ(seen.back().epochs_total, run.engine.n_epochs);
  EXPECT_EQ(seen.back().remaining_s, 0);
  EXPECT_FALSE(seen.back().best_id.empty());
}

TEST(TrainingLoop, SharesTheTimeAmongTheNetworks) {
  Loop run(mixed_trials(40));
  ASSERT_TRUE(run.train());
  for (const auto& [id, result] : run.collector.results) EXPECT_GT(result.train_seconds, 0) << id;
}

}  // namespace
}  // namespace shoal::train
