#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/metric.hpp"
#include "shoal/run.hpp"
#include "shoal/sweep.hpp"
#include "shoal/trial.hpp"
#include "store/checkpoint.hpp"

namespace shoal::store {

/// manifest.json, read back whole.
struct Manifest {
  std::string sweep_yaml;  ///< resolved: overrides and defaults in it
  std::string sweep_file;  ///< as the user named it
  std::string engine;
  std::string engine_detail;
  std::string engine_reason;  ///< why it was chosen
  Precision precision = Precision::strict;
  std::string version;
  Metric metric = Metric::val_loss;
  bool maximize = false;
  Task task = Task::regression;
  std::string dataset_name;
  std::uint64_t dataset_hash = 0;
  std::map<std::string, std::uint64_t> table_hashes{};        ///< by key of `data`
  std::map<std::string, std::uint64_t> initial_parameters{};  ///< hash of each file named under parameters.init
  std::uint64_t n_trials = 0;
  std::uint64_t n_settings = 0;
  std::uint64_t epochs_trained = 0;     ///< network-epochs
  std::uint64_t epochs_recomputed = 0;  ///< of those, trained again after a resume
  std::string preprocessing = "null";   ///< JSON, as the data layer wrote it
  std::vector<std::string> splits;      ///< the same: one scaling a split
  std::string status = "running";       ///< running, done or interrupted
  std::string winner;                   ///< id; empty while there is none
  std::optional<MetricValues> test;     ///< of the winner on data.test
};

/// A trained network: what models/ID.safetensors holds.
struct StoredNetwork {
  Trial trial;
  std::vector<float> parameters;  ///< canonical order
  double metric = 0;              ///< what it was ranked by; may be NaN
};

/// One trial's line of results.csv.
struct StoredRow {
  std::string id;
  TrialStatus status = TrialStatus::running;
  std::uint32_t epochs = 0;
  std::uint32_t best_epoch = 0;
  MetricValues metrics;
  std::vector<std::pair<std::string, std::string>> parameters;  ///< name, text; all of parameter_names()
};

/// One line of lineage.csv: a number that changed when a trial became a copy.
struct LineageRow {
  std::string id;
  std::uint32_t epoch = 0;
  std::string parent;
  std::string parameter;  ///< empty: none changed
  double value = 0;
};

/// How many trials have ended in which way, and after how many epochs in all.
struct Totals {
  std::uint64_t n_trials = 0, n_diverged = 0, n_pruned = 0, n_epochs = 0;
};

/// A sweep's results on disk: manifest.json, results.csv, timings.csv, results.sqlite, models/, checkpoint/, and
/// lineage.csv where trials became copies.
/// Every file is either its old or its new self, whenever the process dies. One process writes (the first write claims
/// the directory for the life of the object, Error if another has it); any number may read meanwhile. Every failure of
/// the disk is one Error that names the file. Not for use by two threads at once.
class RunDirectory {
 public:
  /// What create() does in a directory that holds nothing but what a process left that died in create().
  enum class Unfinished : std::uint8_t { refuse, replace };
  /// Makes the directory (its parents too), claims it and writes the files of an empty run, manifest.json last.
  /// InputError if it exists and is not empty. Leaves nothing behind where it fails.
  [[nodiscard]] static RunDirectory create(const std::filesystem::path& path, Manifest manifest,
                                           Unfinished unfinished = Unfinished::refuse);
  /// An existing run, to read or to go on with. InputError if there is none.
  [[nodiscard]] static RunDirectory open(const std::filesystem::path& path);
  ~RunDirectory();  ///< what was added after the last flush is lost
  RunDirectory(RunDirectory&&) noexcept;
  RunDirectory& operator=(RunDirectory&&) noexcept;

  [[nodiscard]] const std::filesystem::path& path() const noexcept;
  [[nodiscard]] const Manifest& manifest() const noexcept;  ///< as of open, create or the last flush
  /// Claims the directory now rather than at the first write; a resumed run calls it before it trains.
  void claim();

  /// Adds a trial, or replaces the one of this id. Others see it after the next flush.
  void add(const TrialResult& result);
  /// Takes a trial's results out again; its stored network stays. Nothing happens if there is none.
  void remove(std::string_view id);
  /// Writes models/ID.safetensors, atomically; replaces it. Visible at once.
  void keep(const StoredNetwork& network);
  /// Removes a stored network; nothing happens if there is none.
  void forget(std::string_view id);
  [[nodiscard]] std::vector<std::string> kept() const;  ///< ids of the stored networks, ascending
  /// InputError if it is not stored, with the ids that are. Error where the file is damaged.
  [[nodiscard]] StoredNetwork network(std::string_view id) const;
  /// The same; nothing where the file is damaged, and `why` says how.
  [[nodiscard]] std::optional<StoredNetwork> whole_network(std::string_view id, std::string& why) const;
  /// Makes everything added so far permanent and visible, then rewrites manifest.json and, where trials were added,
  /// results.csv and timings.csv: time grows with all the trials of the run (about a second for 100,000). So while the
  /// status is `running` and that takes long, they are left as they are more often than not.
  /// A status other than `running` also indexes the database and takes it out of its write-ahead mode.
  void flush(const Manifest& manifest);

  /// Whether the trial has ended (finished, stopped or diverged), flushed or not.
  [[nodiscard]] bool has(std::string_view id) const;
  /// How it has ended; nothing where it has not.
  [[nodiscard]] std::optional<TrialStatus> status(std::string_view id) const;
  [[nodiscard]] std::uint64_t size() const;        ///< trials, flushed or not
  [[nodiscard]] Totals totals() const;             ///< flushed or not
  [[nodiscard]] ResultsMark results_mark() const;  ///< after a flush: of what is permanent
  /// The trials that have begun and not ended. To write them needs the claim.
  [[nodiscard]] CheckpointFolder checkpoints() const;
  /// The best `n` trials, those that ran to their end before those that a rung ended. Diverged ones come last, before
  /// them those without the metric; ties by id.
  [[nodiscard]] std::vector<StoredRow> best(std::size_t n, Metric metric, bool maximize) const;
  /// Which parameters have more than one value in the run, by their place among parameter_names(). Not to have a value
  /// is none: adam's beta_1 beside sgd tells no more than the solver does.
  [[nodiscard]] std::vector<bool> varying() const;
  /// By id or its unique beginning. InputError: unknown, or ambiguous with the first ids that fit.
  [[nodiscard]] StoredRow row(std::string_view id_or_prefix) const;
  /// Every trial that others see, with its training seconds, in the order of ids: those of a setting one after another.
  void for_each(const std::function<void(const StoredRow&, double seconds)>& visit) const;
  /// The learning curve of a trial, ascending in epochs; empty for an unknown id.
  [[nodiscard]] std::vector<CurvePoint> curve(std::string_view id) const;
  /// When a trial became a copy of which, ascending in epochs, without the train losses; empty for an unknown id.
  [[nodiscard]] std::vector<Takeover> lineage(std::string_view id) const;

 private:
  struct State;
  explicit RunDirectory(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace shoal::store
