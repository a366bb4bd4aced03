#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <map>
#include <numeric>
#include <optional>
#include <set>
#include <string_view>

#include "data/encoding.hpp"
#include "data/splits.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"
#include "shoal/error.hpp"
#include "spec/nearest.hpp"

namespace shoal {
namespace {

using data::Column;
using data::Faults;
using data::Table;

constexpr std::size_t kMostClasses = 1000;

/// Which column of the training table plays which part.
struct Roles {
  std::vector<std::size_t> targets;
  std::vector<std::size_t> inputs;
  std::vector<bool> categorical;  ///< of inputs
  std::optional<std::size_t> groups, weights;
};

std::optional<std::size_t> find_column(const Table& table, const ColumnName& sought, const std::string& path,
                                       Faults& faults) {
  const auto n = static_cast<std::int64_t>(table.columns.size());
  if (const auto* index = std::get_if<std::int64_t>(&sought)) {
    const std::int64_t at = *index < 0 ? *index + n : *index;
    if (at >= 0 && at < n) return static_cast<std::size_t>(at);
    faults.add({table.file, 0, path, fmt::format("there is no column {}: the table has {}", *index, n)});
    return std::nullopt;
  }
  const std::string& name = std::get<std::string>(sought);
  std::vector<std::string_view> names;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].name == name) return c;
    names.emplace_back(table.columns[c].name);
  }
  faults.add({table.file, 0, path, fmt::format("there is no column '{}'{}", name, suggestion(name, names))});
  return std::nullopt;
}

std::vector<std::size_t> find_columns(const Table& table, const std::vector<ColumnName>& sought,
                                      const std::string& path, Faults& faults) {
  std::vector<std::size_t> found;
  for (const ColumnName& column : sought) {
    if (const auto at = find_column(table, column, path, faults)) found.push_back(*at);
  }
  return found;
}

Roles assign_roles(const Table& table, const DataSpec& spec, Faults& faults) {
  Roles roles;
  const bool idx = table.is_images;
  if (!table.no_labels.empty()) faults.add({table.file, 0, {}, table.no_labels});
  if (idx && !spec.target.empty()) {
    faults.add({table.file, 0, "data.target", "IDX images have their labels beside them; leave data.target out"});
  }
  if (spec.target.empty() && !idx) roles.targets = {table.columns.size() - 1};
  if (!idx) {
    const std::vector<std::size_t> named = find_columns(table, spec.target, "data.target", faults);
    roles.targets.insert(roles.targets.end(), named.begin(), named.end());
  }
  const std::vector<std::size_t> dropped = find_columns(table, spec.drop, "data.drop", faults);
  const std::vector<std::size_t> categorical =
      find_columns(table, spec.categorical.value_or(std::vector<ColumnName>()), "data.categorical", faults);
  if (spec.groups) roles.groups = find_column(table, *spec.groups, "data.groups", faults);
  if (spec.weights) roles.weights = find_column(table, *spec.weights, "data.weights", faults);
  const auto among = [](const std::vector<std::size_t>& list, std::size_t c) {
    return std::ranges::find(list, c) != list.end();
  };
  for (const std::size_t target : roles.targets) {
    if (among(dropped, target)) {
      faults.add({table.file, 0, "data.drop", fmt::format("'{}' is the target", table.columns[target].name)});
    }
  }
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (among(roles.targets, c) || among(dropped, c) || roles.groups == c || roles.weights == c) continue;
    roles.inputs.push_back(c);
    roles.categorical.push_back(table.columns[c].is_text() || among(categorical, c));
  }
  faults.finish();
  if (roles.inputs.empty()) faults.add({table.file, 0, {}, "no column is left to be an input"});
  faults.finish();
  return roles;
}

bool all_whole(const Column& column) {
  return !column.is_text() &&
         std::ranges::all_of(column.numbers, [](double x) { return std::isnan(x) || x == std::floor(x); });
}

Task choose_task(const Table& table, const Roles& roles, const DataSpec& spec, std::vector<std::string>& notes) {
  if (spec.task) return *spec.task;
  if (roles.targets.empty()) {
    notes.emplace_back("IDX labels: classification");
    return Task::classification;
  }
  const Column& target = table.columns[roles.targets.front()];
  const bool text = target.is_text();
  notes.push_back(fmt::format("target '{}' holds {}: {} (data.task says otherwise)", target.name,
                              text ? "text" : "numbers", text ? "classification" : "regression"));
  return text ? Task::classification : Task::regression;
}

/// Names and classes of what is predicted.
void describe_targets(const Table& table, const Roles& roles, Preprocessing& p, Faults& faults) {
  for (const std::size_t c : roles.targets) p.target_names.push_back(table.columns[c].name);
  if (p.task == Task::classification && roles.targets.empty()) {
    p.target_names = {"label"};
    const std::set<std::int32_t> different(table.idx_labels.begin(), table.idx_labels.end());
    for (const std::int32_t label : different) p.classes.push_back(std::to_string(label));
  } else if (p.task == Task::classification) {
    const Column& target = table.columns[roles.targets.front()];
    const std::string path = fmt::format("column '{}'", target.name);
    if (roles.targets.size() > 1) {
      faults.add(
          {table.file, 0, "data.target", "classification has one target; several 0/1 targets are task multilabel"});
    }
    if (!target.is_text() && !all_whole(target)) {
      faults.add(
          {table.file, 0, path, "classes must be text or whole numbers; numbers like these are task regression"});
      return;
    }
    p.classes = data::different_texts(target);
    std::erase(p.classes, "");
    if (p.classes.size() > kMostClasses) {
      faults.add({table.file, 0, path, fmt::format("has {} classes; is it an identifier?", p.classes.size())});
    }
  }
  if (p.task == Task::classification && p.classes.size() < 2) {
    faults.add({table.file, 0, {}, fmt::format("the target has {} class; classification needs 2", p.classes.size())});
  }
  if (p.task != Task::regression) return;
  for (const std::size_t c : roles.targets) {
    const Column& target = table.columns[c];
    if (target.is_text()) {
      faults.add(
          {table.file, 0, fmt::format("column '{}'", target.name), "holds text; a regression target is a number"});
      p.target_centre.push_back(0);
      continue;
    }
    double low = HUGE_VAL;
    double high = -HUGE_VAL;
    for (const double x : target.numbers) {
      low = std::fmin(low, x);
      high = std::fmax(high, x);
    }
    p.target_centre.push_back(low > high ? 0 : low / 2 + high / 2);
  }
}

std::optional<double> cell_number(const Table& table, const Column& column, std::size_t row, std::string_view part,
                                  Faults& faults) {
  if (column.is_text() ? column.texts[row].empty() : std::isnan(column.numbers[row])) {
    faults.add(table, row, column.name, fmt::format("the {} has no value", part));
    return std::nullopt;
  }
  if (column.is_text()) {
    faults.add(table, row, column.name, fmt::format("'{}' is not a number", column.texts[row]));
    return std::nullopt;
  }
  return column.numbers[row];
}

void append_classes(const Table& table, const std::vector<std::size_t>& targets, Dataset& dataset, Faults& faults) {
  const Preprocessing& p = dataset.preprocessing;
  std::map<std::string, std::int32_t> label_of;
  for (std::size_t k = 0; k < p.classes.size(); ++k) label_of[p.classes[k]] = static_cast<std::int32_t>(k);
  const std::vector<std::string_view> known(p.classes.begin(), p.classes.end());
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    const std::string text =
        targets.empty() ? std::to_string(table.idx_labels[row]) : data::cell_text(table.columns[targets[0]], row);
    const auto found = label_of.find(text);
    if (found == label_of.end()) {
      faults.add(table, row, p.target_names[0],
                 text.empty()
                     ? "the target has no value"
                     : fmt::format("'{}' is not among the training table's classes{}", text, suggestion(text, known)));
    }
    dataset.labels.push_back(found == label_of.end() ? 0 : found->second);
  }
}

void append_targets(const Table& table, const std::vector<std::size_t>& targets, Dataset& dataset, Faults& faults) {
  const Preprocessing& p = dataset.preprocessing;
  if (p.task == Task::classification) return append_classes(table, targets, dataset, faults);
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    for (std::size_t k = 0; k < targets.size(); ++k) {
      const Column& column = table.columns[targets[k]];
      const double value = cell_number(table, column, row, "target", faults).value_or(0);
      if (p.task == Task::multilabel && value != 0 && value != 1) {
        faults.add(table, row, column.name, fmt::format("is {}; a label of task multilabel is 0 or 1", value));
      }
      const double centre = p.task == Task::regression ? p.target_centre[k] : 0;
      dataset.targets.push_back(static_cast<float>(value - centre));
      if (std::isinf(dataset.targets.back())) {
        faults.add(table, row, column.name, fmt::format("{} is too large for a 4-byte float", value));
      }
    }
  }
}

void append_weights(const Table& table, std::size_t column, Dataset& dataset, Faults& faults) {
  double sum = 0;
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    const double weight = cell_number(table, table.columns[column], row, "weight", faults).value_or(1);
    if (!(weight >= 0 && std::isfinite(static_cast<float>(weight))))
      faults.add(table, row, table.columns[column].name, "a weight is at least 0 and finite");
    dataset.weights.push_back(static_cast<float>(weight));
    sum += std::abs(weight);
  }
  if (sum == 0) faults.add({table.file, 0, "data.weights", "all weights are 0"});
}

/// Appends the rows of data.validation or data.test; returns their indices.
std::vector<std::uint32_t> append_table(const Table& table, const Table& train, const Roles& roles, Dataset& dataset) {
  Faults faults;
  std::vector<std::size_t> targets;
  for (const std::size_t c : roles.targets) {
    const ColumnName sought =
        train.has_header ? ColumnName(train.columns[c].name) : ColumnName(static_cast<std::int64_t>(c));
    if (const auto at = find_column(table, sought, "data.target", faults)) targets.push_back(*at);
  }
  std::optional<std::size_t> weights;
  if (roles.weights) {
    const std::size_t c = *roles.weights;
    weights = find_column(
        table, train.has_header ? ColumnName(train.columns[c].name) : ColumnName(static_cast<std::int64_t>(c)),
        "data.weights", faults);
  }
  if (roles.targets.empty() && table.idx_labels.empty()) {
    faults.add({table.file, 0, {}, table.no_labels.empty() ? "has no labels beside it" : table.no_labels});
  }
  faults.finish();
  data::encode_inputs(dataset.preprocessing, table, data::match_inputs(dataset.preprocessing, table), dataset.inputs,
                      faults);
  append_targets(table, targets, dataset, faults);
  faults.finish();
  if (roles.weights) append_weights(table, *weights, dataset, faults);
  faults.finish();
  std::vector<std::uint32_t> rows(table.n_rows);
  std::iota(rows.begin(), rows.end(), static_cast<std::uint32_t>(dataset.n_rows));
  dataset.n_rows += table.n_rows;
  dataset.hash = dataset.hash * 31 + table.hash;
  return rows;
}

void check_split_spec(const DataSpec& spec) {
  const auto* fraction = std::get_if<double>(&spec.validation);
  if (fraction != nullptr && !(*fraction > 0 && *fraction < 1)) {
    throw InputError(
        Diagnostic{{}, 0, "data.validation", fmt::format("a fraction is above 0 and below 1, this is {}", *fraction)});
  }
  if (spec.cv && *spec.cv < 2) {
    throw InputError(Diagnostic{{}, 0, "data.cv", fmt::format("at least 2 folds are needed, not {}", *spec.cv)});
  }
  if (fraction == nullptr && spec.cv) {
    throw InputError(Diagnostic{{}, 0, "data.validation", "a validation table and data.cv cannot go together"});
  }
}

/// Classes with fewer rows than folds are missing from the validation rows of some fold.
void note_small_classes(std::span<const std::int32_t> labels, std::uint32_t n_folds, Dataset& dataset) {
  std::vector<std::size_t> count(dataset.preprocessing.classes.size(), 0);
  for (const std::int32_t label : labels) ++count[static_cast<std::size_t>(label)];
  for (std::size_t k = 0; k < count.size(); ++k) {
    if (count[k] >= n_folds) continue;
    dataset.notes.push_back(fmt::format("class '{}' has {} rows for {} folds: some validate without it",
                                        dataset.preprocessing.classes[k], count[k], n_folds));
  }
}

void make_splits(const Table& train, const Roles& roles, const DataSpec& spec, std::vector<std::uint32_t> validation,
                 std::uint64_t seed, Dataset& dataset) {
  std::vector<std::string> groups;
  if (roles.groups) {
    for (std::size_t row = 0; row < train.n_rows; ++row)
      groups.push_back(data::cell_text(train.columns[*roles.groups], row));
  }
  const std::span<const std::int32_t> strata =
      std::span(dataset.labels).first(dataset.labels.empty() ? 0 : train.n_rows);
  const std::uint32_t n_folds = spec.cv ? static_cast<std::uint32_t>(*spec.cv) : 1;
  if (spec.cv) {
    const std::size_t n_units =
        groups.empty() ? train.n_rows : std::set<std::string>(groups.begin(), groups.end()).size();
    if (n_units < n_folds) {
      throw InputError(Diagnostic{
          train.file, 0, "data.cv",
          fmt::format("{} folds need as many {}, there are {}", n_folds, groups.empty() ? "rows" : "groups", n_units)});
    }
    note_small_classes(strata, n_folds, dataset);
    const std::vector<std::uint32_t> fold_of = data::deal_folds(train.n_rows, n_folds, strata, groups, seed);
    dataset.splits.resize(n_folds);
    for (std::uint32_t row = 0; row < train.n_rows; ++row) {
      for (std::uint32_t f = 0; f < n_folds; ++f) {
        (fold_of[row] == f ? dataset.splits[f].validation : dataset.splits[f].training).push_back(row);
      }
    }
  } else {
    Split split;
    split.validation = std::move(validation);
    const auto* fraction = std::get_if<double>(&spec.validation);
    const std::vector<bool> held = fraction == nullptr ? std::vector<bool>(train.n_rows, false)
                                                       : data::hold_out(train.n_rows, *fraction, strata, groups, seed);
    for (std::uint32_t row = 0; row < train.n_rows; ++row)
      (held[row] ? split.validation : split.training).push_back(row);
    dataset.splits.push_back(std::move(split));
  }
  for (Split& split : dataset.splits) {
    if (split.training.empty() || split.validation.empty()) {
      throw InputError(Diagnostic{train.file, 0, spec.cv ? "data.cv" : "data.validation",
                                  fmt::format("leaves {} rows to train on and {} to validate on; both need one",
                                              split.training.size(), split.validation.size())});
    }
    data::fit_scaling(dataset, spec.scale, spec.target_scale.value_or(TargetScale::standard), split);
  }
}

Dataset build(const Table& train, const DataSpec& spec, std::uint64_t seed) {
  check_split_spec(spec);
  Faults faults;
  Dataset dataset;
  dataset.name = std::filesystem::path(train.file).filename().string();
  dataset.hash = train.hash;
  const Roles roles = assign_roles(train, spec, faults);
  Preprocessing& p = dataset.preprocessing;
  p.missing = spec.missing;
  p.task = choose_task(train, roles, spec, dataset.notes);
  describe_targets(train, roles, p, faults);
  data::describe_inputs(train, roles.inputs, roles.categorical, p, faults);
  faults.finish();
  data::encode_inputs(p, train, roles.inputs, dataset.inputs, faults);
  append_targets(train, roles.targets, dataset, faults);
  if (roles.weights) append_weights(train, *roles.weights, dataset, faults);
  faults.finish();
  dataset.n_rows = train.n_rows;
  std::vector<std::uint32_t> validation;
  if (const auto* path = std::get_if<std::filesystem::path>(&spec.validation)) {
    validation = append_table(data::read_table(*path), train, roles, dataset);
  }
  if (spec.test) dataset.test = append_table(data::read_table(*spec.test), train, roles, dataset);
  make_splits(train, roles, spec, std::move(validation), seed, dataset);
  return dataset;
}

}  // namespace

Dataset load_dataset(const DataSpec& spec, std::uint64_t seed) {
  return build(data::read_table(spec.train), spec, seed);
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
  const auto add = [&](std::span<const double> from, std::size_t n, const char* prefix) {
    for (std::size_t c = 0; c < n; ++c) {
      Column column;
      column.name = fmt::format("{}{}", prefix, c + 1);
      for (std::size_t row = 0; row < table.n_rows; ++row) column.numbers.push_back(from[row * n + c]);
      table.columns.push_back(std::move(column));
    }
  };
  add(inputs, n_inputs, "x");
  add(targets, n_targets, "y");
  for (std::size_t c = 0; c < n_targets; ++c) own.target.emplace_back(static_cast<std::int64_t>(n_inputs + c));
  return build(table, own, seed);
}

EncodedRows encode_rows(const Preprocessing& preprocessing, const std::filesystem::path& path) {
  const Table table = data::read_table(path);
  Faults faults;
  EncodedRows rows;
  rows.n_rows = table.n_rows;
  data::encode_inputs(preprocessing, table, data::match_inputs(preprocessing, table), rows.inputs, faults);
  faults.finish();
  return rows;
}

}  // namespace shoal
