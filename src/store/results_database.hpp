#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "store/run_directory.hpp"

struct sqlite3;

namespace shoal::store {

/// results.sqlite: `trials` (id, every parameter, status, every metric, epochs, best_epoch, seconds, number: in the
/// order of writing; an index on each metric that the task has), `points` (trial: its number; curve: as
/// curve_to_json() writes it), `curves`, a view of the same by id with a row an epoch, and `lineage` (id, epoch,
/// parent, parameter, value: a row a number that a copy changed, one without where it changed none). Written in
/// write-ahead mode, so that readers see the last commit and never wait. Error with the file's name where SQLite fails.
class ResultsDatabase {
 public:
  enum class Access : std::uint8_t { create, read, write };

  ResultsDatabase(std::filesystem::path file, Access access);
  ~ResultsDatabase();

  /// Adds or replaces, inside a transaction that commit() ends.
  void add(const TrialResult& result);
  /// Removes a trial, inside such a transaction.
  void remove(std::string_view id);
  void commit();
  /// Commits and makes the indices of the task's metrics that are not there. A run that goes on makes none: each trial
  /// would pay for all of them.
  void index_metrics(Task task);
  /// Leaves write-ahead mode, so that no second file stays. Where a reader still has the database open this does
  /// nothing.
  void settle();

  /// How the trial has ended; nothing where it is not there.
  [[nodiscard]] std::optional<TrialStatus> status(std::string_view id) const;
  [[nodiscard]] std::uint64_t size() const;
  /// How often something was committed, ever: where the file has lost what was committed last, less than that.
  [[nodiscard]] std::uint64_t n_commits() const;
  [[nodiscard]] Totals totals() const;
  [[nodiscard]] std::vector<StoredRow> best(std::size_t n, Metric metric, bool maximize) const;
  /// Which parameters have more than one text, by their place among parameter_names(); the empty one does not count.
  [[nodiscard]] std::vector<bool> varying() const;
  /// Rows whose id begins with `prefix`, ascending, at most `n`; the whole id first.
  [[nodiscard]] std::vector<StoredRow> beginning_with(std::string_view prefix, std::size_t n) const;
  [[nodiscard]] std::vector<CurvePoint> curve(std::string_view id) const;
  [[nodiscard]] std::vector<Takeover> lineage(std::string_view id) const;
  /// Every row of `lineage` in the order of ids, epochs and parameters; empty parameter: NaN.
  void for_each_change(const std::function<void(const LineageRow&)>& visit) const;
  /// Every row in the order of ids, with its training seconds; one at a time.
  void for_each(const std::function<void(const StoredRow&, double seconds)>& visit) const;

 private:
  class Statement;
  struct Closer {
    void operator()(sqlite3* handle) const;
  };

  void execute(const std::string& sql) const;
  void create_tables() const;
  void check_columns() const;
  void begin();
  void add_lineage(const TrialResult& result);
  void prepare_inserts();
  /// False where there is one of this id.
  bool insert(const TrialResult& result);
  [[nodiscard]] TrialStatus status_in(std::string_view id, std::string_view word) const;
  [[nodiscard]] StoredRow row_of(const Statement& statement) const;
  void read(const Statement& statement, StoredRow& row) const;
  [[noreturn]] void fail() const;

  std::filesystem::path file_;
  std::unique_ptr<sqlite3, Closer> handle_;
  std::unique_ptr<Statement> insert_trial_, insert_curve_, insert_change_;  ///< by the first add(); gone before handle_
  mutable std::unique_ptr<Statement> select_status_;                        ///< made by the first status()
  std::int64_t last_number_ = 0;
};

}  // namespace shoal::store
