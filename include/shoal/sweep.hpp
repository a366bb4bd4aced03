#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/error.hpp"
#include "shoal/metric.hpp"
#include "shoal/trial.hpp"

namespace shoal {

enum class Method : std::uint8_t { grid, random, sobol };
enum class Precision : std::uint8_t { strict, fp32, tf32, bf16 };
enum class Terminator : std::uint8_t { none, halving, hyperband, median, pbt };
enum class Choice : std::uint8_t { best, one_standard_error };
[[nodiscard]] std::string_view name(Method value);
[[nodiscard]] std::string_view name(Precision value);
[[nodiscard]] std::string_view name(Terminator value);
[[nodiscard]] std::string_view name(Choice value);
[[nodiscard]] std::optional<Method> method_named(std::string_view word);
[[nodiscard]] std::optional<Precision> precision_named(std::string_view word);
[[nodiscard]] std::optional<Terminator> terminator_named(std::string_view word);
[[nodiscard]] std::optional<Choice> choice_named(std::string_view word);

/// The `trainer` part of a sweep file.
struct TrainerSpec {
  std::string engine = "auto";
  Precision precision = Precision::strict;
  std::uint64_t seed = 0;
  std::uint32_t threads = 0;       ///< 0: one a core
  std::uint64_t memory_bytes = 0;  ///< of the GPU where the engine trains on one; 0: 80 % of what is free
  double checkpoint_every_s = 30;
  std::uint32_t keep = 10;  ///< networks whose parameters are stored, best first
};

/// The `early_terminate` part of a sweep file: which settings end at a rung, before their last epoch, or become copies
/// of better ones (pbt). A setting is the mean over its folds and repeats, which share its fate.
struct EarlyTerminate {
  Terminator type = Terminator::none;
  std::uint32_t min_iter = 1;  ///< halving, hyperband: epochs before the first rung
  std::uint32_t eta = 3;       ///< halving, hyperband: one setting of so many goes on, to so many times the epochs
  std::uint32_t grace = 5;     ///< median: epochs before the first rung
  std::uint32_t every = 5;     ///< median: epochs from a rung to the next
  std::uint32_t interval = 5;  ///< pbt: epochs from a rung to the next, and before the first
  double quantile = 0.25;      ///< pbt: share of the settings that are copied from, and that become copies
  std::array<double, 2> perturb{0.8, 1.25};  ///< pbt: factors of a copy's numbers
  double resample = 0.1;                     ///< pbt: how likely a copy's number is drawn anew instead
  std::uint32_t folds = 0;     ///< not pbt: rungs look at so many folds, the first ones; 0: at all of them
  std::uint32_t group = 1000;  ///< settings that are compared with each other; hyperband: in all brackets of a round
};

/// One value of a parameter: bool, whole number, number, word, list of whole numbers (hidden_layer_sizes), list of
/// words (activation).
using ParameterValue =
    std::variant<bool, std::int64_t, double, std::string, std::vector<std::int64_t>, std::vector<std::string>>;
/// As results.csv and the screen print it: `0.001`, `relu`, `[64, 64]`; numbers in their shortest exact form.
[[nodiscard]] std::string text(const ParameterValue& value);

enum class Distribution : std::uint8_t { uniform, log_uniform_values, int_uniform };

/// Where a parameter's value comes from: a list (one entry: a constant) or a distribution.
struct Axis {
  std::vector<std::string> parameters;              ///< one name; the group's names for `architecture`
  std::vector<std::vector<ParameterValue>> values;  ///< [choice][parameter]; empty for a distribution
  std::optional<Distribution> distribution;
  double min = 0;
  double max = 0;
  std::uint32_t count = 0;  ///< so many values evenly from min to max, under grid; 0: not countable, or int_uniform
};

/// Where a key was written.
struct KeyPlace {
  int line = 0;            ///< of the file, 1-based
  std::string assignment;  ///< the override that wrote it; empty: the file
};

/// A whole sweep file, checked: every value has its type and range, every combination is possible.
struct SweepSpec {
  std::filesystem::path file;
  DataSpec data;
  Method method = Method::grid;
  std::optional<std::uint64_t> run_cap;  ///< settings
  std::uint32_t repeat = 1;
  Metric metric = Metric::val_loss;
  bool maximize = false;
  Choice choice =
      Choice::best;  ///< which setting wins: the best, or the smallest network within a standard error of it
  EarlyTerminate early_terminate;
  TrainerSpec trainer;
  std::vector<Axis> axes;  ///< in the order of the file; a parameter without an axis has its default
  std::string resolved;    ///< the file with overrides and defaults, as YAML
  std::map<std::string, KeyPlace, std::less<>> places;  ///< by the key's path: `data.target`
};

/// Faults that only the table, the expansion or an earlier run showed, with the places of the keys or files that they
/// name.
[[nodiscard]] InputError placed(const InputError& error, const SweepSpec& spec);

/// Reads a sweep file. `overrides` are `path=value` words (`parameters.max_iter=5`, `trainer.seed=3`), the value in
/// YAML. Throws InputError with every fault of file and overrides at once.
[[nodiscard]] SweepSpec load_sweep(const std::filesystem::path& file, std::span<const std::string> overrides = {});
/// The same from text; `name` stands for the file in errors, relative paths are taken from `folder`.
[[nodiscard]] SweepSpec parse_sweep(std::string_view yaml, const std::string& name, const std::filesystem::path& folder,
                                    std::span<const std::string> overrides = {});

/// What the expansion must know of the table.
struct DataShape {
  Task task = Task::regression;
  std::int32_t n_inputs = 0;
  std::int32_t n_targets = 0;
  std::uint32_t n_folds = 1;
  bool has_cv = false;  ///< ids carry the fold
};
[[nodiscard]] DataShape shape_of(const Dataset& dataset);

/// The trials of a sweep by random access. Trial number = (setting * repeat + repeat index) * folds + fold.
class Trials {
 public:
  /// Throws InputError where spec and table do not fit (loss and task, metric and task), and StoppedError when `stop`
  /// is requested while settings are drawn. The table's part comes from `shape`.
  Trials(const SweepSpec& spec, const DataShape& shape, const std::stop_token& stop = {});
  ~Trials();
  Trials(Trials&&) noexcept;
  Trials& operator=(Trials&&) noexcept;

  [[nodiscard]] std::uint64_t n_settings() const noexcept;
  [[nodiscard]] std::uint64_t size() const noexcept;  ///< settings x repeats x folds
  /// Trial `number`, 0 <= number < size(); O(1) in the number of trials.
  [[nodiscard]] Trial at(std::uint64_t number) const;
  /// Settings that vanished because they became equal to another one once unused parameters were dropped.
  [[nodiscard]] std::uint64_t n_merged() const noexcept;
  /// Parameters that some setting's solver, schedule or shape does not use, so that they were dropped there.
  [[nodiscard]] std::vector<std::string> dropped_parameters() const;

 private:
  struct State;
  std::unique_ptr<const State> state_;
};

/// Every parameter of a trial by name, in the order of results.csv's columns; an empty text where the trial does not
/// use it.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>> parameters_of(const Trial& trial);
/// The names alone.
[[nodiscard]] std::span<const std::string_view> parameter_names();
/// The identity of a setting: 16 hexadecimal digits, a hash of its canonical parameters alone.
[[nodiscard]] std::string setting_id(const Trial& trial);

}  // namespace shoal
