#include "data/make_splits.hpp"

#include <algorithm>
#include <filesystem>
#include <fmt/format.h>
#include <span>
#include <string>
#include <utility>

#include "data/faults.hpp"
#include "data/levels.hpp"
#include "data/scaling.hpp"
#include "data/splits.hpp"
#include "shoal/error.hpp"

namespace shoal::data {
namespace {

[[noreturn]] void refuse_split(const Table& train, const std::string& key, const std::string& message) {
  throw InputError(Diagnostic{train.file, 0, key, message});
}

/// The group of each row; empty where there are none.
Levels groups_of(const Table& train, const Roles& roles) {
  if (!roles.groups) return {};
  Levels groups = levels_of(train.columns[*roles.groups]);
  if (!groups.texts[0].empty()) return groups;
  Faults faults;
  for (std::size_t row = 0; row < train.n_rows; ++row) {
    if (groups.codes[row] == 0 && !faults.only_counts()) {
      faults.add(train, row, train.columns[*roles.groups].name, "the group has no value");
    }
  }
  faults.finish();
  return groups;
}

/// Rows of each class.
std::vector<std::size_t> class_counts(std::span<const std::int32_t> labels, const Dataset& dataset) {
  std::vector<std::size_t> count(dataset.preprocessing.classes.size(), 0);
  for (const std::int32_t label : labels) ++count[static_cast<std::size_t>(label)];
  return count;
}

/// Notes that classes have so few rows that `what` follows, the first few of them by name.
template <class IsSmall>
void note_classes(const std::vector<std::size_t>& count, IsSmall is_small, const std::string& what, Dataset& dataset) {
  constexpr std::size_t kMostNamed = 10;
  std::size_t n_small = 0;
  for (std::size_t k = 0; k < count.size(); ++k) {
    if (!is_small(k) || ++n_small > kMostNamed) continue;
    dataset.notes.push_back(fmt::format("class '{}' has {} row{}{}", dataset.preprocessing.classes[k], count[k],
                                        count[k] == 1 ? "" : "s", what));
  }
  if (n_small > kMostNamed) dataset.notes.push_back(fmt::format("and {} more such classes", n_small - kMostNamed));
}

/// Classes with fewer rows than folds are missing from the validation rows of some fold.
void note_small_classes(std::span<const std::int32_t> labels, std::uint32_t n_folds, Dataset& dataset) {
  const std::vector<std::size_t> count = class_counts(labels, dataset);
  note_classes(
      count, [&](std::size_t k) { return count[k] < n_folds; },
      fmt::format(" for {} folds: some validate without it", n_folds), dataset);
}

/// Classes of which the share held out has no row.
void note_unvalidated_classes(std::span<const std::int32_t> labels, const Split& split, Dataset& dataset) {
  if (labels.empty()) return;
  const std::vector<std::size_t> count = class_counts(labels, dataset);
  std::vector<std::int32_t> held;
  for (const std::uint32_t row : split.validation) held.push_back(labels[row]);
  const std::vector<std::size_t> n_held = class_counts(held, dataset);
  note_classes(
      count, [&](std::size_t k) { return n_held[k] == 0; }, ", of which none validates", dataset);
}

std::vector<Split> folds(const Table& train, const Levels& groups, std::uint32_t n_folds,
                         std::span<const std::int32_t> strata, std::uint64_t seed) {
  const std::size_t n_units = groups.codes.empty() ? train.n_rows : groups.texts.size();
  if (n_units < n_folds) {
    refuse_split(train, "data.cv",
                 fmt::format("{} folds need as many {}, there {} {}", n_folds, groups.codes.empty() ? "rows" : "groups",
                             n_units == 1 ? "is" : "are", n_units));
  }
  const std::vector<std::uint32_t> fold_of = deal_folds(train.n_rows, n_folds, strata, groups.codes, seed);
  std::vector<Split> splits(n_folds);
  for (std::uint32_t row = 0; row < train.n_rows; ++row) {
    for (std::uint32_t f = 0; f < n_folds; ++f) {
      (fold_of[row] == f ? splits[f].validation : splits[f].training).push_back(row);
    }
  }
  return splits;
}

Split held_out(const Table& train, const Levels& groups, double fraction, std::span<const std::int32_t> strata,
               std::uint64_t seed) {
  if (groups.texts.size() == 1)
    refuse_split(train, "data.groups", "all rows are of one group, which cannot be divided");
  const std::vector<bool> held = hold_out(train.n_rows, fraction, strata, groups.codes, seed);
  Split split;
  for (std::uint32_t row = 0; row < train.n_rows; ++row) {
    (held[row] ? split.validation : split.training).push_back(row);
  }
  return split;
}

void check_split(const Table& train, const std::string& key, const Split& split, const Dataset& dataset) {
  if (split.training.empty() || split.validation.empty()) {
    const std::size_t n = split.training.size();
    refuse_split(train, key,
                 fmt::format("leaves {} row{} to train on and {} to validate on; both need one{}", n, n == 1 ? "" : "s",
                             split.validation.size(),
                             dataset.labels.empty() ? "" : ", and the only row of a class is always trained on"));
  }
  if (dataset.weights.empty()) return;
  for (const auto& [rows, verb] : {std::pair(&split.training, "trained"), std::pair(&split.validation, "validated")}) {
    if (std::ranges::all_of(*rows, [&](std::uint32_t row) { return dataset.weights[row] == 0; })) {
      refuse_split(train, "data.weights", fmt::format("all rows that are {} on in a split have weight 0", verb));
    }
  }
}

}  // namespace

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

void make_splits(const Table& train, const Roles& roles, const DataSpec& spec, std::vector<std::uint32_t> validation,
                 std::uint64_t seed, Dataset& dataset) {
  const Levels groups = groups_of(train, roles);
  const std::span<const std::int32_t> strata =
      std::span(dataset.labels).first(dataset.labels.empty() ? 0 : train.n_rows);
  const auto* fraction = std::get_if<double>(&spec.validation);
  if (spec.cv) {
    const auto n_folds = static_cast<std::uint32_t>(*spec.cv);
    dataset.splits = folds(train, groups, n_folds, strata, seed);
    note_small_classes(strata, n_folds, dataset);
  } else if (fraction != nullptr) {
    dataset.splits.push_back(held_out(train, groups, *fraction, strata, seed));
    note_unvalidated_classes(strata, dataset.splits.back(), dataset);
  } else {
    Split split;
    for (std::uint32_t row = 0; row < train.n_rows; ++row) split.training.push_back(row);
    split.validation = std::move(validation);
    dataset.splits.push_back(std::move(split));
  }
  for (Split& split : dataset.splits) {
    check_split(train, spec.cv ? "data.cv" : "data.validation", split, dataset);
    fit_scaling(dataset, spec.scale, spec.target_scale.value_or(TargetScale::standard), split);
  }
}

}  // namespace shoal::data
