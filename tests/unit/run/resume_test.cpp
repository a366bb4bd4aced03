#include "run/resume.hpp"

#include <gtest/gtest.h>
#include <optional>

#include "small_sweeps.hpp"

namespace shoal::run {
namespace {

constexpr const char* kBefore = "trainer: {seed: 1, threads: 2, engine: cpu}\nparameters: {alpha: {values: [0, 1]}}\n";

TEST(Differences, AreNoneBetweenEqualSweeps) { EXPECT_TRUE(differences(kBefore, kBefore, true, "f").empty()); }

TEST(Differences, LeaveOutWhatChangesNoResult) {
  const std::string now =
      "trainer: {seed: 1, threads: 8, memory: 1GiB, engine: cuda}\n"
      "parameters: {alpha: {values: [0, 1]}}\n";
  EXPECT_TRUE(differences(kBefore, now, true, "f").empty());
  const std::vector<Diagnostic> fast = differences(kBefore, now, false, "f");
  ASSERT_EQ(fast.size(), 1U);
  EXPECT_EQ(fast[0].text(), "f: trainer.engine: is cuda, but the run was started with cpu");
}

TEST(Differences, HaveTheReferenceWhoseBitsAreNotThoseOfOtherEngines) {
  const std::string reference = "trainer: {engine: reference}";
  EXPECT_TRUE(differences(reference, reference, true, "f").empty());
  const std::vector<Diagnostic> to = differences("trainer: {engine: cpu}", reference, true, "f");
  ASSERT_EQ(to.size(), 1U);
  EXPECT_EQ(to[0].text(), "f: trainer.engine: is reference, but the run was started with cpu");
  EXPECT_EQ(differences(reference, "trainer: {engine: auto}", true, "f").size(), 1U);
}

TEST(Differences, NameEveryKeyWithBothValues) {
  const std::string now = "trainer: {seed: 2}\nparameters: {alpha: {values: [0, 1, 2]}}\nrepeat: 2\n";
  const std::vector<Diagnostic> all = differences(kBefore, now, true, "f");
  ASSERT_EQ(all.size(), 3U);
  EXPECT_EQ(all[0].text(), "f: parameters.alpha.values: is [0, 1, 2], but the run was started with [0, 1]");
  EXPECT_EQ(all[1].text(), "f: trainer.seed: is 2, but the run was started with 1");
  EXPECT_EQ(all[2].text(), "f: repeat: is 2, but the run was started without it");
}

/// What is wrong with going on; empty: nothing.
std::string fault(const store::Manifest& before, const store::Manifest& now) {
  try {
    check_resumable(before, now, "dir");
  } catch (const InputError& error) {
    return error.what();
  }
  return "";
}

TEST(CheckResumable, RefusesOtherInitialParameters) {
  store::Manifest before;
  before.sweep_yaml = kBefore;
  before.initial_parameters["a.safetensors"] = 5;
  store::Manifest now = before;
  now.sweep_file = "s.yaml";
  EXPECT_EQ(fault(before, now), "");
  now.initial_parameters["a.safetensors"] = 6;
  EXPECT_EQ(fault(before, now),
            "s.yaml: parameters.init: a.safetensors (hash 0000000000000006) is not what the run was started with "
            "(0000000000000005)\ndir: cannot be resumed with another sweep; use another directory");
}

TEST(CheckResumable, NamesTheTablesThatHaveChanged) {
  store::Manifest before;
  before.sweep_yaml = kBefore;
  before.table_hashes = {{"train", 1}, {"validation", 2}, {"test", 3}};
  store::Manifest now = before;
  now.sweep_file = "s.yaml";
  EXPECT_EQ(fault(before, now), "");
  now.table_hashes = {{"train", 1}, {"validation", 5}, {"test", 6}};
  EXPECT_EQ(fault(before, now),
            "s.yaml: data.test: the table's content (hash 0000000000000006) is not what the run was started with "
            "(0000000000000003)\n"
            "s.yaml: data.validation: the table's content (hash 0000000000000005) is not what the run was started "
            "with (0000000000000002)\ndir: cannot be resumed with another sweep; use another directory");
}

TEST(CheckResumable, NamesTheLineOrTheOverrideOfWhatIsDifferent) {
  const small::Folder folder;
  small::write_classes(folder / "classes.csv");
  const std::string yaml = "data: {train: classes.csv}\nparameters:\n  max_iter: 1\n  alpha: ";
  const auto run = [&](const std::string& alpha, const std::vector<std::string>& overrides) {
    small::run_into(parse_sweep(yaml + alpha + '\n', "s.yaml", folder / "", overrides), folder / "run", true);
  };
  run("0.1", {});
  try {
    run("0.2", {"trainer.seed=5"});
    ADD_FAILURE() << "another sweep was resumed";
  } catch (const InputError& error) {
    EXPECT_EQ(std::string(error.what()),
              "s.yaml:4: parameters.alpha: is 0.2, but the run was started with 0.1\n"
              "override 'trainer.seed=5': trainer.seed: is 5, but the run was started with 0\n" +
                  (folder / "run").string() + ": cannot be resumed with another sweep; use another directory");
  }
}

/// A run that stores networks of trials with and without rows. Losses: the smaller the better.
struct TakeOverNetworks : testing::Test {
  TakeOverNetworks() : directory(store::RunDirectory::create(folder / "run", {})) {}
  void keep(const std::string& id, double loss, std::optional<TrialStatus> row) {
    TrialResult result;
    result.trial.id = id;
    result.trial.topology = {2, {}, {}, 1};
    result.status = row.value_or(TrialStatus::running);
    directory.keep({result.trial, {0.1F, 0.2F, 0.3F}, loss});
    if (row) directory.add(result);
  }
  std::vector<std::string> left(std::size_t capacity) {
    KeptNetworks kept(capacity, false);
    take_over_networks(directory, kept, notes);
    best = kept.best();
    return directory.kept();
  }

  small::Folder folder;
  store::RunDirectory directory;
  std::string best;
  std::vector<std::string> notes;
};

TEST_F(TakeOverNetworks, RemoveThoseWithoutARowButThatOfAllRows) {
  keep("a", 0.5, TrialStatus::finished);
  keep("b", 0.1, std::nullopt);
  keep("a.all", 0.1, std::nullopt);
  EXPECT_EQ(left(3), (std::vector<std::string>{"a", "a.all"}));
  EXPECT_EQ(best, "a");
}

TEST_F(TakeOverNetworks, RemoveTheWorstWhereOneWasStoredAndNoneHadGoneYet) {
  keep("a", 0.5, TrialStatus::finished);
  keep("b", 0.1, TrialStatus::pruned);
  keep("c", 0.3, TrialStatus::stopped);
  EXPECT_EQ(left(2), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(best, "c");
}

TEST_F(TakeOverNetworks, LeaveTheWinnerOfARunThatIsDone) {
  keep("a", 0.1, TrialStatus::finished);
  keep("b", 0.2, TrialStatus::finished);
  keep("c", 0.3, TrialStatus::finished);
  store::Manifest manifest;
  manifest.status = "done";
  manifest.winner = "c";  // of the best setting, but not among the best trials
  directory.flush(manifest);
  EXPECT_EQ(left(1), (std::vector<std::string>{"a", "c"}));
  EXPECT_EQ(best, "a");
}

TEST_F(TakeOverNetworks, RemoveWhatIsDamagedAndSaySo) {
  keep("a", 0.1, TrialStatus::finished);
  keep("b", 0.2, TrialStatus::finished);
  keep("c.all", 0.3, std::nullopt);
  for (const char* const name : {"a", "c.all"}) {
    const std::filesystem::path file = folder / "run" / "models" / (std::string(name) + ".safetensors");
    std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1);
  }
  EXPECT_EQ(left(3), std::vector<std::string>{"b"});
  EXPECT_EQ(best, "b");
  ASSERT_EQ(notes.size(), 2U);
  EXPECT_EQ(notes[0], (folder / "run").string() +
                          "/models/a.safetensors: not a stored network: the data's size is not the network's; removed, "
                          "and trained again if it is the network that the run hands out");
}

TEST(FreeDirectory, IsTheFirstThatDoesNotExist) {
  const small::Folder folder;
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::create_directories(folder / "runs/letters-1");
  std::filesystem::current_path(folder / "");
  const std::filesystem::path free = free_directory("somewhere/letters.yaml");
  std::filesystem::current_path(before);
  EXPECT_EQ(free, std::filesystem::path("runs/letters-2"));
}

}  // namespace
}  // namespace shoal::run
