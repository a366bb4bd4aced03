#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "shoal/metric.hpp"

namespace shoal {

enum class MissingPolicy : std::uint8_t { error, impute };
enum class InputScale : std::uint8_t { standard, minmax, none };
enum class TargetScale : std::uint8_t { standard, none };

/// A column by its header name or its 0-based index. Negative indices count from the last column.
using ColumnName = std::variant<std::string, std::int64_t>;

/// The `data` part of a sweep file, defaults filled in where they do not depend on the table.
struct DataSpec {
  std::filesystem::path train;     ///< already resolved against the sweep file's folder
  std::vector<ColumnName> target;  ///< empty: the last column (IDX: the labels file beside the images)
  std::optional<Task> task;        ///< empty: auto
  std::optional<std::vector<ColumnName>> categorical;  ///< empty: the text columns; given: these and the text columns
  std::vector<ColumnName> drop;
  std::optional<ColumnName> groups;
  std::optional<ColumnName> weights;
  std::optional<bool> header;  ///< whether the first records of CSV tables name the columns; empty: auto
  MissingPolicy missing = MissingPolicy::error;
  InputScale scale = InputScale::standard;
  std::optional<TargetScale> target_scale;  ///< empty: standard in regression, none elsewhere
  std::variant<double, std::filesystem::path> validation = 0.2;
  std::optional<std::int32_t> cv;  ///< k folds instead of one split
  std::optional<std::filesystem::path> test;
};

/// What training rows say about one encoded input column: scaled = is_nan(x) ? fill : (x - offset) * factor, in float.
struct InputScaling {
  std::vector<float> offset, factor, fill;  ///< [n_inputs] each
};

/// Regression targets: scaled = (t - offset) * factor, in float; an error e in scaled units is e * unit in the table's.
struct TargetScaling {
  std::vector<float> offset, factor;  ///< [n_outputs] each
  std::vector<double> unit;
};

/// One division of the rows: views of row indices, ascending, and what its training rows alone say about scaling.
struct Split {
  std::vector<std::uint32_t> training;
  std::vector<std::uint32_t> validation;
  InputScaling inputs;
  TargetScaling targets;  ///< factor 1, offset 0, unit 1 outside regression
};

/// One column of the table as the network sees it.
struct InputColumn {
  enum class Kind : std::uint8_t { numeric, categorical };
  std::string name;
  Kind kind = Kind::numeric;
  std::vector<std::string> categories;  ///< categorical: one input each, in this order; "" is the missing one
  double centre = 0;                    ///< numeric: subtracted in double before the value becomes a float
  bool has_indicator = false;           ///< numeric: a second input, 1 where the value is missing
};

/// How a table's rows become inputs and outputs; saved with the parameters, so that new rows are treated alike.
struct Preprocessing {
  Task task = Task::regression;
  std::optional<bool> header;  ///< as DataSpec's
  MissingPolicy missing = MissingPolicy::error;
  std::vector<InputColumn> columns;
  std::vector<std::string> target_names;  ///< one; several for multilabel and multi-output regression
  std::vector<std::string> classes;       ///< classification: text of class k
  std::vector<double> target_centre;      ///< regression: subtracted in double before a target becomes a float
  std::int32_t n_inputs = 0;              ///< encoded inputs
};

/// A table ready for training. Inputs are stored once, unscaled; folds are views.
struct Dataset {
  std::string name;                                   ///< the table's file name
  std::uint64_t hash = 0;                             ///< of the bytes of every file that was read
  std::map<std::string, std::uint64_t> table_hashes;  ///< the same of each table: `train`, `validation`, `test`
  Preprocessing preprocessing;
  std::size_t n_rows = 0;            ///< training table, then data.validation's rows, then data.test's
  std::vector<float> inputs;         ///< [n_rows, n_inputs], row-major; NaN: missing
  std::vector<std::int32_t> labels;  ///< [n_rows], classification; else empty
  std::vector<float> targets;        ///< [n_rows, n_targets], regression (centred) and multilabel (0 or 1); else empty
  std::vector<float> weights;        ///< [n_rows] or empty
  std::vector<Split> splits;         ///< one, or data.cv of them
  std::vector<std::uint32_t> test;   ///< rows of data.test; may be empty
  std::vector<std::string> notes;    ///< what was decided and a person should know: the task, what was dropped
  std::uint64_t reading_bytes = 0;   ///< of memory, the most that reading it took

  [[nodiscard]] Task task() const noexcept { return preprocessing.task; }
  [[nodiscard]] std::int32_t n_inputs() const noexcept { return preprocessing.n_inputs; }
  /// Classes, or target columns.
  [[nodiscard]] std::int32_t n_targets() const noexcept {
    return static_cast<std::int32_t>(task() == Task::classification ? preprocessing.classes.size()
                                                                    : preprocessing.target_names.size());
  }
  [[nodiscard]] std::span<const float> row(std::size_t i) const {
    return std::span(inputs).subspan(i * static_cast<std::size_t>(n_inputs()), static_cast<std::size_t>(n_inputs()));
  }
};

/// Reads, encodes and splits a table. CSV, NPY or IDX by content, each also gzipped. Rows are divided by `seed`
/// (Philox, purpose split). Throws InputError with file, line and column of everything that is wrong.
[[nodiscard]] Dataset load_dataset(const DataSpec& spec, std::uint64_t seed);

/// A dataset from memory, for C++ users. inputs: [n_rows, n_inputs] row-major. targets: [n_rows, n_targets].
/// No scaling beyond `spec`'s; validation rows are split off by `seed`. Of `spec` the keys that name files or columns
/// are ignored.
[[nodiscard]] Dataset make_dataset(std::span<const double> inputs, std::size_t n_inputs,
                                   std::span<const double> targets, std::size_t n_targets, const DataSpec& spec,
                                   std::uint64_t seed);

/// A split of a dataset that was made with `spec`, in which all rows but those of data.test are trained on and scaled
/// by, and validated on as well.
[[nodiscard]] Split all_rows(const Dataset& dataset, const DataSpec& spec);

/// The rows of a table, which need not hold the target, encoded as `preprocessing` says. Rows of a CSV's separators
/// alone are rows wherever they stand.
struct EncodedRows {
  std::size_t n_rows = 0;
  std::vector<float> inputs;       ///< [n_rows, n_inputs]
  std::vector<std::string> notes;  ///< what was decided on the table
};
[[nodiscard]] EncodedRows encode_rows(const Preprocessing& preprocessing, const std::filesystem::path& table);

}  // namespace shoal
