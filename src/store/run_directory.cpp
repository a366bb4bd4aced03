#include "store/run_directory.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <system_error>

#include "shoal/error.hpp"
#include "store/atomic_file.hpp"
#include "store/claim.hpp"
#include "store/csv_text.hpp"
#include "store/manifest_json.hpp"
#include "store/results_database.hpp"
#include "store/safetensors.hpp"

namespace shoal::store {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kManifest = "manifest.json";
constexpr std::string_view kDatabase = "results.sqlite";
constexpr std::string_view kModels = "models";
constexpr std::string_view kCheckpoint = "checkpoint";
constexpr std::string_view kModelSuffix = ".safetensors";
constexpr std::string_view kTimingsHeader = "id,seconds\n";
constexpr std::string_view kLineageHeader = "id,epoch,parent,parameter,value\n";

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kLongWriting{500};
constexpr int kLeastShare = 20;

InputError wrong(const fs::path& path, std::string message) {
  return InputError(Diagnostic{.file = path.string(), .line = 0, .path = "", .message = std::move(message)});
}

std::string csv_header() {
  std::string line = "id";
  for (std::string_view parameter : parameter_names()) line += ',' + csv_field(parameter);
  line += ",status";
  for (std::string_view metric : metric_names()) line += ',' + csv_field(metric);
  return line + ",epochs,best_epoch\n";
}

std::string csv_line(const StoredRow& row) {
  std::string line = csv_field(row.id);
  for (const auto& [parameter, text] : row.parameters) line += ',' + csv_field(text);
  line += ',';
  line += name(row.status);
  for (double value : row.metrics.values) line += ',' + shortest(value);
  return line + ',' + std::to_string(row.epochs) + ',' + std::to_string(row.best_epoch) + '\n';
}

void remove_leftovers(const fs::path& directory) {
  std::error_code ignored;  // a leftover that cannot be removed does no harm
  for (const fs::path& folder : {directory, directory / kModels, directory / kCheckpoint}) {
    for (const fs::directory_entry& entry : fs::directory_iterator(folder, ignored)) {
      if (is_leftover(entry.path())) fs::remove(entry.path(), ignored);
    }
  }
}

bool holds_something(const fs::path& directory) {
  return std::ranges::any_of(fs::directory_iterator(directory),
                             [](const fs::directory_entry& entry) { return entry.path().filename() != kLockFile; });
}

constexpr std::array<std::string_view, 6> kBeforeManifest{"results.sqlite",     "results.sqlite-wal",
                                                          "results.sqlite-shm", "results.sqlite-journal",
                                                          "results.csv",        "timings.csv"};

/// Whether all that is there was left by a process that died in create(): files of an empty run without a manifest.
bool is_unfinished(const fs::path& directory) {
  return std::ranges::all_of(fs::directory_iterator(directory), [](const fs::directory_entry& entry) {
    const fs::path name = entry.path().filename();
    if (name == kModels) return fs::is_directory(entry) && fs::is_empty(entry);
    if (name == "results.csv") return read_whole(entry.path()) == csv_header();
    if (name == "timings.csv") return read_whole(entry.path()) == kTimingsHeader;
    return name == kLockFile || is_leftover(name) || std::ranges::find(kBeforeManifest, name) != kBeforeManifest.end();
  });
}

/// What create() writes before the manifest. What cannot be removed stays.
void remove_unfinished(const fs::path& directory) {
  remove_leftovers(directory);
  std::error_code ignored;
  for (const std::string_view file : kBeforeManifest) fs::remove(directory / file, ignored);
  fs::remove(directory / kModels, ignored);
}

}  // namespace

struct RunDirectory::State {
  fs::path path;
  Manifest manifest;
  std::unique_ptr<Claim> claim;
  std::unique_ptr<ResultsDatabase> database;
  bool has_new_rows = false;
  Clock::time_point tables_written{};
  Clock::duration tables_took{};

  [[nodiscard]] fs::path model(std::string_view id) const {
    return path / kModels / (std::string(id) + std::string(kModelSuffix));
  }

  void take_claim() {
    if (claim) return;
    auto taken = std::make_unique<Claim>(path);
    // The manifest may have moved on since open(): its last writer has only now let go.
    const fs::path file = path / kManifest;
    manifest = manifest_from_text(read_whole(file), file.string());
    remove_leftovers(path);
    fs::create_directory(path / kModels);  // somebody may have removed the networks
    database = std::make_unique<ResultsDatabase>(path / kDatabase, ResultsDatabase::Access::write);
    // A run that died between its commit and its rewriting left results.csv behind the database.
    has_new_rows = true;
    claim = std::move(taken);
  }

  void write_tables() {
    AtomicFile results(path / "results.csv");
    AtomicFile timings(path / "timings.csv");
    results.write(csv_header());
    timings.write(kTimingsHeader);
    database->for_each([&](const StoredRow& row, double seconds) {
      results.write(csv_line(row));
      timings.write(csv_field(row.id) + ',' + shortest(seconds) + '\n');
    });
    results.commit();
    timings.commit();
    write_lineage();
  }

  /// No file where there are no copies.
  void write_lineage() {
    std::optional<AtomicFile> file;
    database->for_each_change([&](const LineageRow& row) {
      if (!file) file.emplace(path / "lineage.csv").write(kLineageHeader);
      file->write(csv_field(row.id) + ',' + std::to_string(row.epoch) + ',' + csv_field(row.parent) + ',' +
                  csv_field(row.parameter) + ',' + shortest(row.value) + '\n');
    });
    if (file) file->commit();
  }

  /// Tables are written anew as a whole: a long run shall not spend its time on that.
  [[nodiscard]] bool tables_are_due() const {
    if (!has_new_rows || manifest.status != "running") return has_new_rows;
    return tables_took < kLongWriting || Clock::now() - tables_written > kLeastShare * tables_took;
  }

  void flush() {
    database->commit();
    if (manifest.status != "running") database->index_metrics(manifest.task);
    if (tables_are_due()) {
      const Clock::time_point start = Clock::now();
      write_tables();
      tables_written = Clock::now();
      tables_took = tables_written - start;
      has_new_rows = false;
    }
    write_atomically(path / kManifest, manifest_text(manifest));
    if (manifest.status != "running") database->settle();
  }
};

RunDirectory::RunDirectory(std::unique_ptr<State> state) : state_(std::move(state)) {}
RunDirectory::~RunDirectory() = default;
RunDirectory::RunDirectory(RunDirectory&&) noexcept = default;
RunDirectory& RunDirectory::operator=(RunDirectory&&) noexcept = default;

RunDirectory RunDirectory::create(const fs::path& path, Manifest manifest, Unfinished unfinished) {
  auto state = std::make_unique<State>();
  state->path = path;
  state->manifest = std::move(manifest);
  bool is_new = false;
  try {
    is_new = fs::create_directories(path);
    if (!fs::is_directory(path)) throw wrong(path, "is not a directory");
    const bool may_replace = unfinished == Unfinished::replace;
    const auto refuse = [&] {
      if (holds_something(path) && !(may_replace && is_unfinished(path))) {
        throw wrong(path, "exists and is not empty; --resume continues a run, --out names another directory");
      }
    };
    refuse();
    state->claim = std::make_unique<Claim>(path);
    refuse();  // another process may have made it a run in between
    if (may_replace) remove_unfinished(path);
  } catch (const fs::filesystem_error& error) {
    throw Error("cannot make " + path.string() + ": " + error.code().message());
  }
  try {
    fs::create_directory(path / kModels);
    state->database = std::make_unique<ResultsDatabase>(path / kDatabase, ResultsDatabase::Access::create);
    state->has_new_rows = true;
    state->flush();
    return RunDirectory(std::move(state));
  } catch (const std::exception& failure) {
    state->database.reset();
    remove_unfinished(path);
    std::error_code ignored;
    for (std::string_view file : {kManifest, kLockFile}) fs::remove(path / file, ignored);
    if (is_new) fs::remove(path, ignored);
    if (const auto* error = dynamic_cast<const fs::filesystem_error*>(&failure)) {
      throw Error("cannot make " + error->path1().string() + ": " + error->code().message());
    }
    throw;
  }
}

RunDirectory RunDirectory::open(const fs::path& path) {
  const fs::path file = path / kManifest;
  std::error_code ignored;
  if (!fs::exists(path, ignored)) throw wrong(path, "there is no such directory");
  if (!fs::exists(file, ignored)) throw wrong(path, "is not a run directory: it has no manifest.json");
  auto state = std::make_unique<State>();
  state->path = path;
  state->manifest = manifest_from_text(read_whole(file), file.string());
  state->database = std::make_unique<ResultsDatabase>(path / kDatabase, ResultsDatabase::Access::read);
  return RunDirectory(std::move(state));
}

const fs::path& RunDirectory::path() const noexcept { return state_->path; }
const Manifest& RunDirectory::manifest() const noexcept { return state_->manifest; }
void RunDirectory::claim() { state_->take_claim(); }

void RunDirectory::add(const TrialResult& result) {
  state_->take_claim();
  state_->database->add(result);
  state_->has_new_rows = true;
}

void RunDirectory::remove(std::string_view id) {
  state_->take_claim();
  state_->database->remove(id);
  state_->has_new_rows = true;
}

void RunDirectory::keep(const StoredNetwork& network) {
  const std::string& id = network.trial.id;
  if (id.empty() || id.starts_with('.') || id.find('/') != std::string::npos) {
    throw Error("'" + id + "' cannot be the name of a stored network");
  }
  state_->take_claim();
  write_atomically(state_->model(id), to_safetensors(network));
}

void RunDirectory::forget(std::string_view id) {
  if (!std::ranges::binary_search(kept(), id)) return;
  state_->take_claim();
  std::error_code error;
  fs::remove(state_->model(id), error);
  if (error) throw Error("cannot remove " + state_->model(id).string() + ": " + error.message());
}

std::vector<std::string> RunDirectory::kept() const {
  std::vector<std::string> ids;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(state_->path / kModels, error)) {
    const fs::path file = entry.path().filename();
    if (file.extension() == kModelSuffix && !is_leftover(file)) ids.push_back(file.stem().string());
  }
  if (error) throw Error("cannot read " + (state_->path / kModels).string() + ": " + error.message());
  std::ranges::sort(ids);
  return ids;
}

StoredNetwork RunDirectory::network(std::string_view id) const {
  std::string damage;
  std::optional<StoredNetwork> network = whole_network(id, damage);
  if (network) return std::move(*network);
  throw Error(damage +
              "; --resume removes the file and trains the network again if it is the one that the run hands out");
}

std::optional<StoredNetwork> RunDirectory::whole_network(std::string_view id, std::string& why) const {
  const std::vector<std::string> ids = kept();
  if (!std::ranges::binary_search(ids, id)) {
    std::string known;
    for (const std::string& other : ids) known += (known.empty() ? "" : ", ") + other;
    throw wrong(state_->path, "the network of trial '" + std::string(id) +
                                  "' is not stored; stored are: " + (known.empty() ? "none" : known));
  }
  const fs::path file = state_->model(id);
  const std::string bytes = read_whole(file);
  try {
    return from_safetensors(bytes, file.string());
  } catch (const Error& damage) {
    why = damage.what();
    return std::nullopt;
  }
}

void RunDirectory::flush(const Manifest& manifest) {
  state_->take_claim();
  state_->manifest = manifest;
  state_->flush();
}

bool RunDirectory::has(std::string_view id) const { return status(id).has_value(); }
std::optional<TrialStatus> RunDirectory::status(std::string_view id) const { return state_->database->status(id); }
std::uint64_t RunDirectory::size() const { return state_->database->size(); }
Totals RunDirectory::totals() const { return state_->database->totals(); }
ResultsMark RunDirectory::results_mark() const { return {state_->database->n_commits(), state_->database->size()}; }
CheckpointFolder RunDirectory::checkpoints() const { return CheckpointFolder(state_->path / kCheckpoint); }

std::vector<StoredRow> RunDirectory::best(std::size_t n, Metric metric, bool maximize) const {
  return state_->database->best(n, metric, maximize);
}

std::vector<bool> RunDirectory::varying() const { return state_->database->varying(); }

StoredRow RunDirectory::row(std::string_view id_or_prefix) const {
  constexpr std::size_t kShown = 5;
  const std::vector<StoredRow> rows = state_->database->beginning_with(id_or_prefix, kShown + 1);
  if (id_or_prefix.empty() || rows.empty()) {
    throw wrong(state_->path, "there is no trial '" + std::string(id_or_prefix) + "'; `shoal top` lists the best ones");
  }
  // The shortest id comes first, so that a whole id is found although others begin with it.
  if (rows.size() == 1 || rows.front().id == id_or_prefix) return rows.front();
  std::string fitting;
  for (std::size_t i = 0; i < std::min(rows.size(), kShown); ++i) fitting += (i > 0 ? ", " : "") + rows[i].id;
  throw wrong(state_->path, "several trials begin with '" + std::string(id_or_prefix) + "': " + fitting +
                                (rows.size() > kShown ? ", ..." : ""));
}

void RunDirectory::for_each(const std::function<void(const StoredRow&, double)>& visit) const {
  state_->database->for_each(visit);
}

std::vector<CurvePoint> RunDirectory::curve(std::string_view id) const { return state_->database->curve(id); }
std::vector<Takeover> RunDirectory::lineage(std::string_view id) const { return state_->database->lineage(id); }

}  // namespace shoal::store
