#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <iterator>
#include <numeric>
#include <optional>
#include <utility>

#include "data/encoding.hpp"
#include "data/faults.hpp"
#include "data/make_splits.hpp"
#include "data/roles.hpp"
#include "data/scaling.hpp"
#include "data/table.hpp"
#include "data/targets.hpp"
#include "shoal/data.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using data::Column;
using data::Faults;
using data::Roles;
using data::Table;

/// Passes on what the reader decided.
void note(const Table& table, std::vector<std::string>& notes) {
  const std::string name = std::filesystem::path(table.file).filename().string();
  for (const std::string& text : table.notes) notes.push_back(fmt::format("{}: {}", name, text));
}

/// Where a table for validation or test holds each input: as new rows do, or where the training table holds it.
std::vector<std::size_t> inputs_of(const Table& table, const Table& train, const Roles& roles,
                                   const Preprocessing& preprocessing) {
  const bool by_position = !train.has_header || !table.has_header;
  if (by_position && table.columns.size() == train.columns.size()) return roles.inputs;
  return data::match_inputs(preprocessing, table);
}

std::uint64_t row_bytes(const Dataset& dataset) {
  return (dataset.inputs.size() + dataset.targets.size() + dataset.weights.size() + dataset.labels.size()) *
         sizeof(float);
}

/// Appends the rows of data.validation or data.test, which `key` says; returns their indices.
std::vector<std::uint32_t> append_table(const std::string& key, const std::filesystem::path& path, const Table& train,
                                        const Roles& roles, const DataSpec& spec, Dataset& dataset) {
  const std::vector<ColumnName> named = data::named_columns(spec);
  const std::vector<std::string> known = data::shared_columns(train, roles);
  const Table table = data::read_table(path, {.has_header = spec.header, .named = named, .known = known});
  Faults faults;
  std::vector<std::size_t> targets;
  for (const std::size_t c : roles.targets) {
    if (const auto at = data::same_column(table, train, c, "data.target", faults)) targets.push_back(*at);
  }
  std::optional<std::size_t> weights;
  if (roles.weights) weights = data::same_column(table, train, *roles.weights, "data.weights", faults);
  if (roles.targets.empty() && table.idx_labels.empty()) {
    faults.add({table.file, 0, {}, table.no_labels.empty() ? "has no labels beside it" : table.no_labels});
  }
  faults.finish();
  data::encode_inputs(dataset.preprocessing, table, inputs_of(table, train, roles, dataset.preprocessing),
                      dataset.inputs, faults);
  data::append_targets(table, targets, dataset, faults);
  if (weights) data::append_weights(table, *weights, dataset, faults);
  faults.finish();
  note(table, dataset.notes);
  dataset.reading_bytes = std::max(
      dataset.reading_bytes, train.cell_bytes() + table.cell_bytes() + std::max(table.file_bytes, row_bytes(dataset)));
  std::vector<std::uint32_t> rows(table.n_rows);
  std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(dataset.n_rows));
  dataset.n_rows += table.n_rows;
  dataset.hash = dataset.hash * 31 + table.hash;
  dataset.table_hashes[key] = table.hash;
  return rows;
}

/// Numbers written as text, dates and names have an input each, which nobody may have meant.
void note_categories(const Preprocessing& p, std::size_t n_rows, std::vector<std::string>& notes) {
  constexpr std::size_t kWorthATelling = 20;
  for (const InputColumn& column : p.columns) {
    const std::size_t n = column.categories.size();
    if (n < kWorthATelling || 2 * n < n_rows) continue;
    notes.push_back(
        fmt::format("column '{}' holds {} different texts in {} rows, an input each; data.drop leaves it out",
                    column.name, n, n_rows));
  }
}

/// Columns with one value alone. Of images, whose edges are often of one colour, none is noted.
void note_constants(const Table& train, const Roles& roles, const Preprocessing& p, std::vector<std::string>& notes) {
  if (train.is_images || train.n_rows < 2) return;
  constexpr std::size_t kMostNamed = 10;
  std::size_t n_constant = 0;
  for (std::size_t i = 0; i < roles.inputs.size(); ++i) {
    const Column& column = train.columns[roles.inputs[i]];
    const bool is_constant =
        p.columns[i].kind == InputColumn::Kind::categorical
            ? p.columns[i].categories.size() == 1
            : std::ranges::all_of(column.numbers, [&](double x) { return x == column.numbers[0]; });
    if (!is_constant || ++n_constant > kMostNamed) continue;
    notes.push_back(
        fmt::format("column '{}' holds the same in all {} rows, which teaches nothing; data.drop leaves it out",
                    column.name, train.n_rows));
  }
  if (n_constant > kMostNamed) notes.push_back(fmt::format("and {} more such columns", n_constant - kMostNamed));
}

Dataset build(const Table& train, const DataSpec& spec, std::uint64_t seed) {
  data::check_split_spec(spec);
  Faults faults;
  Dataset dataset;
  dataset.name = std::filesystem::path(train.file).filename().string();
  dataset.hash = train.hash;
  dataset.table_hashes["train"] = train.hash;
  note(train, dataset.notes);
  const Roles roles = data::assign_roles(train, spec, faults);
  Preprocessing& p = dataset.preprocessing;
  p.header = spec.header;
  p.missing = spec.missing;
  data::describe_targets(train, roles, spec, dataset, faults);
  data::describe_inputs(train, roles.inputs, roles.categorical, p, faults);
  faults.finish();
  note_categories(p, train.n_rows, dataset.notes);
  note_constants(train, roles, p, dataset.notes);
  data::encode_inputs(p, train, roles.inputs, dataset.inputs, faults);
  data::append_targets(train, roles.targets, dataset, faults);
  if (roles.weights) data::append_weights(train, *roles.weights, dataset, faults);
  faults.finish();
  dataset.n_rows = train.n_rows;
  dataset.reading_bytes = train.cell_bytes() + std::max(train.file_bytes, row_bytes(dataset));
  std::vector<std::uint32_t> validation;
  if (const auto* path = std::get_if<std::filesystem::path>(&spec.validation)) {
    validation = append_table("validation", *path, train, roles, spec, dataset);
  }
  if (spec.test) dataset.test = append_table("test", *spec.test, train, roles, spec, dataset);
  data::make_splits(train, roles, spec, std::move(validation), seed, dataset);
  return dataset;
}

/// Adds columns x1, x2, ... of an array [n_rows, n].
void add_columns(std::span<const double> values, std::size_t n, char prefix, Table& table) {
  for (std::size_t c = 0; c < n; ++c) {
    Column column;
    column.name = fmt::format("{}{}", prefix, c + 1);
    column.numbers.reserve(table.n_rows);
    for (std::size_t row = 0; row < table.n_rows; ++row) column.numbers.push_back(values[row * n + c]);
    table.columns.push_back(std::move(column));
  }
}

}  // namespace

Dataset load_dataset(const DataSpec& spec, std::uint64_t seed) {
  const std::vector<ColumnName> named = data::named_columns(spec);
  return build(data::read_table(spec.train, {.has_header = spec.header, .named = named}), spec, seed);
}

Dataset make_dataset(std::span<const double> inputs, std::size_t n_inputs, std::span<const double> targets,
                     std::size_t n_targets, const DataSpec& spec, std::uint64_t seed) {
  if (n_inputs == 0 || n_targets == 0 || inputs.size() % n_inputs != 0 ||
      inputs.size() / n_inputs != targets.size() / n_targets || targets.size() % n_targets != 0 || inputs.empty()) {
    throw Error(
        fmt::format("make_dataset: {} inputs of {} columns and {} targets of {} columns are not whole, equal rows",
                    inputs.size(), n_inputs, targets.size(), n_targets));
  }
  Table table;
  table.file = "memory";
  table.n_rows = inputs.size() / n_inputs;
  DataSpec own = spec;
  own.target.clear();
  own.categorical.reset();
  own.drop.clear();
  own.groups.reset();
  own.weights.reset();
  own.test.reset();
  if (!std::holds_alternative<double>(own.validation)) own.validation = DataSpec{}.validation;
  add_columns(inputs, n_inputs, 'x', table);
  add_columns(targets, n_targets, 'y', table);
  for (std::size_t c = 0; c < n_targets; ++c) own.target.emplace_back(static_cast<std::int64_t>(n_inputs + c));
  return build(table, own, seed);
}

Split all_rows(const Dataset& dataset, const DataSpec& spec) {
  const Split& first = dataset.splits.at(0);
  Split all;
  std::ranges::merge(first.training, first.validation, std::back_inserter(all.training));
  all.validation = all.training;
  data::fit_scaling(dataset, spec.scale, spec.target_scale.value_or(TargetScale::standard), all);
  return all;
}

EncodedRows encode_rows(const Preprocessing& preprocessing, const std::filesystem::path& path) {
  std::vector<std::string> known;
  for (const InputColumn& column : preprocessing.columns) known.push_back(column.name);
  const bool fills = preprocessing.missing == MissingPolicy::impute;
  const Table table =
      data::read_table(path, {.has_header = preprocessing.header, .known = known, .keep_blank_rows = fills});
  Faults faults;
  EncodedRows rows;
  rows.n_rows = table.n_rows;
  note(table, rows.notes);
  data::encode_inputs(preprocessing, table, data::match_inputs(preprocessing, table), rows.inputs, faults);
  faults.finish();
  return rows;
}

}  // namespace shoal
