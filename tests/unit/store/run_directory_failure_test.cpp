#include <chrono>
#include <fcntl.h>
#include <sqlite3.h>
#include <sys/file.h>
#include <sys/wait.h>
#include <thread>
#include <unistd.h>

#include "shoal/error.hpp"
#include "store/claim.hpp"
#include "store/run_directory.hpp"
#include "store_fixture.hpp"

namespace shoal::store {
namespace {

using Names = std::vector<std::string>;
using RunDirectoryFailure = StoreTest;

void write(const std::filesystem::path& file, const std::string& text) { std::ofstream(file) << text; }

TEST_F(RunDirectoryFailure, RefusesADirectoryThatIsNotEmpty) {
  write(folder / "mine.txt", "precious");
  EXPECT_EQ(message_of([&] { (void)RunDirectory::create(folder, manifest_of()); }),
            folder.string() + ": exists and is not empty; --resume continues a run, --out names another directory");
  EXPECT_EQ(names_in(folder), Names{"mine.txt"});
  EXPECT_THROW((void)RunDirectory::create(folder, manifest_of()), InputError);
}

TEST_F(RunDirectoryFailure, AcceptsAnEmptyDirectory) {
  { (void)RunDirectory::create(folder, manifest_of()); }
  EXPECT_TRUE(std::filesystem::exists(folder / "manifest.json"));
  EXPECT_THROW((void)RunDirectory::create(folder, manifest_of()), InputError);
}

TEST_F(RunDirectoryFailure, RefusesWhatIsNotARunDirectory) {
  EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder / "no"); }),
            (folder / "no").string() + ": there is no such directory");
  EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder); }),
            folder.string() + ": is not a run directory: it has no manifest.json");
  write(folder / "file", "");
  EXPECT_EQ(message_of([&] { (void)RunDirectory::create(folder / "file" / "run", manifest_of()); }),
            "cannot make " + (folder / "file" / "run").string() + ": Not a directory");
}

TEST_F(RunDirectoryFailure, RefusesABrokenManifest) {
  { (void)RunDirectory::create(folder / "run", manifest_of()); }
  const std::filesystem::path file = folder / "run" / "manifest.json";
  const std::string good = content(file);
  const auto message = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    write(file, text);
    return message_of([&] { (void)RunDirectory::open(folder / "run"); });
  };
  EXPECT_EQ(message("\"format\": 2", "\"format\": 1"),
            file.string() + ": was written by another version of shoal; read results.csv instead");
  EXPECT_EQ(message("val_rmse", "val_rms"), file.string() + ": unknown word 'val_rms'");
  EXPECT_EQ(message("fedcba", "fedcbx"), file.string() + ": 'fedcbx9876543210' is not a hash");
  EXPECT_EQ(message("\"winner\"", "\"loser\""), file.string() + ": is damaged, the run cannot be read");
  EXPECT_EQ(message("{", ""), file.string() + ": is damaged, the run cannot be read");
  EXPECT_EQ(message("\"format\"", "\"form\""), file.string() + ": is not the manifest of a run");
}

TEST_F(RunDirectoryFailure, RefusesADatabaseOfAnotherVersion) {
  { (void)RunDirectory::create(folder / "run", manifest_of()); }
  const std::string file = folder / "run" / "results.sqlite";
  const std::string good = content(file);
  for (const char* table : {"trials", "points"}) {
    write(file, good);
    sqlite3* handle = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
    sqlite3_exec(handle, ("ALTER TABLE " + std::string(table) + " ADD COLUMN other TEXT").c_str(), nullptr, nullptr,
                 nullptr);
    sqlite3_close(handle);
    EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder / "run"); }),
              file + ": its columns are not those of this version of shoal; read results.csv instead")
        << table;
  }
  write(file, "");
  EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder / "run"); }),
            file + ": is empty or damaged; read results.csv instead");
  write(file, "this is no database, whatever its name says");
  EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder / "run"); }), file + ": file is not a database");
  std::filesystem::remove(file);
  EXPECT_EQ(message_of([&] { (void)RunDirectory::open(folder / "run"); }), file + ": unable to open database file");
}

TEST_F(RunDirectoryFailure, RefusesAStatusThatItDoesNotKnow) {
  {
    RunDirectory directory = RunDirectory::create(folder / "run", manifest_of());
    directory.add(result_of("a", 0.5));
    directory.flush(manifest_of());
  }
  const std::string file = folder / "run" / "results.sqlite";
  sqlite3* handle = nullptr;
  ASSERT_EQ(sqlite3_open(file.c_str(), &handle), SQLITE_OK);
  sqlite3_exec(handle, "UPDATE trials SET status = 'asleep'", nullptr, nullptr, nullptr);
  sqlite3_close(handle);
  const RunDirectory directory = RunDirectory::open(folder / "run");
  EXPECT_EQ(message_of([&] { (void)directory.row("a"); }), file + ": trial a has the unknown status 'asleep'");
}

TEST_F(RunDirectoryFailure, LetsOneProcessWrite) {
  RunDirectory writer = RunDirectory::create(folder / "run", manifest_of());
  RunDirectory other = RunDirectory::open(folder / "run");
  const std::string expected = (folder / "run").string() + " is being written by another run";
  EXPECT_EQ(message_of([&] { other.claim(); }), expected);
  EXPECT_EQ(message_of([&] { other.add(result_of("a", 0.5)); }), expected);
  EXPECT_EQ(message_of([&] { other.flush(manifest_of()); }), expected);
  EXPECT_EQ(other.size(), 0U) << "reading goes on";
  { const RunDirectory gone = std::move(writer); }
  EXPECT_EQ(message_of([&] { other.claim(); }), "");
}

TEST_F(RunDirectoryFailure, WaitsAMomentForOneWhoOnlyLooksWhetherItIsClaimed) {
  { const RunDirectory writer = RunDirectory::create(folder / "run", manifest_of()); }
  const int lock = ::open((folder / "run" / ".lock").c_str(), O_RDONLY);
  ASSERT_EQ(::flock(lock, LOCK_SH), 0);
  const std::jthread looker([lock] {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
    ::close(lock);
  });
  RunDirectory writer = RunDirectory::open(folder / "run");
  EXPECT_FALSE(is_claimed(folder / "run"));
  EXPECT_EQ(message_of([&] { writer.claim(); }), "");
  EXPECT_TRUE(is_claimed(folder / "run"));
  EXPECT_FALSE(is_claimed(folder)) << "which is no run";
}

TEST_F(RunDirectoryFailure, LeavesNothingWhereItCannotBegin) {
  std::string message;
  {
    const FullDisk full(4096);
    message = message_of([&] { (void)RunDirectory::create(folder / "run", manifest_of()); });
  }
  EXPECT_TRUE(message.starts_with((folder / "run" / "results.sqlite").string() + ": ")) << message;
  EXPECT_TRUE(names_in(folder).empty());
}

TEST_F(RunDirectoryFailure, KeepsTheOldFilesWhenTheDiskIsFull) {
  RunDirectory directory = RunDirectory::create(folder / "run", manifest_of());
  directory.add(result_of("a", 0.5));
  StoredNetwork network{.trial = trial_of("a"), .parameters = std::vector<float>(13, 0.5F), .metric = 0.5};
  directory.keep(network);
  directory.flush(manifest_of());
  const std::string results = content(folder / "run" / "results.csv");
  const std::string manifest = content(folder / "run" / "manifest.json");
  const std::string model = content(folder / "run" / "models" / "a.safetensors");

  Manifest larger = manifest_of();
  larger.sweep_yaml = std::string(20000, 'x');
  network.trial.topology.hidden_layer_sizes = {5000};
  network.parameters.assign(network.trial.topology.n_parameters(), 1);
  {
    const FullDisk full(6000);
    EXPECT_EQ(message_of([&] { directory.keep(network); }),
              "cannot write " + (folder / "run" / "models" / "a.safetensors").string() + ": File too large");
    EXPECT_EQ(message_of([&] { directory.flush(larger); }),
              "cannot write " + (folder / "run" / "manifest.json").string() + ": File too large");
    for (int i = 0; i < 300; ++i) directory.add(result_of("b" + std::to_string(i), 0.5));
    EXPECT_NE(message_of([&] { directory.flush(manifest_of()); }), "");
  }
  EXPECT_EQ(content(folder / "run" / "results.csv"), results);
  EXPECT_EQ(content(folder / "run" / "manifest.json"), manifest);
  EXPECT_EQ(content(folder / "run" / "models" / "a.safetensors"), model);
  EXPECT_EQ(names_in(folder / "run" / "models"), Names{"a.safetensors"});
}

TEST_F(RunDirectoryFailure, SurvivesAKilledWriter) {
  const pid_t child = ::fork();
  if (child == 0) {
    RunDirectory directory = RunDirectory::create(folder / "run", manifest_of());
    directory.add(result_of("a", 0.5));
    directory.flush(manifest_of());
    for (int i = 0; i < 3000; ++i) directory.add(result_of("b" + std::to_string(i), 0.5));
    ::raise(SIGKILL);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  RunDirectory directory = RunDirectory::open(folder / "run");
  EXPECT_TRUE(directory.has("a"));
  EXPECT_EQ(directory.size(), 1U);
  directory.add(result_of("c", 0.25));
  directory.flush(manifest_of());
  EXPECT_EQ(directory.size(), 2U);
}

}  // namespace
}  // namespace shoal::store
