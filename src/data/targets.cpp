#include "data/targets.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <set>
#include <string_view>
#include <unordered_map>

#include "data/levels.hpp"
#include "data/scaling.hpp"
#include "spec/nearest.hpp"

namespace shoal::data {
namespace {

constexpr std::size_t kMostClasses = 1000;

bool all_whole(const Column& column) {
  return std::ranges::all_of(column.numbers, [](double x) { return std::isnan(x) || x == std::floor(x); });
}

/// What the numbers of a target are, with a word of advice where they look like classes.
std::string describe(const Column& target) {
  constexpr std::size_t kFew = 20;
  std::set<double> different;
  for (const double x : target.numbers) {
    if (!std::isnan(x)) different.insert(x);
    if (different.size() > kFew) break;
  }
  if (different.size() > kFew || 3 * different.size() > target.numbers.size() || !all_whole(target)) {
    return "holds numbers: regression (data.task says otherwise)";
  }
  return fmt::format("holds {} different whole numbers: regression (data.task: classification makes them classes)",
                     different.size());
}

Task choose_task(const Table& table, const Roles& roles, const DataSpec& spec, std::vector<std::string>& notes) {
  if (spec.task) return *spec.task;
  if (roles.targets.empty()) {
    notes.emplace_back("IDX labels: classification");
    return Task::classification;
  }
  const Column& target = table.columns[roles.targets.front()];
  if (target.is_text()) {
    notes.push_back(fmt::format("target '{}' holds text: classification (data.task says otherwise)", target.name));
    return Task::classification;
  }
  if (roles.targets.size() == 1) {
    notes.push_back(fmt::format("target '{}' {}", target.name, describe(target)));
  } else {
    notes.push_back(
        fmt::format("{} targets: regression (data.task: multilabel, where all are 0 or 1)", roles.targets.size()));
  }
  return Task::regression;
}

void describe_classes(const Table& table, const Roles& roles, Preprocessing& p, Faults& faults) {
  if (roles.targets.empty()) {
    p.target_names = {"label"};
    const std::set<std::int32_t> different(table.idx_labels.begin(), table.idx_labels.end());
    for (const std::int32_t label : different) p.classes.push_back(std::to_string(label));
  } else {
    const Column& target = table.columns[roles.targets.front()];
    if (roles.targets.size() > 1) {
      faults.add(
          {table.file, 0, "data.target", "classification has one target; several 0/1 targets are task multilabel"});
    }
    if (!target.is_text() && !all_whole(target)) {
      faults.add({table.file, 0, column_path(target.name),
                  "classes must be text or whole numbers; numbers like these are task regression"});
      return;
    }
    p.classes = levels_of(target).texts;
    std::erase(p.classes, "");
    if (p.classes.size() > kMostClasses) {
      faults.add({table.file, 0, column_path(target.name),
                  fmt::format("has {} classes; is it an identifier?", p.classes.size())});
    }
  }
  if (p.classes.size() == 1) {
    faults.add({table.file, 0, {}, fmt::format("the target has 1 class, '{}'; classification needs 2", p.classes[0])});
  } else if (p.classes.empty()) {
    faults.add({table.file, 0, {}, "the target has no value in any row"});
  }
}

void describe_numbers(const Table& table, const Roles& roles, Preprocessing& p, Faults& faults) {
  for (const std::size_t c : roles.targets) {
    const Column& target = table.columns[c];
    if (target.is_text()) {
      const std::string odd =
          target.odd_line == 0 ? "" : fmt::format(": '{}' in line {}", target.odd_text, target.odd_line);
      faults.add(
          {table.file, 0, column_path(target.name), fmt::format("holds text{}; a regression target is a number", odd)});
    }
    const Range range = range_of(target.numbers);
    if (range.low == range.high && table.n_rows > 1) {
      faults.add({table.file, 0, column_path(target.name),
                  fmt::format("is {} in every row; a regression target needs different values", range.low)});
    }
    check_spread(table, target, range, faults);
    p.target_centre.push_back(range.middle());
  }
  if (roles.targets.empty()) {
    faults.add({table.file, 0, "data.task", "IDX labels are classes; leave data.task out"});
  }
}

std::optional<double> cell_number(const Table& table, const Column& column, std::size_t row, std::string_view part,
                                  Faults& faults) {
  if (!column.is_text()) {
    if (!std::isnan(column.numbers[row])) return column.numbers[row];
    faults.add(table, row, column.name, fmt::format("the {} has no value", part));
  } else if (column.text(row).empty()) {
    faults.add(table, row, column.name, fmt::format("the {} has no value", part));
  } else if (const double number = number_of_text(column.text(row)); !std::isnan(number)) {
    return number;
  } else {
    faults.add(table, row, column.name, fmt::format("'{}' is not a number", column.text(row)));
  }
  return std::nullopt;
}

Levels label_levels(const Table& table, const std::vector<std::size_t>& at) {
  if (!at.empty()) return levels_of(table.columns[at[0]]);
  Column labels;
  labels.numbers.assign(table.idx_labels.begin(), table.idx_labels.end());
  return levels_of(labels);
}

void append_classes(const Table& table, const std::vector<std::size_t>& at, Dataset& dataset, Faults& faults) {
  const Preprocessing& p = dataset.preprocessing;
  const Levels levels = label_levels(table, at);
  std::unordered_map<std::string_view, std::int32_t> label_of;
  for (const std::string& text : p.classes) label_of.emplace(text, static_cast<std::int32_t>(label_of.size()));
  std::vector<std::int32_t> labels;  // of levels; -1: no class
  for (const std::string& text : levels.texts) {
    const auto found = label_of.find(text);
    labels.push_back(found == label_of.end() ? -1 : found->second);
  }
  const std::vector<std::string_view> known(p.classes.begin(), p.classes.end());
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    const std::int32_t label = labels[levels.codes[row]];
    dataset.labels.push_back(std::max(label, 0));
    if (label >= 0 || faults.only_counts()) continue;
    const std::string& text = levels.texts[levels.codes[row]];
    faults.add(table, row, p.target_names[0],
               text.empty()
                   ? "the target has no value"
                   : fmt::format("'{}' is not among the training table's classes{}", text, suggestion(text, known)));
  }
}

}  // namespace

void describe_targets(const Table& table, const Roles& roles, const DataSpec& spec, Dataset& dataset, Faults& faults) {
  Preprocessing& p = dataset.preprocessing;
  p.task = choose_task(table, roles, spec, dataset.notes);
  for (const std::size_t c : roles.targets) p.target_names.push_back(table.columns[c].name);
  if (p.task == Task::classification) {
    describe_classes(table, roles, p, faults);
  } else if (p.task == Task::regression) {
    describe_numbers(table, roles, p, faults);
  } else if (roles.targets.empty()) {
    faults.add({table.file, 0, "data.task", "IDX labels are classes; leave data.task out"});
  }
}

void append_targets(const Table& table, const std::vector<std::size_t>& at, Dataset& dataset, Faults& faults) {
  const Preprocessing& p = dataset.preprocessing;
  if (p.task == Task::classification) {
    append_classes(table, at, dataset, faults);
    return;
  }
  dataset.targets.reserve(dataset.targets.size() + table.n_rows * at.size());
  for (std::size_t row = 0; row < table.n_rows; ++row) {
    for (std::size_t k = 0; k < at.size(); ++k) {
      const Column& column = table.columns[at[k]];
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
    if (!(weight >= 0 && std::isfinite(static_cast<float>(weight)))) {
      faults.add(table, row, table.columns[column].name, "a weight is at least 0 and finite");
    }
    dataset.weights.push_back(static_cast<float>(weight));
    sum += std::abs(weight);
  }
  if (sum == 0) faults.add({table.file, 0, "data.weights", "all weights are 0"});
}

}  // namespace shoal::data
