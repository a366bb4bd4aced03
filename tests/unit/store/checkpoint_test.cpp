#include "store/checkpoint.hpp"

#include <cmath>
#include <cstdint>
#include <limits>

#include "shoal/error.hpp"
#include "spec/nan.hpp"
#include "store/atomic_file.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

namespace fs = std::filesystem;
using CheckpointTest = StoreTest;

/// Every member of a state differs from its default and from the others.
PausedTrial paused(const std::string& id, float first) {
  PausedTrial trial;
  trial.result = result_of(id, 0.5, TrialStatus::running);
  trial.result.trial.number = 1234567890123456789U;
  trial.state.parameters = {first, -0.0F, std::numeric_limits<float>::denorm_min()};
  trial.state.first_moment = {first + 1, 2};
  trial.state.second_moment = {first + 2};
  trial.state.best_parameters = {first + 3, 4, 5, 6};
  trial.state.step = 77;
  trial.state.beta_1_power = 0.1;
  trial.state.beta_2_power = 1.0 / 3;
  trial.state.epoch = 2;
  trial.state.n_stalled = 3;
  trial.state.best_epoch = 1;
  trial.state.best_metric = -0.25;
  trial.state.n_rate_drops = 4;
  trial.state.n_rate_stalled = 5;
  trial.state.best_train_loss = 1e-300;
  return trial;
}

std::string bytes_of(const std::vector<PausedTrial>& trials) {
  std::vector<const PausedTrial*> pointers;
  for (const PausedTrial& trial : trials) pointers.push_back(&trial);
  std::string bytes;
  write_checkpoint(pointers, {7, 3}, [&](std::string_view more) { bytes += more; });
  return bytes;
}

void write(CheckpointFolder& folder, const std::string& id, float first, const ResultsMark& results = {}) {
  const PausedTrial trial = paused(id, first);
  const PausedTrial* pointer = &trial;
  folder.write(std::span(&pointer, 1), results);
}

TEST_F(CheckpointTest, HoldsEveryMemberOfAState) {
  const Checkpoint read = checkpoint_from(bytes_of({paused("b", 10), paused("a.f1", 20)})).trials;
  ASSERT_EQ(read.size(), 2U);
  for (const auto& [id, first] : std::map<std::string, float>{{"b", 10}, {"a.f1", 20}}) {
    const PausedTrial& found = read.at(id);
    EXPECT_EQ(found.state, paused(id, first).state);
    EXPECT_EQ(found.result.trial.id, id);
    EXPECT_EQ(found.result.trial.number, 1234567890123456789U);
    EXPECT_EQ(found.result.status, TrialStatus::running);
    EXPECT_EQ(found.result.epochs, 2U);
    EXPECT_EQ(found.result.train_seconds, 0.25);
    EXPECT_EQ(found.result.metrics.of(Metric::val_loss), 0.5);
    EXPECT_TRUE(std::isnan(found.result.metrics.of(Metric::val_accuracy)));
    ASSERT_EQ(found.result.curve.size(), 2U);
    EXPECT_EQ(found.result.curve[1].epoch, 2U);
    EXPECT_EQ(found.result.curve[1].train_loss, 0.25);
    EXPECT_EQ(found.result.curve[0].metric, 0.1);
  }
}

TEST_F(CheckpointTest, HoldsNumbersThatAreNotFinite) {
  PausedTrial trial = paused("a", kNaN);
  trial.state.best_metric = kNaN;
  trial.state.best_train_loss = std::numeric_limits<double>::infinity();
  const TrialState read = checkpoint_from(bytes_of({trial})).trials.at("a").state;
  EXPECT_TRUE(std::isnan(read.parameters[0]));
  EXPECT_TRUE(std::isnan(read.best_metric));
  EXPECT_EQ(read.best_train_loss, std::numeric_limits<double>::infinity());
}

TEST_F(CheckpointTest, HoldsStatesWithoutMoments) {
  PausedTrial trial = paused("a", 3);
  trial.state.first_moment.clear();
  trial.state.second_moment.clear();
  trial.state.best_parameters.clear();
  EXPECT_EQ(checkpoint_from(bytes_of({trial})).trials.at("a").state, trial.state);
}

TEST_F(CheckpointTest, HoldsAllOfATrialThatWasACopyAndWhatItCopied) {
  PausedTrial copy = paused("a", 3);
  copy.result.status = copy.state.status = TrialStatus::diverged;
  copy.n_rungs = 6;
  copy.result.trial.seed = 18446744073709551557U;
  copy.result.trial.hyperparameters.learning_rate_init = 0.1 + 0.2;
  copy.result.lineage = {{5, "b.r1.f2", {{"alpha", 1e-7}, {"learning_rate_init", 1.0 / 3}}, 0.1}, {10, "c", {}, kNaN}};
  const Checkpoint read = checkpoint_from(bytes_of({paused("b", 1), copy})).trials;
  const PausedTrial& found = read.at("a");
  EXPECT_EQ(found.n_rungs, 6U);
  EXPECT_EQ(found.state.status, TrialStatus::diverged);
  EXPECT_EQ(found.result.trial.seed, 18446744073709551557U);
  EXPECT_EQ(found.result.trial.topology, copy.result.trial.topology);
  EXPECT_EQ(found.result.trial.hyperparameters, copy.result.trial.hyperparameters);
  ASSERT_EQ(found.result.lineage.size(), 2U);
  EXPECT_EQ(found.result.lineage[0], copy.result.lineage[0]);
  EXPECT_EQ(found.result.lineage[1].parent, "c");
  EXPECT_TRUE(std::isnan(found.result.lineage[1].best_train_loss));
  EXPECT_TRUE(read.at("b").result.lineage.empty());
}

TEST_F(CheckpointTest, RefusesEveryFlippedBitOfACopy) {
  PausedTrial copy = paused("a", 3);
  copy.result.lineage = {{5, "b", {{"alpha", 0.25}}, 0.5}};
  const std::string good = bytes_of({copy});
  const std::size_t first = good.find("\\\"lineage");
  ASSERT_NE(first, std::string::npos);
  for (std::size_t bit = 8 * first; bit < 8 * (first + 60); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << bit % 8));
    EXPECT_THROW((void)checkpoint_from(bad), Error) << bit;
  }
}

TEST_F(CheckpointTest, MayBeEmpty) { EXPECT_TRUE(checkpoint_from(bytes_of({})).trials.empty()); }

TEST_F(CheckpointTest, RefusesEveryTruncationAndEveryFlippedBit) {
  const std::string good = bytes_of({paused("a", 1)});
  for (std::size_t length = 0; length < good.size(); ++length) {
    EXPECT_THROW((void)checkpoint_from(std::string_view(good).substr(0, length)), Error) << length;
  }
  std::size_t n_refused = 0;
  for (std::size_t bit = 0; bit < 8 * good.size(); ++bit) {
    std::string bad = good;
    bad[bit / 8] = static_cast<char>(static_cast<unsigned char>(bad[bit / 8]) ^ (1U << bit % 8));
    try {
      // Names, shapes and offsets of tensors are for other readers: a fault there is none of ours.
      const StoredCheckpoint read = checkpoint_from(bad);
      ASSERT_EQ(read.trials.size(), 1U) << bit;
      EXPECT_EQ(read.trials.at("a").state, paused("a", 1).state) << bit;
      EXPECT_EQ(read.results.n_commits, 7U) << bit;
      EXPECT_EQ(read.results.n_ended, 3U) << bit;
    } catch (const Error&) {
      ++n_refused;
    }
  }
  const std::size_t n_data_bits = 8 * (14 * 8 + 14 * 8 + 2 * 4 * 8 + 10 * 4);
  EXPECT_GT(n_refused, n_data_bits);
}

TEST_F(CheckpointTest, KeepsTwoGenerations) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  std::vector<std::string> notes;
  EXPECT_TRUE(checkpoints.read({}, notes).empty());
  for (const float first : {1.0F, 2.0F, 3.0F}) write(checkpoints, "a", first);
  EXPECT_EQ(names_in(folder / "checkpoint"), (std::vector<std::string>{"2.safetensors", "3.safetensors"}));
  EXPECT_EQ(checkpoints.read({}, notes).at("a").state.parameters[0], 3);
  EXPECT_TRUE(notes.empty());
}

TEST_F(CheckpointTest, GoesBackToTheOlderGenerationAndSaysSo) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  for (const float first : {1.0F, 2.0F}) write(checkpoints, "a", first);
  const fs::path newest = folder / "checkpoint" / "2.safetensors";
  fs::resize_file(newest, fs::file_size(newest) - 1);
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoints.read({}, notes).at("a").state.parameters[0], 1);
  EXPECT_EQ(notes,
            std::vector<std::string>{newest.string() + " cannot be used: its checksum does not fit; going on with " +
                                     (folder / "checkpoint" / "1.safetensors").string()});
  std::ofstream(folder / "checkpoint" / "1.safetensors") << "nonsense";
  notes.clear();
  EXPECT_TRUE(checkpoints.read({}, notes).empty());
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_TRUE(notes[1].ends_with("going on with what has ended")) << notes[1];
}

TEST_F(CheckpointTest, GoesBackToTheGenerationThatHasWhatTheResultsHaveLost) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  write(checkpoints, "a", 1, {4, 10});
  write(checkpoints, "a", 2, {5, 12});
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoints.read({5, 12}, notes).at("a").state.parameters[0], 2);
  EXPECT_EQ(checkpoints.read({6, 9}, notes).at("a").state.parameters[0], 2) << "trials may be taken out again";
  EXPECT_TRUE(notes.empty());
  EXPECT_EQ(checkpoints.read({4, 11}, notes).at("a").state.parameters[0], 1);
  EXPECT_EQ(notes, std::vector<std::string>{(folder / "checkpoint" / "2.safetensors").string() +
                                            " cannot be used: results are lost: 12 trials had ended when it was "
                                            "written, 11 are in results.sqlite; going on with " +
                                            (folder / "checkpoint" / "1.safetensors").string()});
  EXPECT_EQ(checkpoints.read({9, 20}, notes).at("a").state.parameters[0], 1) << "the other one is gone";
  EXPECT_TRUE(checkpoints.read({3, 8}, notes).empty());
  EXPECT_TRUE(notes.back().ends_with("going on with what has ended")) << notes.back();
}

TEST_F(CheckpointTest, LeavesTheOldGenerationsWhereTheDiskIsFull) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  write(checkpoints, "a", 1);
  {
    const FullDisk full(100);
    EXPECT_EQ(message_of([&] { write(checkpoints, "a", 2); }),
              "cannot write " + (folder / "checkpoint" / "2.safetensors").string() + ": File too large");
  }
  EXPECT_EQ(names_in(folder / "checkpoint"), std::vector<std::string>{"1.safetensors"});
}

TEST_F(CheckpointTest, CountsEpochsBesideThem) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  std::vector<std::string> notes;
  EXPECT_EQ(checkpoints.counted_epochs(notes), 0U);
  checkpoints.count_epochs(1'000'000);
  checkpoints.count_epochs(42);
  EXPECT_EQ(checkpoints.counted_epochs(notes), 42U);
  EXPECT_TRUE(notes.empty());
  checkpoints.clear();
  EXPECT_FALSE(fs::exists(folder / "checkpoint"));
}

TEST_F(CheckpointTest, SaysWhereTheCountOfEpochsIsDamaged) {
  CheckpointFolder checkpoints(folder / "checkpoint");
  checkpoints.count_epochs(1234);
  const fs::path file = folder / "checkpoint" / "epochs";
  const std::string good = content(file);
  for (const std::string& bad : {std::string(), good.substr(0, good.size() - 2), std::string("nonsense"),
                                 std::string(good.size(), '\0'), good + "1", " 12x4\n" + good.substr(6)}) {
    std::ofstream(file, std::ios::binary) << bad;
    std::vector<std::string> notes;
    EXPECT_EQ(checkpoints.counted_epochs(notes), 0U) << bad;
    EXPECT_EQ(notes, std::vector<std::string>{file.string() +
                                              " is damaged: epochs that were trained after the last checkpoint are "
                                              "missing in the run's count"});
  }
}

}  // namespace
}  // namespace shoal::store
