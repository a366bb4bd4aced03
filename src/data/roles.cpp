#include "data/roles.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <string_view>

#include "spec/nearest.hpp"

namespace shoal::data {
namespace {

std::optional<std::size_t> place_of(const Table& table, std::string_view name) {
  const auto found = std::ranges::find(table.columns, name, &Column::name);
  if (found == table.columns.end()) return std::nullopt;
  return static_cast<std::size_t>(found - table.columns.begin());
}

std::optional<std::size_t> find_column(const Table& table, const ColumnName& sought, const std::string& key,
                                       Faults& faults) {
  const auto n = static_cast<std::int64_t>(table.columns.size());
  if (const auto* index = std::get_if<std::int64_t>(&sought)) {
    const std::int64_t at = *index < 0 ? *index + n : *index;
    if (at >= 0 && at < n) return static_cast<std::size_t>(at);
    if (const auto named = place_of(table, std::to_string(*index))) return named;  // a header of years
    faults.add({table.file, 0, key, fmt::format("there is no column {}: the table has {}", *index, n)});
    return std::nullopt;
  }
  const std::string& name = std::get<std::string>(sought);
  if (const auto found = place_of(table, name)) return found;
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) names.emplace_back(column.name);
  faults.add({table.file, 0, key, fmt::format("there is no column '{}'{}", name, suggestion(name, names))});
  return std::nullopt;
}

/// Gives columns their parts; a column has one at most.
class Casting {
 public:
  Casting(const Table& table, Faults& faults) : table_(table), faults_(faults), part_of_(table.columns.size()) {}

  std::optional<std::size_t> give(const ColumnName& sought, const std::string& key, std::string_view part) {
    const auto at = find_column(table_, sought, key, faults_);
    if (!at) return std::nullopt;
    if (!part_of_[*at].empty()) {
      const std::string& name = table_.columns[*at].name;
      faults_.add({table_.file, 0, key,
                   part_of_[*at] == part ? fmt::format("names '{}' twice", name)
                                         : fmt::format("'{}' is {}", name, part_of_[*at])});
      return std::nullopt;
    }
    part_of_[*at] = part;
    return at;
  }

  std::vector<std::size_t> give_all(const std::vector<ColumnName>& sought, const std::string& key,
                                    std::string_view part) {
    std::vector<std::size_t> found;
    for (const ColumnName& column : sought) {
      if (const auto at = give(column, key, part)) found.push_back(*at);
    }
    return found;
  }

  [[nodiscard]] bool is_free(std::size_t c) const { return part_of_[c].empty(); }
  [[nodiscard]] bool has_part(std::size_t c, std::string_view part) const { return part_of_[c] == part; }

 private:
  const Table& table_;
  Faults& faults_;
  std::vector<std::string_view> part_of_;
};

}  // namespace

Roles assign_roles(const Table& table, const DataSpec& spec, Faults& faults) {
  constexpr std::string_view kTarget = "the target";
  constexpr std::string_view kCategorical = "categorical";
  Roles roles;
  Casting casting(table, faults);
  if (!table.no_labels.empty()) faults.add({table.file, 0, {}, table.no_labels});
  if (!table.is_images) {
    std::vector<ColumnName> targets = spec.target;
    if (targets.empty()) targets.emplace_back(std::int64_t{-1});
    roles.targets = casting.give_all(targets, "data.target", kTarget);
  } else if (!spec.target.empty()) {
    faults.add({table.file, 0, "data.target", "IDX images have their labels beside them; leave data.target out"});
  }
  casting.give_all(spec.drop, "data.drop", "in data.drop");
  if (spec.groups) roles.groups = casting.give(*spec.groups, "data.groups", "in data.groups");
  if (spec.weights) roles.weights = casting.give(*spec.weights, "data.weights", "in data.weights");
  if (spec.categorical) casting.give_all(*spec.categorical, "data.categorical", kCategorical);
  faults.finish();
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const bool categorical = casting.has_part(c, kCategorical);
    if (!casting.is_free(c) && !categorical) continue;
    roles.inputs.push_back(c);
    roles.categorical.push_back(table.columns[c].is_text() || categorical);
  }
  if (roles.inputs.empty()) {
    const bool alone = table.columns.size() == 1 && !table.lines.empty();
    faults.add({table.file,
                0,
                {},
                std::string("no column is left to be an input") +
                    (alone ? ": the table has one column; commas, semicolons, tabs or bars separate cells" : "")});
  }
  faults.finish();
  return roles;
}

std::vector<ColumnName> named_columns(const DataSpec& spec) {
  std::vector<ColumnName> named = spec.target;
  if (spec.categorical) named.insert(named.end(), spec.categorical->begin(), spec.categorical->end());
  named.insert(named.end(), spec.drop.begin(), spec.drop.end());
  if (spec.groups) named.push_back(*spec.groups);
  if (spec.weights) named.push_back(*spec.weights);
  return named;
}

std::vector<std::string> shared_columns(const Table& train, const Roles& roles) {
  std::vector<std::string> names;
  for (const std::vector<std::size_t>* list : {&roles.inputs, &roles.targets}) {
    for (const std::size_t c : *list) names.push_back(train.columns[c].name);
  }
  return names;
}

std::optional<std::size_t> same_column(const Table& table, const Table& train, std::size_t c, const std::string& key,
                                       Faults& faults) {
  const bool by_position = !train.has_header || !table.has_header;
  if (by_position && table.columns.size() == train.columns.size()) return c;
  if (by_position && !place_of(table, train.columns[c].name)) {
    if (faults.any()) return std::nullopt;
    faults.add({table.file,
                0,
                {},
                fmt::format("has {} columns where the training table has {}, and no header in common",
                            table.columns.size(), train.columns.size())});
    return std::nullopt;
  }
  return find_column(table, train.columns[c].name, key, faults);
}

}  // namespace shoal::data
