#include "plan/plan.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <set>

#include "shoal/error.hpp"
#include "tests/support/toy_engine.hpp"

namespace shoal::plan {
namespace {

/// Of 2-4-1 outside of its place: 17 parameters and two moments of them, under adam.
constexpr std::uint64_t kState = 3 * 17 * 4;

/// 60 trials of three widths, two batch sizes and epochs from 1 to 10; every fourth has patience.
std::vector<Trial> mixed_trials() {
  std::vector<Trial> trials;
  for (std::uint64_t i = 0; i < 60; ++i) {
    Trial trial = toy::trial(i, static_cast<std::int32_t>(4 * (1 + i % 3)), static_cast<std::int32_t>(1 + i % 10));
    trial.hyperparameters.batch_size = i % 2 == 0 ? 32 : 64;
    trial.hyperparameters.n_iter_no_change = i % 4 == 0 ? 2 : 0;
    trials.push_back(trial);
  }
  return trials;
}

TEST(Cost, IsParametersTimesTrainingRowsTimesEpochs) {
  // 2-4-1: 4 * 3 + 1 * 5 = 17 parameters.
  EXPECT_EQ(cost(toy::trial(0, 4, 10), toy::dataset(90)), 17.0 * 90 * 10);
}

TEST(DatasetBytes, CountEveryArray) {
  // 100 rows: 2 inputs and 1 target as floats; two splits of 100 indices.
  EXPECT_EQ(dataset_bytes(toy::dataset(90, 2)), 100U * 3 * 4 + 2U * 100 * 4);
}

TEST(Cohorts, GroupTrialsOfEqualKey) {
  const std::vector<Trial> trials = mixed_trials();
  const std::vector<Cohort> all = cohorts(trials, all_epochs(trials));
  ASSERT_EQ(all.size(), 6U);  // three widths times two batch sizes
  std::multiset<std::uint32_t> seen;
  for (const Cohort& cohort : all) {
    for (const std::uint32_t i : cohort.members) {
      EXPECT_EQ(gang_key(trials[i]), cohort.key);
      seen.insert(i);
    }
  }
  ASSERT_EQ(seen.size(), 60U);
  for (std::uint32_t i = 0; i < 60; ++i) EXPECT_EQ(seen.count(i), 1U);
}

TEST(Cohorts, PutPatienceFirstAndThenTheLongest) {
  std::vector<Trial> trials{toy::trial(0, 4, 5), toy::trial(1, 4, 9), toy::trial(2, 4, 2), toy::trial(3, 4, 9)};
  trials[2].hyperparameters.n_iter_no_change = 1;
  const std::vector<Cohort> all = cohorts(trials, all_epochs(trials));
  ASSERT_EQ(all.size(), 1U);
  EXPECT_EQ(all[0].members, (std::vector<std::uint32_t>{2, 1, 3, 0}));
}

TEST(Gangs, HoldEveryTrialOnceAndNeverMixKeys) {
  const std::vector<Trial> trials = mixed_trials();
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 4);
  std::set<std::uint32_t> seen;
  for (const FilledGang& filled : gangs(trials, all_epochs(trials), dataset, engine)) {
    EXPECT_EQ(filled.gang.n_slots, filled.trials.size());
    EXPECT_GE(filled.trials.size(), 1U);
    EXPECT_LE(filled.trials.size(), 4U);
    bool patience = false;
    for (const std::uint32_t i : filled.trials) {
      EXPECT_EQ(gang_key(trials[i]), filled.gang.key);
      EXPECT_TRUE(seen.insert(i).second);
      patience |= trials[i].hyperparameters.n_iter_no_change > 0;
    }
    EXPECT_EQ(filled.gang.keeps_best, patience);
  }
  EXPECT_EQ(seen.size(), 60U);
}

TEST(Gangs, ComeCostliestFirstWithTiesInTheOrderOfTrials) {
  const std::vector<Trial> trials{toy::trial(0, 4, 5), toy::trial(1, 8, 5), toy::trial(2, 4, 5), toy::trial(3, 4, 50)};
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 1);
  std::vector<std::uint32_t> order;
  for (const FilledGang& filled : gangs(trials, all_epochs(trials), dataset, engine))
    order.push_back(filled.trials.at(0));
  EXPECT_EQ(order, (std::vector<std::uint32_t>{3, 1, 0, 2}));
}

TEST(Chunks, StayWithinTheLimitAndLoseNothing) {
  const std::vector<Trial> trials = mixed_trials();
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 4);
  for (const std::uint64_t limit : {20'000U, 25'000U, 40'000U, 10'000'000U}) {
    std::set<std::uint32_t> seen;
    for (const Chunk& chunk : plan_window(trials, all_epochs(trials), dataset, engine, limit)) {
      EXPECT_LE(chunk.bytes, limit);
      std::uint64_t places = 0;
      std::uint64_t largest_state = 0;
      Slot next = 0;
      for (const FilledGang& filled : chunk.gangs) {
        EXPECT_EQ(filled.gang.first_slot, next);
        next += filled.gang.n_slots;
        const std::uint64_t state =
            (filled.gang.keeps_best ? 4U : 3U) * filled.gang.key.topology.n_parameters() * sizeof(float);
        largest_state = std::max(largest_state, state);
        places += filled.gang.n_slots * (engine.bytes_per_slot(filled.gang) + state);
        seen.insert(filled.trials.begin(), filled.trials.end());
      }
      EXPECT_EQ(chunk.bytes, places + largest_state + 5000 + 10 * chunk.gangs.size() + dataset_bytes(dataset));
    }
    EXPECT_EQ(seen.size(), 60U) << limit;
  }
}

TEST(Chunks, TakeAsMuchAsTheLimitAllows) {
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 1);
  std::vector<Trial> trials;
  for (std::uint64_t i = 0; i < 10; ++i) trials.push_back(toy::trial(i));
  // A gang takes 1010 bytes and a state; three, the workspace of 5000 and a state more fit 8030 and four states, not
  // less.
  const std::uint64_t table = dataset_bytes(dataset) + kState;
  const auto sizes = [&](std::uint64_t limit) {
    std::vector<std::size_t> all;
    for (const Chunk& chunk : plan_window(trials, all_epochs(trials), dataset, engine, limit))
      all.push_back(chunk.gangs.size());
    return all;
  };
  EXPECT_EQ(sizes(table + 8030 + 3 * kState), (std::vector<std::size_t>{3, 3, 3, 1}));
  EXPECT_EQ(sizes(table + 8029 + 3 * kState), (std::vector<std::size_t>{2, 2, 2, 2, 2}));
  EXPECT_EQ(sizes(table + 6010 + kState), (std::vector<std::size_t>(10, 1)));
  EXPECT_EQ(sizes(table + 15'100 + 10 * kState), (std::vector<std::size_t>{10}));
}

TEST(Chunks, OfADeviceLeaveTheHostsTableOut) {
  const Dataset dataset = toy::dataset();
  toy::ToyEngine engine(dataset, 1);
  engine.device = 1'000'000;
  const std::vector<Trial> trials{toy::trial(0), toy::trial(1), toy::trial(2)};
  const std::vector<Chunk> chunks = plan_window(trials, all_epochs(trials), dataset, engine, 7'020);
  ASSERT_EQ(chunks.size(), 2U);
  EXPECT_EQ(chunks[0].bytes, 7'020U);
  EXPECT_EQ(chunks[1].bytes, 6'010U);
}

TEST(Chunks, AreNotLargerThanKeepsTheMachineBusy) {
  const Dataset dataset = toy::dataset();
  toy::ToyEngine engine(dataset, 1);
  engine.slot_bytes = kChunkPlaceBytes / 2 - kState;
  std::vector<Trial> trials;
  for (std::uint64_t i = 0; i < 5; ++i) trials.push_back(toy::trial(i));
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, std::uint64_t{1} << 40U).size(), 3U);
}

TEST(Chunks, SayHowMuchMemoryASingleGangNeeds) {
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 4);
  const std::vector<Trial> trials{toy::trial(0)};
  const std::uint64_t needed = dataset_bytes(dataset) + 1000 + 5010 + 2 * kState;
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, needed).size(), 1U);
  try {
    (void)plan_window(trials, all_epochs(trials), dataset, engine, needed - 1);
    FAIL() << "nothing was thrown";
  } catch (const InputError& error) {
    ASSERT_EQ(error.diagnostics().size(), 1U);
    EXPECT_EQ(error.diagnostics()[0].path, "trainer.memory");
    EXPECT_NE(error.diagnostics()[0].message.find(std::to_string(needed) + " bytes"), std::string::npos)
        << error.what();
  }
}

TEST(Chunks, SayWhatTheLargestOfAllGangsNeeds) {
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 1);
  // The costliest gang comes first; that of the second keeps its best parameters, too.
  std::vector<Trial> trials{toy::trial(0, 4, 1000), toy::trial(1, 3), toy::trial(2)};
  trials[1].hyperparameters.n_iter_no_change = 2;
  const std::uint64_t of_network = 2000 + 5010 + 2 * 4 * 13 * 4;  // its state twice, best parameters and moments too
  const std::uint64_t needed = dataset_bytes(dataset) + of_network;
  try {
    (void)plan_window(trials, all_epochs(trials), dataset, engine, 1);
    FAIL() << "nothing was thrown";
  } catch (const GangTooLarge& error) {
    EXPECT_EQ(error.needed_bytes(), needed);
    EXPECT_EQ(error.network_bytes(), of_network);
    EXPECT_TRUE(
        error.need().starts_with("the table, trials and their records and one gang of networks of 13 parameters"))
        << error.what();
  }
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, needed).size(), 3U);
}

TEST(Chunks, OfNothingAreNone) {
  const Dataset dataset = toy::dataset();
  const toy::ToyEngine engine(dataset, 4);
  EXPECT_TRUE(plan_window({}, {}, dataset, engine, 1).empty());
}

TEST(Chunks, LeaveRoomForWhatTheHostHolds) {
  const Dataset dataset = toy::dataset();
  toy::ToyEngine engine(dataset, 1);
  const std::vector<Trial> trials{toy::trial(0), toy::trial(1)};
  const std::uint64_t together = dataset_bytes(dataset) + 2 * 1000 + 5020 + 3 * kState;
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, together + 99, 99).size(), 1U);
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, together + 98, 99).size(), 2U);
  engine.device = 1'000'000;
  EXPECT_EQ(plan_window(trials, all_epochs(trials), dataset, engine, together, 99).size(), 1U);
}

TEST(RecordBytes, AreThoseOfTrialsRecordsAndCurves) {
  EXPECT_EQ(record_bytes({}, {}, 1), 0U);
  const std::vector<Trial> trials{toy::trial(0), toy::trial(1)};
  // A trial has 1200 bytes, a record 48, held twice, a point of a curve 32, those of earlier epochs too.
  EXPECT_EQ(record_bytes(trials, std::vector<Leg>{{0, 3}, {2, 6}}, 1), 2U * 1200 + 2U * 7 * 48 + 9U * 32);
  EXPECT_EQ(record_bytes(trials, std::vector<Leg>{{0, 200'000}, {0, 1}}, 1),
            2U * 1200 + 2U * 131'072 * 48 + 200'001U * 32);
}

TEST(RecordBytes, BoundCurvesByThoseThatEveryCoreHas) {
  const std::vector<Trial> trials(10'000, toy::trial(0));
  const std::vector<Leg> legs(10'000, Leg{0, 1000});  // 320 MB of curves
  const std::uint64_t others = 10'000U * 1200 + 2U * 131'072 * 48;
  EXPECT_EQ(record_bytes(trials, legs, 2), others + (1U << 28U) + 2U * 16 * 1000 * 32);
  EXPECT_EQ(record_bytes(trials, legs, 200), others + 10'000U * 1000 * 32);
}

TEST(BytesText, UsesBinaryUnits) {
  EXPECT_EQ(bytes_text(512), "512 B");
  EXPECT_EQ(bytes_text(1536), "1.5 KiB");
  EXPECT_EQ(bytes_text(std::uint64_t{3} << 30U), "3.0 GiB");
}

}  // namespace
}  // namespace shoal::plan
