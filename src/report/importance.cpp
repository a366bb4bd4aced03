#include "report/importance.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <unordered_map>

#include "spec/nan.hpp"

namespace shoal::report {
namespace {

constexpr std::uint32_t kGroups = 10;
constexpr std::uint32_t kGroupsOfPair = 5;
constexpr std::size_t kPairs = 5;

/// Ranks in [0, 1], equal metrics at their mean rank. The table is sorted.
std::vector<double> ranks_of(const TrialTable& table) {
  const auto is_tied = [&](std::size_t a, std::size_t b) {
    const auto counts = [&](std::size_t row) {
      return table.statuses[row] != TrialStatus::diverged && std::isfinite(table.ranked[row]);
    };
    return counts(a) == counts(b) && (!counts(a) || table.ranked[a] == table.ranked[b]);
  };
  std::vector<double> ranks(table.size());
  for (std::size_t first = 0; first < ranks.size();) {
    std::size_t end = first + 1;
    while (end < ranks.size() && is_tied(first, end)) ++end;
    const double mean = (static_cast<double>(first) + static_cast<double>(end - 1)) / 2;
    std::fill(ranks.begin() + static_cast<std::ptrdiff_t>(first), ranks.begin() + static_cast<std::ptrdiff_t>(end),
              mean / static_cast<double>(ranks.size()));
    first = end;
  }
  return ranks;
}

/// The group of each trial. Numbers of more than `most` values are cut at equal shares of the trials.
std::vector<std::uint64_t> groups_of(const ParameterColumn& column, std::uint32_t most) {
  std::vector<std::uint64_t> groups(column.codes.begin(), column.codes.end());
  if (column.numbers.empty() || column.levels.size() <= most) return groups;
  std::vector<double> n_of_level(column.levels.size(), 0.0);
  for (const std::uint32_t code : column.codes) ++n_of_level[code];
  std::vector<std::uint64_t> group_of_level(column.levels.size());
  const bool has_unused = column.levels.front().empty();
  const double n_numbers = static_cast<double>(groups.size()) - (has_unused ? n_of_level[0] : 0);
  double n_below = 0;
  for (std::size_t level = has_unused ? 1 : 0; level < group_of_level.size(); ++level) {
    group_of_level[level] = 1 + static_cast<std::uint64_t>((n_below + n_of_level[level] / 2) / n_numbers * most);
    n_below += n_of_level[level];
  }
  std::ranges::transform(column.codes, groups.begin(), [&](std::uint32_t code) { return group_of_level[code]; });
  return groups;
}

/// The sum of squares around the mean, divided: between groups, and within them.
struct Division {
  double total = 0, between = 0, within = 0;
  double n = 0, n_groups = 0;

  [[nodiscard]] bool is_enough() const { return n >= 2 * n_groups; }
  /// What chance alone adds to a sum of squares with that many degrees of freedom.
  [[nodiscard]] double by_chance(double freedom) const { return freedom * within / (n - n_groups); }
};

Division divided(const std::vector<double>& values, const std::vector<std::uint64_t>& groups) {
  struct Group {
    double sum = 0, n = 0;
  };
  std::unordered_map<std::uint64_t, Group> sums;
  Division division;
  double sum = 0;
  for (std::size_t row = 0; row < values.size(); ++row) {
    Group& group = sums[groups[row]];
    group.sum += values[row];
    ++group.n;
    sum += values[row];
  }
  division.n = static_cast<double>(values.size());
  division.n_groups = static_cast<double>(sums.size());
  const double mean = sum / division.n;
  for (std::size_t row = 0; row < values.size(); ++row) {
    const Group& group = sums[groups[row]];
    division.total += std::pow(values[row] - mean, 2);
    division.between += std::pow(group.sum / group.n - mean, 2);
    division.within += std::pow(values[row] - group.sum / group.n, 2);
  }
  return division;
}

double share(double squares, double total) { return total == 0 ? 0 : std::clamp(squares / total, 0.0, 1.0); }

double share_alone(const Division& one) {
  return one.is_enough() ? share(one.between - one.by_chance(one.n_groups - 1), one.total) : kNaN;
}

double share_of_pair(const Division& cells, const Division& first, const Division& second) {
  if (!cells.is_enough()) return 0;
  const double freedom = cells.n_groups - first.n_groups - second.n_groups + 1;
  return share(cells.between - first.between - second.between - cells.by_chance(freedom), cells.total);
}

std::vector<Importance::PairEffect> pair_effects(const TrialTable& table, const std::vector<double>& ranks) {
  std::vector<std::vector<std::uint64_t>> groups;
  std::vector<Division> alone;
  for (const ParameterColumn& column : table.parameters) {
    groups.push_back(groups_of(column, kGroupsOfPair));
    alone.push_back(divided(ranks, groups.back()));
  }
  std::vector<Importance::PairEffect> effects;
  std::vector<std::uint64_t> cells(table.size());
  for (std::size_t first = 0; first < groups.size(); ++first) {
    for (std::size_t second = first + 1; second < groups.size(); ++second) {
      const std::uint64_t width = table.parameters[second].levels.size() + kGroupsOfPair + 1;
      for (std::size_t row = 0; row < cells.size(); ++row) {
        cells[row] = groups[first][row] * width + groups[second][row];
      }
      const double effect = share_of_pair(divided(ranks, cells), alone[first], alone[second]);
      if (effect > 0) effects.push_back({first, second, effect});
    }
  }
  std::ranges::stable_sort(effects, [](const auto& a, const auto& b) { return a.share > b.share; });
  if (effects.size() > kPairs) effects.resize(kPairs);
  return effects;
}

}  // namespace

Importance importance_of(const TrialTable& table) {
  const std::vector<double> ranks = ranks_of(table);
  Importance importance;
  for (std::size_t p = 0; p < table.parameters.size(); ++p) {
    importance.alone.push_back({p, share_alone(divided(ranks, groups_of(table.parameters[p], kGroups)))});
  }
  std::ranges::stable_sort(importance.alone, [](const auto& a, const auto& b) {
    return (std::isnan(a.share) ? -1 : a.share) > (std::isnan(b.share) ? -1 : b.share);
  });
  importance.pairs = pair_effects(table, ranks);
  return importance;
}

}  // namespace shoal::report
