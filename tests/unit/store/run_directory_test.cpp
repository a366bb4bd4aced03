#include "store/run_directory.hpp"

#include <chrono>
#include <cmath>
#include <limits>
#include <sqlite3.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "shoal/error.hpp"
#include "spec/nan.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

using Names = std::vector<std::string>;

class RunDirectoryTest : public StoreTest {
 protected:
  [[nodiscard]] std::filesystem::path run() const { return folder / "runs" / "a-1"; }
};

Names ids(const std::vector<StoredRow>& rows) {
  Names out;
  for (const StoredRow& row : rows) out.push_back(row.id);
  return out;
}

/// Runs `check` in another process; true if it returned true there.
template <class Check>
bool in_another_process(const Check& check) {
  const pid_t child = ::fork();
  if (child == 0) {
    bool passed = false;
    try {
      passed = check();
    } catch (...) {
    }
    ::_exit(passed ? 0 : 1);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/// What SQLite answers: values of a row between bars, a line a row.
std::string answers(const std::filesystem::path& file, const char* sql) {
  sqlite3* handle = nullptr;
  EXPECT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  std::string lines;
  const auto add = [](void* to, int n, char** values, char**) {
    auto& text = *static_cast<std::string*>(to);
    for (int i = 0; i < n; ++i) text.append(i > 0 ? "|" : "").append(values[i] != nullptr ? values[i] : "");
    text += '\n';
    return 0;
  };
  EXPECT_EQ(sqlite3_exec(handle, sql, add, &lines, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
  sqlite3_close(handle);
  return lines;
}

TEST_F(RunDirectoryTest, ShowsEveryRowWithItsTimeInIdOrder) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("b", 0.5));
  directory.add(result_of("a", 0.25, TrialStatus::stopped));
  directory.flush(manifest_of());
  Names seen;
  RunDirectory::open(run()).for_each([&](const StoredRow& row, double seconds) {
    EXPECT_EQ(seconds, 0.25);
    seen.push_back(row.id);
  });
  EXPECT_EQ(seen, (Names{"a", "b"}));
}

TEST_F(RunDirectoryTest, WritesRowsInIdOrderWithoutTimes) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("b", 0.1 + 0.2));
  TrialResult diverged = result_of("a.r1", kNaN, TrialStatus::diverged);
  diverged.trial.hyperparameters.solver = Solver::sgd;
  diverged.trial.topology.hidden_layer_sizes = {64, 64};
  directory.add(diverged);
  directory.add(result_of("a", 1e-7, TrialStatus::stopped));
  directory.flush(manifest_of());
  EXPECT_EQ(content(run() / "results.csv"),
            "id,hidden_layer_sizes,momentum,\"note, \"\"quoted\"\"\",status,val_loss,val_accuracy,"
            "val_balanced_accuracy,val_macro_f1,val_auc,val_rmse,val_mae,val_r2,train_loss,epochs,best_epoch\n"
            "a,[3],,\"say \"\"hi\"\"\",stopped,1e-07,,,,,,,,,2,1\n"
            "a.r1,\"[64, 64]\",0.9,\"say \"\"hi\"\"\",diverged,,,,,,,,,,2,1\n"
            "b,[3],,\"say \"\"hi\"\"\",finished,0.30000000000000004,,,,,,,,,2,1\n");
  EXPECT_EQ(content(run() / "timings.csv"), "id,seconds\na,0.25\na.r1,0.25\nb,0.25\n");
}

TEST_F(RunDirectoryTest, LeavesTheDatabaseInOneFileOnceARunHasEndedAndNoReaderStays) {
  const auto others = [&] {
    std::vector<std::filesystem::path> found;
    for (const char* file : {"results.sqlite-wal", "results.sqlite-shm"})
      if (std::filesystem::exists(run() / file)) found.push_back(run() / file);
    return found;
  };
  Manifest done = manifest_of();
  done.status = "done";
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("a", 0.5));
  directory.flush(manifest_of());
  EXPECT_EQ(others().size(), 2U);
  {
    const RunDirectory reader = RunDirectory::open(run());
    EXPECT_EQ(reader.size(), 1U);
    directory.add(result_of("b", 0.25));
    directory.flush(done);
    EXPECT_EQ(reader.size(), 2U);
    ASSERT_EQ(others().size(), 2U);
    EXPECT_EQ(std::filesystem::file_size(others().front()), 0U);
  }
  directory.flush(done);
  EXPECT_TRUE(others().empty());
}

TEST_F(RunDirectoryTest, WritesEqualFilesForEqualRunsWhateverOrderAndTimes) {
  const auto write = [&](const std::string& name, bool backwards) {
    RunDirectory directory = RunDirectory::create(folder / name, manifest_of());
    for (int i = 0; i < 500; ++i) {
      const int k = backwards ? 499 - i : i;
      TrialResult result = result_of("t" + std::to_string(k * 7919 % 500), k / 7.0);
      result.train_seconds = i;
      directory.add(result);
      if (i % 100 == 0) directory.flush(manifest_of());
    }
    directory.flush(manifest_of());
    return content(folder / name / "results.csv");
  };
  const std::string forwards = write("a", false);
  EXPECT_EQ(std::ranges::count(forwards, '\n'), 501);
  EXPECT_EQ(forwards, write("b", true));
}

TEST_F(RunDirectoryTest, WritesALineAChangeOfACopy) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("a", 0.1));
  directory.flush(manifest_of());
  EXPECT_FALSE(std::filesystem::exists(run() / "lineage.csv"));
  TrialResult copy = result_of("b", 0.2);
  copy.lineage = {{10, "a", {{"learning_rate_init", 1e-7}, {"alpha", 0.1 + 0.2}}, 0.5}, {15, "c", {}, kNaN}};
  directory.add(copy);
  copy.trial.id = "a.f1";
  copy.lineage.resize(1);
  directory.add(copy);
  directory.flush(manifest_of());
  EXPECT_EQ(content(run() / "lineage.csv"),
            "id,epoch,parent,parameter,value\n"
            "a.f1,10,a,alpha,0.30000000000000004\na.f1,10,a,learning_rate_init,1e-07\n"
            "b,10,a,alpha,0.30000000000000004\nb,10,a,learning_rate_init,1e-07\nb,15,c,,\n");
  const std::vector<Takeover> lineage = RunDirectory::open(run()).lineage("b");
  ASSERT_EQ(lineage.size(), 2U);
  EXPECT_EQ(lineage[0].epoch, 10U);
  EXPECT_EQ(lineage[0].parent, "a");
  EXPECT_EQ(lineage[0].changes[0], std::pair("alpha" + std::string(), 0.1 + 0.2));
  EXPECT_TRUE(lineage[1].changes.empty());
  EXPECT_TRUE(directory.lineage("nobody").empty());
}

TEST_F(RunDirectoryTest, ShowsCurvesToOtherProgramsAsRows) {
  {
    RunDirectory directory = RunDirectory::create(run(), manifest_of());
    TrialResult result = result_of("a", 0.1);
    result.curve = {{1, 0.5, 0.25, 0.25},
                    {2, 0.125, kNaN, kNaN},
                    {3, kNaN, 0.25, 0.75},
                    {5, -std::numeric_limits<double>::infinity(), 1, kNaN}};
    directory.add(result);
    directory.add(result_of("b", 0.2));
    directory.flush(manifest_of());
  }
  EXPECT_EQ(answers(run() / "results.sqlite", "SELECT * FROM curves WHERE id = 'a' ORDER BY epoch"),
            "a|1|0.5|0.25|0.25\na|2|0.125||\na|3||0.25|0.75\na|5|-Inf|1.0|\n");
  EXPECT_EQ(answers(run() / "results.sqlite", "SELECT id, count(*) FROM curves GROUP BY id"), "a|4\nb|2\n");
}

TEST_F(RunDirectoryTest, ForgetsATrialThatIsTakenOut) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  TrialResult copy = result_of("b", 0.2);
  copy.lineage = {{10, "a", {}, kNaN}};
  directory.add(copy);
  directory.add(result_of("a", 0.1));
  directory.flush(manifest_of());
  directory.remove("b");
  directory.remove("nobody");
  EXPECT_FALSE(directory.has("b"));
  EXPECT_TRUE(directory.curve("b").empty());
  EXPECT_TRUE(directory.lineage("b").empty());
  EXPECT_EQ(directory.totals().n_epochs, 2U);
  directory.flush(manifest_of());
  EXPECT_EQ(content(run() / "timings.csv"), "id,seconds\na,0.25\n");
}

TEST_F(RunDirectoryTest, ReadsItsManifestBack) {
  Manifest manifest = manifest_of();
  manifest.status = "done";
  manifest.winner = "b";
  manifest.maximize = true;
  manifest.test = MetricValues();
  manifest.test->values[5] = 0.75;
  { (void)RunDirectory::create(run(), manifest); }
  const RunDirectory directory = RunDirectory::open(run());
  const Manifest& back = directory.manifest();
  EXPECT_EQ(back.sweep_yaml, manifest.sweep_yaml);
  EXPECT_EQ(back.sweep_file, "a.yaml");
  EXPECT_EQ(back.engine, "cpu");
  EXPECT_EQ(back.engine_detail, "AVX2, 2 threads");
  EXPECT_EQ(back.engine_reason, "cpu: predicted 1.0 s, cuda 2.0 s");
  EXPECT_EQ(back.precision, Precision::strict);
  EXPECT_EQ(back.version, "0.1.0");
  EXPECT_EQ(back.metric, Metric::val_rmse);
  EXPECT_TRUE(back.maximize);
  EXPECT_EQ(back.task, Task::regression);
  EXPECT_EQ(back.dataset_name, "a.csv");
  EXPECT_EQ(back.dataset_hash, 0xfedcba9876543210U);
  EXPECT_EQ(back.table_hashes, manifest.table_hashes);
  EXPECT_EQ(back.n_trials, 7U);
  EXPECT_EQ(back.n_settings, 5U);
  EXPECT_EQ(back.epochs_trained, 40U);
  EXPECT_EQ(back.epochs_recomputed, 3U);
  EXPECT_EQ(back.preprocessing, manifest.preprocessing);
  EXPECT_EQ(back.splits, manifest.splits);
  EXPECT_EQ(back.status, "done");
  EXPECT_EQ(back.winner, "b");
  ASSERT_TRUE(back.test.has_value());
  EXPECT_EQ(back.test->of(Metric::val_rmse), 0.75);
  EXPECT_TRUE(std::isnan(back.test->of(Metric::val_loss)));
  EXPECT_NE(content(run() / "manifest.json").find("\"hash\": \"fedcba9876543210\""), std::string::npos);
}

TEST_F(RunDirectoryTest, RanksDivergedLastAndTiesById) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("d", 0.5));
  directory.add(result_of("c", 0.5));
  directory.add(result_of("e", 0.1, TrialStatus::diverged));
  directory.add(result_of("a", kNaN));
  directory.add(result_of("b", 0.75));
  EXPECT_EQ(ids(directory.best(10, Metric::val_loss, false)), (Names{"c", "d", "b", "a", "e"}));
  EXPECT_EQ(ids(directory.best(10, Metric::val_loss, true)), (Names{"b", "c", "d", "a", "e"}));
  EXPECT_EQ(ids(directory.best(2, Metric::val_loss, false)), (Names{"c", "d"}));
  EXPECT_TRUE(directory.best(0, Metric::val_loss, false).empty());
  EXPECT_EQ(directory.best(std::numeric_limits<std::size_t>::max(), Metric::val_loss, false).size(), 5U);
}

TEST_F(RunDirectoryTest, FindsARowByItsUniqueBeginning) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  for (const char* id : {"ab12", "ab12.r1", "ab34", "ff00"}) directory.add(result_of(id, 0.5));
  EXPECT_EQ(directory.row("f").id, "ff00");
  EXPECT_EQ(directory.row("ab12").id, "ab12") << "a whole id, although another begins with it";
  EXPECT_EQ(directory.row("ab12.").id, "ab12.r1");
  const StoredRow row = directory.row("ab3");
  EXPECT_EQ(row.status, TrialStatus::finished);
  EXPECT_EQ(row.epochs, 2U);
  EXPECT_EQ(row.best_epoch, 1U);
  EXPECT_EQ(row.metrics.of(Metric::val_loss), 0.5);
  ASSERT_EQ(row.parameters.size(), 3U);
  EXPECT_EQ(row.parameters[0], (std::pair<std::string, std::string>("hidden_layer_sizes", "[3]")));
  const std::string where = run().string() + ": ";
  EXPECT_EQ(message_of([&] { (void)directory.row("ab"); }),
            where + "several trials begin with 'ab': ab12, ab12.r1, ab34");
  EXPECT_EQ(message_of([&] { (void)directory.row("x"); }),
            where + "there is no trial 'x'; `shoal top` lists the best ones");
  EXPECT_THROW((void)directory.row(""), InputError);
  for (const char* id : {"ab5", "ab6", "ab7"}) directory.add(result_of(id, 0.5));
  EXPECT_TRUE(message_of([&] { (void)directory.row("ab"); }).ends_with("ab12, ab12.r1, ab34, ab5, ab6, ..."));
}

TEST_F(RunDirectoryTest, HasWhatWasAdded) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("a", 0.5));
  directory.add(result_of("b", 0.5, TrialStatus::diverged));
  EXPECT_TRUE(directory.has("a"));
  EXPECT_EQ(directory.status("b"), TrialStatus::diverged);
  EXPECT_FALSE(directory.has("c"));
  EXPECT_EQ(directory.size(), 2U);
}

TEST_F(RunDirectoryTest, ReplacesATrialAndItsCurve) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("a", 0.5));
  TrialResult again = result_of("a", 0.25);
  again.curve.resize(1);
  directory.add(again);
  EXPECT_EQ(directory.size(), 1U);
  EXPECT_EQ(directory.row("a").metrics.of(Metric::val_loss), 0.25);
  const std::vector<CurvePoint> curve = directory.curve("a");
  ASSERT_EQ(curve.size(), 1U);
  EXPECT_EQ(curve[0].epoch, 1U);
  EXPECT_EQ(curve[0].train_loss, 0.5);
  EXPECT_EQ(curve[0].val_loss, 0.1);
  EXPECT_TRUE(directory.curve("b").empty());
  directory.flush(manifest_of());
  EXPECT_EQ(answers(run() / "results.sqlite", "SELECT count(*) FROM points"), "1\n");
}

TEST_F(RunDirectoryTest, ReplacesTheLineageOfATrialToo) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  TrialResult copy = result_of("a", 0.5);
  copy.lineage = {{10, "b", {{"alpha", 0.5}}, kNaN}, {20, "c", {}, kNaN}};
  directory.add(copy);
  copy.lineage = {{30, "d", {}, kNaN}};
  directory.add(copy);
  ASSERT_EQ(directory.lineage("a").size(), 1U);
  EXPECT_EQ(directory.lineage("a")[0].parent, "d");
  directory.add(result_of("a", 0.5));
  EXPECT_TRUE(directory.lineage("a").empty());
  EXPECT_EQ(directory.size(), 1U);
}

TEST_F(RunDirectoryTest, SaysWhichParametersVary) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  EXPECT_EQ(directory.varying(), (std::vector<bool>{false, false, false}));
  for (const char* id : {"a", "b"}) directory.add(result_of(id, 0.5));
  EXPECT_EQ(directory.varying(), (std::vector<bool>{false, false, false}));
  TrialResult wider = result_of("c", 0.5);
  wider.trial.topology.hidden_layer_sizes = {5};
  wider.trial.hyperparameters.solver = Solver::sgd;  // alone has a momentum
  directory.add(wider);
  EXPECT_EQ(directory.varying(), (std::vector<bool>{true, false, false}));
}

TEST_F(RunDirectoryTest, LosesWhatWasNotFlushed) {
  {
    RunDirectory directory = RunDirectory::create(run(), manifest_of());
    directory.add(result_of("a", 0.5));
    directory.flush(manifest_of());
    directory.add(result_of("b", 0.5));
  }
  const RunDirectory directory = RunDirectory::open(run());
  EXPECT_TRUE(directory.has("a"));
  EXPECT_FALSE(directory.has("b"));
}

TEST_F(RunDirectoryTest, ShowsAnotherProcessTheLastFlushWhileItWrites) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  directory.add(result_of("a", 0.5));
  directory.flush(manifest_of());
  for (int i = 0; i < 2000; ++i) directory.add(result_of("b" + std::to_string(i), 0.25));
  EXPECT_TRUE(in_another_process([&] {
    const RunDirectory reader = RunDirectory::open(run());
    return ids(reader.best(10, Metric::val_loss, false)) == Names{"a"};
  }));
  directory.flush(manifest_of());
  EXPECT_TRUE(in_another_process([&] { return RunDirectory::open(run()).size() == 2001; }));
}

TEST_F(RunDirectoryTest, LeavesOnlyItsFilesAfterTheRun) {
  Manifest manifest = manifest_of();
  RunDirectory directory = RunDirectory::create(run(), manifest);
  directory.add(result_of("a", 0.5));
  manifest.status = "done";
  directory.flush(manifest);
  EXPECT_EQ(names_in(run()),
            (Names{".lock", "manifest.json", "models", "results.csv", "results.sqlite", "timings.csv"}));
}

TEST_F(RunDirectoryTest, LeavesOnlyItsFilesAfterAReaderThatTookAMoment) {
  Manifest manifest = manifest_of();
  RunDirectory directory = RunDirectory::create(run(), manifest);
  directory.add(result_of("a", 0.5));
  directory.flush(manifest);
  std::jthread reader([other = RunDirectory::open(run())]() mutable {
    EXPECT_EQ(other.size(), 1U);
    std::this_thread::sleep_for(std::chrono::milliseconds(50));
  });
  manifest.status = "done";
  directory.flush(manifest);
  reader.join();
  EXPECT_EQ(names_in(run()),
            (Names{".lock", "manifest.json", "models", "results.csv", "results.sqlite", "timings.csv"}));
}

TEST_F(RunDirectoryTest, IndexesEveryMetricOfTheTaskForAnySqliteReader) {
  {
    Manifest manifest = manifest_of();
    RunDirectory directory = RunDirectory::create(run(), manifest);
    directory.add(result_of("a", 0.5));
    manifest.status = "done";
    directory.flush(manifest);
  }
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open((run() / "results.sqlite").c_str(), &handle), SQLITE_OK);
  const auto number = [&](const char* sql) {
    sqlite3_stmt* statement = nullptr;
    EXPECT_EQ(sqlite3_prepare_v2(handle, sql, -1, &statement, nullptr), SQLITE_OK) << sqlite3_errmsg(handle);
    sqlite3_step(statement);
    const double value = sqlite3_column_double(statement, 0);
    sqlite3_finalize(statement);
    return value;
  };
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE type = 'index' AND name LIKE 'trials_by_%'"), 5);
  EXPECT_EQ(number("SELECT count(*) FROM sqlite_master WHERE name IN ('trials_by_val_loss', 'trials_by_val_rmse')"), 2);
  EXPECT_EQ(number("SELECT val_loss FROM trials WHERE id = 'a' AND hidden_layer_sizes = '[3]'"), 0.5);
  EXPECT_EQ(number("SELECT val_accuracy IS NULL FROM trials"), 1);
  EXPECT_EQ(number("SELECT train_loss FROM curves WHERE id = 'a' AND epoch = 2"), 0.25);
  sqlite3_close(handle);
}

TEST_F(RunDirectoryTest, KeepsAndForgetsNetworks) {
  RunDirectory directory = RunDirectory::create(run(), manifest_of());
  const auto network = [](const std::string& id, float first) {
    StoredNetwork out{.trial = trial_of(id), .parameters = std::vector<float>(13, 0.5F), .metric = 0.125};
    out.parameters[0] = first;
    return out;
  };
  directory.keep(network("b", 1));
  directory.keep(network("a", 2));
  directory.keep(network("a", 3));
  EXPECT_EQ(directory.kept(), (Names{"a", "b"}));
  EXPECT_EQ(directory.network("a").parameters[0], 3);
  EXPECT_EQ(directory.network("a").metric, 0.125);
  EXPECT_EQ(message_of([&] { (void)directory.network("c"); }),
            run().string() + ": the network of trial 'c' is not stored; stored are: a, b");
  directory.forget("a");
  directory.forget("a");
  EXPECT_EQ(names_in(run() / "models"), Names{"b.safetensors"});
  directory.forget("b");
  EXPECT_TRUE(message_of([&] { (void)directory.network("b"); }).ends_with("stored are: none"));
  for (const char* id : {"", "../b", ".b"}) EXPECT_THROW(directory.keep(network(id, 1)), Error) << id;
}

TEST_F(RunDirectoryTest, GoesOnWithAnExistingRun) {
  {
    RunDirectory directory = RunDirectory::create(run(), manifest_of());
    directory.add(result_of("b", 0.5));
    Manifest interrupted = manifest_of();
    interrupted.status = "interrupted";
    directory.flush(interrupted);
  }
  std::ofstream(run() / ".results.csv.part-999") << "half";
  RunDirectory directory = RunDirectory::open(run());
  EXPECT_EQ(directory.manifest().status, "interrupted");
  directory.claim();
  EXPECT_FALSE(std::filesystem::exists(run() / ".results.csv.part-999"));
  directory.add(result_of("a", 0.25));
  Manifest done = directory.manifest();
  done.status = "done";
  directory.flush(done);
  EXPECT_EQ(ids(directory.best(9, Metric::val_loss, false)), (Names{"a", "b"}));
  EXPECT_EQ(std::ranges::count(content(run() / "results.csv"), '\n'), 3);
}

}  // namespace
}  // namespace shoal::store
