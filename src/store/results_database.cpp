#include "store/results_database.hpp"

#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <span>
#include <sqlite3.h>
#include <string>

#include "shoal/error.hpp"
#include "shoal/sweep.hpp"
#include "store/curve_json.hpp"

namespace shoal::store {
namespace {

/// How long a reader or writer waits for another process's short lock.
constexpr int kBusyMilliseconds = 5000;
constexpr int kWriterCacheKiB = 32768;
// Of the default 4 KiB, curves of 1 KiB would leave a quarter empty.
constexpr int kPageBytes = 16384;
constexpr int kSettleTries = 10;
constexpr int kSettlePauseMilliseconds = 20;

std::string identifier(std::string_view column) {
  std::string out = "\"";
  for (char c : column) out.append(c == '"' ? 2 : 1, c);
  return out + '"';
}

/// The columns of `trials` in their order, but for `number`, the last one.
std::vector<std::string> trial_columns() {
  std::vector<std::string> columns{"id"};
  for (std::string_view parameter : parameter_names()) columns.emplace_back(parameter);
  columns.emplace_back("status");
  for (std::string_view metric : metric_names()) columns.emplace_back(metric);
  columns.insert(columns.end(), {"epochs", "best_epoch", "seconds"});
  return columns;
}

std::string column_list() {
  std::string list;
  for (const std::string& column : trial_columns()) list += (list.empty() ? "" : ", ") + identifier(column);
  return list;
}

/// A process that died while it left write-ahead mode has left a journal, which only a writer can roll back.
void roll_back(const std::filesystem::path& file) {
  if (!std::filesystem::exists(file.string() + "-journal")) return;
  sqlite3* handle = nullptr;
  if (sqlite3_open_v2(file.c_str(), &handle, SQLITE_OPEN_READWRITE, nullptr) == SQLITE_OK) {
    sqlite3_busy_timeout(handle, kBusyMilliseconds);
    sqlite3_exec(handle, "SELECT count(*) FROM sqlite_schema", nullptr, nullptr, nullptr);
  }
  sqlite3_close(handle);
}

}  // namespace

/// One prepared statement. Parameters and columns are numbered from 0 and taken in order.
class ResultsDatabase::Statement {
 public:
  Statement(const ResultsDatabase& database, const std::string& sql) : database_(database) {
    if (sqlite3_prepare_v2(database.handle_.get(), sql.c_str(), -1, &handle_, nullptr) != SQLITE_OK) database.fail();
  }
  ~Statement() { sqlite3_finalize(handle_); }
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  /// The text must live until the statement is done.
  void bind(std::string_view text) {
    sqlite3_bind_text(handle_, ++n_bound_, text.data(), static_cast<int>(text.size()), SQLITE_STATIC);
  }
  /// SQLite turns NaN into NULL.
  void bind(double value) { sqlite3_bind_double(handle_, ++n_bound_, value); }
  void bind(std::int64_t value) { sqlite3_bind_int64(handle_, ++n_bound_, value); }

  /// False when there are no more rows.
  bool step() {
    const int code = sqlite3_step(handle_);
    if (code != SQLITE_ROW && code != SQLITE_DONE) {
      // What is used again must not stay in the middle of its last use.
      n_bound_ = 0;
      const std::string message = sqlite3_errmsg(database_.handle_.get());
      sqlite3_reset(handle_);
      throw Error(database_.file_.string() + ": " + message);
    }
    return code == SQLITE_ROW;
  }
  void run() {
    step();
    reset();
  }
  /// For its next use.
  void reset() {
    sqlite3_reset(handle_);
    n_bound_ = 0;
  }

  /// Until the next step.
  [[nodiscard]] std::string_view text(int column) const {
    const auto* bytes = reinterpret_cast<const char*>(sqlite3_column_text(handle_, column));
    if (bytes == nullptr) return {};
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
  }
  [[nodiscard]] std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
  [[nodiscard]] double number(int column) const {
    return sqlite3_column_type(handle_, column) == SQLITE_NULL ? std::numeric_limits<double>::quiet_NaN()
                                                               : sqlite3_column_double(handle_, column);
  }

 private:
  const ResultsDatabase& database_;
  sqlite3_stmt* handle_ = nullptr;
  int n_bound_ = 0;
};

void ResultsDatabase::Closer::operator()(sqlite3* handle) const { sqlite3_close(handle); }

void ResultsDatabase::fail() const { throw Error(file_.string() + ": " + sqlite3_errmsg(handle_.get())); }

void ResultsDatabase::execute(const std::string& sql) const {
  if (sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) fail();
}

ResultsDatabase::ResultsDatabase(std::filesystem::path file, Access access) : file_(std::move(file)) {
  if (access == Access::read) roll_back(file_);
  int flags = SQLITE_OPEN_READONLY;
  if (access == Access::write) flags = SQLITE_OPEN_READWRITE;
  if (access == Access::create) flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  sqlite3* handle = nullptr;
  // One thread uses it, and a row has forty values, for each of which there would be a lock.
  const int code = sqlite3_open_v2(file_.c_str(), &handle, flags | SQLITE_OPEN_NOMUTEX, nullptr);
  handle_.reset(handle);
  if (handle == nullptr) throw std::bad_alloc();
  if (code != SQLITE_OK) fail();
  sqlite3_busy_timeout(handle, kBusyMilliseconds);
  if (access == Access::create) {
    // Before there is a write-ahead log, so that none can lose them.
    execute(fmt::format("PRAGMA page_size = {}; PRAGMA synchronous = FULL; BEGIN", kPageBytes));
    create_tables();
    execute("COMMIT");
  }
  if (access != Access::read) {
    execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;");
    // Ids come in random order: the pages of their index, which inserts return to, must stay in memory.
    execute(fmt::format("PRAGMA cache_size = -{};", kWriterCacheKiB));
  }
  check_columns();
}

ResultsDatabase::~ResultsDatabase() = default;

void ResultsDatabase::create_tables() const {
  std::string columns = "id TEXT UNIQUE";
  for (std::string_view parameter : parameter_names()) columns += ", " + identifier(parameter) + " TEXT";
  columns += ", status TEXT";
  for (std::string_view metric : metric_names()) columns += ", " + identifier(metric) + " REAL";
  // Ids come in random order. What is long is written in the order of numbers, one page after another, and not where
  // an id belongs, which for a million trials is a page of its own each.
  columns += ", epochs INTEGER, best_epoch INTEGER, seconds REAL, number INTEGER PRIMARY KEY";
  execute(
      "CREATE TABLE trials (" + columns +
      ");"
      // A row a curve: with a row a point most of a sweep of tiny networks would be their inserts.
      "CREATE TABLE points (trial INTEGER PRIMARY KEY, curve TEXT);"
      "CREATE VIEW curves AS SELECT trials.id, json_extract(value, '$[0]') AS epoch, "
      "CAST(json_extract(value, '$[1]') AS REAL) AS train_loss, "
      "CAST(json_extract(value, '$[2]') AS REAL) AS val_loss, "
      "CAST(json_extract(value, CASE json_array_length(value) WHEN 3 THEN '$[2]' ELSE '$[3]' END) AS REAL) AS metric "
      "FROM trials JOIN points ON points.trial = trials.number, json_each(points.curve);"
      "CREATE TABLE lineage (id TEXT, epoch INTEGER, parent TEXT, parameter TEXT, value REAL, "
      "PRIMARY KEY (id, epoch, parameter)) WITHOUT ROWID;");
}

void ResultsDatabase::check_columns() const {
  const auto columns = [&](std::string_view table) {
    std::vector<std::string> found;
    Statement statement(*this, "SELECT name FROM pragma_table_info(?)");
    statement.bind(table);
    while (statement.step()) found.emplace_back(statement.text(0));
    return found;
  };
  const std::vector<std::string> found = columns("trials");
  if (found.empty()) throw Error(file_.string() + ": is empty or damaged; read results.csv instead");
  std::vector<std::string> wanted = trial_columns();
  wanted.emplace_back("number");
  if (found != wanted || columns("points") != std::vector<std::string>{"trial", "curve"}) {
    throw Error(file_.string() + ": its columns are not those of this version of shoal; read results.csv instead");
  }
}

void ResultsDatabase::begin() {
  if (sqlite3_get_autocommit(handle_.get()) != 0) execute("BEGIN IMMEDIATE");
}

void ResultsDatabase::commit() {
  if (sqlite3_get_autocommit(handle_.get()) != 0) return;
  execute(fmt::format("PRAGMA user_version = {}; COMMIT", n_commits() + 1));
}

void ResultsDatabase::index_metrics(Task task) {
  commit();
  for (std::string_view metric : metric_names()) {
    if (!metric_applies(metric_named(metric).value(), task)) continue;
    execute(fmt::format("CREATE INDEX IF NOT EXISTS trials_by_{0} ON trials ({0})", metric));
  }
}

void ResultsDatabase::settle() {
  // Fails where another process reads, which mostly takes it a moment. Where it goes on, the second file stays, empty,
  // until the next run that writes here.
  sqlite3_busy_timeout(handle_.get(), 0);
  for (int i = 0; i < kSettleTries; ++i) {
    sqlite3_wal_checkpoint_v2(handle_.get(), nullptr, SQLITE_CHECKPOINT_TRUNCATE, nullptr, nullptr);
    if (sqlite3_exec(handle_.get(), "PRAGMA journal_mode = DELETE", nullptr, nullptr, nullptr) == SQLITE_OK) break;
    sqlite3_sleep(kSettlePauseMilliseconds);
  }
  sqlite3_busy_timeout(handle_.get(), kBusyMilliseconds);
}

bool ResultsDatabase::insert(const TrialResult& result) {
  Statement& statement = *insert_trial_;
  const auto parameters = parameters_of(result.trial);
  statement.bind(result.trial.id);
  for (const auto& [parameter, text] : parameters) statement.bind(std::string_view(text));
  statement.bind(name(result.status));
  for (double value : result.metrics.values) statement.bind(value);
  statement.bind(std::int64_t{result.epochs});
  statement.bind(std::int64_t{result.best_epoch});
  statement.bind(result.train_seconds);
  statement.bind(last_number_);
  statement.run();
  return sqlite3_changes(handle_.get()) > 0;
}

void ResultsDatabase::prepare_inserts() {
  if (insert_curve_) return;
  std::string places = "?";
  for (std::size_t i = 0; i < trial_columns().size(); ++i) places += ", ?";
  insert_trial_ = std::make_unique<Statement>(
      *this, "INSERT OR IGNORE INTO trials (" + column_list() + ", number) VALUES (" + places + ")");
  insert_curve_ = std::make_unique<Statement>(*this, "INSERT INTO points VALUES (?, ?)");
  insert_change_ = std::make_unique<Statement>(*this, "INSERT INTO lineage VALUES (?, ?, ?, ?, ?)");
  // A curve without a trial has a number, too.
  Statement last(*this,
                 "SELECT max(ifnull((SELECT max(number) FROM trials), 0), ifnull((SELECT max(trial) FROM points), 0))");
  last.step();
  last_number_ = last.integer(0);
}

void ResultsDatabase::add(const TrialResult& result) {
  begin();
  prepare_inserts();
  ++last_number_;
  const std::string curve = curve_to_json(result.curve);
  insert_curve_->bind(last_number_);
  insert_curve_->bind(std::string_view(curve));
  insert_curve_->run();
  if (!result.lineage.empty()) {
    remove(result.trial.id);
    add_lineage(result);
  }
  // That a trial replaces another is so rare that looking for it first would be the most of this.
  if (insert(result)) return;
  remove(result.trial.id);
  if (!insert(result)) throw Error(file_.string() + ": trial " + result.trial.id + " cannot be added");
}

void ResultsDatabase::add_lineage(const TrialResult& result) {
  const auto insert = [&](const Takeover& takeover, std::string_view parameter, double value) {
    insert_change_->bind(result.trial.id);
    insert_change_->bind(std::int64_t{takeover.epoch});
    insert_change_->bind(takeover.parent);
    insert_change_->bind(parameter);
    insert_change_->bind(value);
    insert_change_->run();
  };
  for (const Takeover& takeover : result.lineage) {
    for (const auto& [parameter, value] : takeover.changes) insert(takeover, parameter, value);
    if (takeover.changes.empty()) insert(takeover, "", std::numeric_limits<double>::quiet_NaN());
  }
}

void ResultsDatabase::remove(std::string_view id) {
  begin();
  for (const char* sql : {"DELETE FROM points WHERE trial IN (SELECT number FROM trials WHERE id = ?)",
                          "DELETE FROM trials WHERE id = ?", "DELETE FROM lineage WHERE id = ?"}) {
    Statement statement(*this, sql);
    statement.bind(id);
    statement.run();
  }
}

std::optional<TrialStatus> ResultsDatabase::status(std::string_view id) const {
  if (!select_status_) select_status_ = std::make_unique<Statement>(*this, "SELECT status FROM trials WHERE id = ?");
  select_status_->bind(id);
  std::optional<TrialStatus> status;
  if (select_status_->step()) status = status_in(id, select_status_->text(0));
  select_status_->reset();
  return status;
}

TrialStatus ResultsDatabase::status_in(std::string_view id, std::string_view word) const {
  const std::optional<TrialStatus> known = status_named(word);
  if (known) return *known;
  throw Error(file_.string() + ": trial " + std::string(id) + " has the unknown status '" + std::string(word) + "'");
}

std::uint64_t ResultsDatabase::size() const {
  Statement statement(*this, "SELECT count(*) FROM trials");
  statement.step();
  return static_cast<std::uint64_t>(statement.integer(0));
}

std::uint64_t ResultsDatabase::n_commits() const {
  Statement statement(*this, "PRAGMA user_version");
  statement.step();
  return static_cast<std::uint64_t>(statement.integer(0));
}

Totals ResultsDatabase::totals() const {
  Statement statement(
      *this, "SELECT count(*), total(status = 'diverged'), total(status = 'pruned'), total(epochs) FROM trials");
  statement.step();
  const auto count = [&](int column) { return static_cast<std::uint64_t>(statement.number(column)); };
  return {static_cast<std::uint64_t>(statement.integer(0)), count(1), count(2), count(3)};
}

std::vector<bool> ResultsDatabase::varying() const {
  std::string columns;
  for (std::string_view parameter : parameter_names()) columns += (columns.empty() ? "" : ", ") + identifier(parameter);
  Statement statement(*this, "SELECT " + columns + " FROM trials");
  std::vector<std::string> first(parameter_names().size());
  std::vector<bool> varies(first.size());
  while (statement.step()) {
    for (std::size_t p = 0; p < first.size(); ++p) {
      if (varies[p]) continue;
      const std::string_view text = statement.text(static_cast<int>(p));
      if (text.empty()) continue;
      if (first[p].empty()) first[p] = text;
      varies[p] = text != first[p];
    }
  }
  return varies;
}

StoredRow ResultsDatabase::row_of(const Statement& statement) const {
  StoredRow row;
  read(statement, row);
  return row;
}

void ResultsDatabase::read(const Statement& statement, StoredRow& row) const {
  const std::span<const std::string_view> names = parameter_names();
  int column = 0;
  row.id = statement.text(column++);
  row.parameters.resize(names.size());
  for (std::size_t p = 0; p < names.size(); ++p) {
    row.parameters[p].first = names[p];
    row.parameters[p].second = statement.text(column++);
  }
  row.status = status_in(row.id, statement.text(column++));
  for (double& value : row.metrics.values) value = statement.number(column++);
  row.epochs = static_cast<std::uint32_t>(statement.integer(column++));
  row.best_epoch = static_cast<std::uint32_t>(statement.integer(column));
}

std::vector<StoredRow> ResultsDatabase::best(std::size_t n, Metric metric, bool maximize) const {
  const std::string by = identifier(name(metric));
  Statement statement(
      *this, fmt::format("SELECT {} FROM trials ORDER BY status = 'diverged', {} IS NULL, status = 'pruned', {} {}, "
                         "id LIMIT ?",
                         column_list(), by, by, maximize ? "DESC" : "ASC"));
  constexpr auto kAll = static_cast<std::size_t>(std::numeric_limits<std::int64_t>::max());
  statement.bind(static_cast<std::int64_t>(std::min(n, kAll)));
  std::vector<StoredRow> rows;
  while (statement.step()) rows.push_back(row_of(statement));
  return rows;
}

std::vector<StoredRow> ResultsDatabase::beginning_with(std::string_view prefix, std::size_t n) const {
  // Ids are plain ASCII, so that every one that begins with the prefix lies below prefix + 0x7f.
  const std::string end = std::string(prefix) + '\x7f';
  Statement statement(*this, "SELECT " + column_list() + " FROM trials WHERE id >= ? AND id < ? ORDER BY id LIMIT ?");
  statement.bind(prefix);
  statement.bind(std::string_view(end));
  statement.bind(static_cast<std::int64_t>(n));
  std::vector<StoredRow> rows;
  while (statement.step()) rows.push_back(row_of(statement));
  return rows;
}

std::vector<CurvePoint> ResultsDatabase::curve(std::string_view id) const {
  Statement statement(*this, "SELECT curve FROM points JOIN trials ON trials.number = points.trial WHERE id = ?");
  statement.bind(id);
  return statement.step() ? curve_from_json(statement.text(0)) : std::vector<CurvePoint>{};
}

std::vector<Takeover> ResultsDatabase::lineage(std::string_view id) const {
  Statement statement(*this,
                      "SELECT epoch, parent, parameter, value FROM lineage WHERE id = ? ORDER BY epoch, parameter");
  statement.bind(id);
  std::vector<Takeover> takeovers;
  while (statement.step()) {
    const auto epoch = static_cast<std::uint32_t>(statement.integer(0));
    if (takeovers.empty() || takeovers.back().epoch != epoch) {
      takeovers.push_back({.epoch = epoch, .parent = std::string(statement.text(1)), .changes = {}});
    }
    const std::string_view parameter = statement.text(2);
    if (!parameter.empty()) takeovers.back().changes.emplace_back(parameter, statement.number(3));
  }
  return takeovers;
}

void ResultsDatabase::for_each_change(const std::function<void(const LineageRow&)>& visit) const {
  Statement statement(*this, "SELECT id, epoch, parent, parameter, value FROM lineage ORDER BY id, epoch, parameter");
  while (statement.step()) {
    visit({std::string(statement.text(0)), static_cast<std::uint32_t>(statement.integer(1)),
           std::string(statement.text(2)), std::string(statement.text(3)), statement.number(4)});
  }
}

void ResultsDatabase::for_each(const std::function<void(const StoredRow&, double)>& visit) const {
  Statement statement(*this, "SELECT " + column_list() + " FROM trials ORDER BY id");
  const int seconds = static_cast<int>(trial_columns().size()) - 1;
  StoredRow row;
  while (statement.step()) {
    read(statement, row);
    visit(row, statement.number(seconds));
  }
}

}  // namespace shoal::store
