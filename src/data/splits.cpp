#include "data/splits.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>

#include "kernels/math/philox.hpp"

namespace shoal::data {
namespace {

/// [0, n) in random order.
std::vector<std::uint32_t> shuffled(std::size_t n, std::uint64_t seed) {
  std::vector<std::pair<std::uint64_t, std::uint32_t>> keyed;
  keyed.reserve(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const math::Words4 words = math::random_words(math::Purpose::split, 0, 0, i, seed);
    keyed.emplace_back((static_cast<std::uint64_t>(words.word[0]) << 32) | words.word[1], i);
  }
  std::ranges::sort(keyed);
  std::vector<std::uint32_t> order;
  order.reserve(n);
  for (const auto& [key, i] : keyed) order.push_back(i);
  return order;
}

/// Rows of each stratum (or of the one there is), each list in random order.
std::vector<std::vector<std::uint32_t>> rows_of_strata(std::size_t n_rows, std::span<const std::int32_t> strata,
                                                       std::uint64_t seed) {
  std::map<std::int32_t, std::vector<std::uint32_t>> by_stratum;
  for (const std::uint32_t row : shuffled(n_rows, seed)) by_stratum[strata.empty() ? 0 : strata[row]].push_back(row);
  std::vector<std::vector<std::uint32_t>> lists;
  for (auto& [stratum, rows] : by_stratum) lists.push_back(std::move(rows));
  return lists;
}

/// Rows of each group, groups in random order.
std::vector<std::vector<std::uint32_t>> rows_of_groups(std::span<const std::uint32_t> groups, std::uint64_t seed) {
  std::map<std::uint32_t, std::vector<std::uint32_t>> by_group;
  for (std::uint32_t row = 0; row < groups.size(); ++row) by_group[groups[row]].push_back(row);
  std::vector<std::vector<std::uint32_t>> lists;
  for (auto& [group, rows] : by_group) lists.push_back(std::move(rows));
  std::vector<std::vector<std::uint32_t>> mixed;
  for (const std::uint32_t i : shuffled(lists.size(), seed)) mixed.push_back(std::move(lists[i]));
  return mixed;
}

/// How many of each stratum are held out: its share rounded down, then one more where the fraction left is largest.
std::vector<std::size_t> held_out_counts(const std::vector<std::vector<std::uint32_t>>& strata, double fraction,
                                         std::size_t n_rows) {
  std::vector<std::size_t> counts;
  std::vector<std::pair<double, std::size_t>> rest;
  std::size_t total = 0;
  for (std::size_t k = 0; k < strata.size(); ++k) {
    const double share = fraction * static_cast<double>(strata[k].size());
    counts.push_back(static_cast<std::size_t>(share));
    total += counts.back();
    rest.emplace_back(static_cast<double>(counts.back()) - share, k);
  }
  std::ranges::sort(rest);
  const auto wanted = static_cast<std::size_t>(std::lround(fraction * static_cast<double>(n_rows)));
  for (const auto& [negative_rest, k] : rest) {
    if (total >= wanted) break;
    if (counts[k] + 1 >= strata[k].size() + (strata.size() == 1 ? 1 : 0)) continue;  // a class keeps a row to train on
    ++counts[k];
    ++total;
  }
  return counts;
}

/// Whole groups, in random order, as long as each brings the count nearer to the fraction; at least one of them, and
/// never all.
std::vector<bool> hold_out_groups(std::span<const std::uint32_t> groups, double fraction, std::uint64_t seed) {
  std::vector<bool> held(groups.size(), false);
  const std::vector<std::vector<std::uint32_t>> lists = rows_of_groups(groups, seed);
  const double wanted = fraction * static_cast<double>(groups.size());
  double count = 0;
  std::size_t n_held = 0;
  const auto hold = [&](const std::vector<std::uint32_t>& rows) {
    for (const std::uint32_t row : rows) held[row] = true;
    count += static_cast<double>(rows.size());
    ++n_held;
  };
  for (const std::vector<std::uint32_t>& rows : lists) {
    const double with = count + static_cast<double>(rows.size());
    if (n_held + 1 < lists.size() && std::abs(with - wanted) < std::abs(count - wanted)) hold(rows);
  }
  if (n_held == 0 && lists.size() > 1) {
    hold(*std::ranges::min_element(lists, {}, [](const auto& rows) { return rows.size(); }));
  }
  return held;
}

}  // namespace

std::vector<std::uint32_t> deal_folds(std::size_t n_rows, std::uint32_t n_folds, std::span<const std::int32_t> strata,
                                      std::span<const std::uint32_t> groups, std::uint64_t seed) {
  std::vector<std::uint32_t> fold_of(n_rows);
  if (!groups.empty()) {
    std::vector<std::size_t> size(n_folds, 0);
    for (const std::vector<std::uint32_t>& rows : rows_of_groups(groups, seed)) {
      const auto smallest = static_cast<std::uint32_t>(std::ranges::min_element(size) - size.begin());
      for (const std::uint32_t row : rows) fold_of[row] = smallest;
      size[smallest] += rows.size();
    }
    return fold_of;
  }
  std::uint32_t next = 0;
  for (const std::vector<std::uint32_t>& rows : rows_of_strata(n_rows, strata, seed)) {
    for (const std::uint32_t row : rows) {
      fold_of[row] = next;
      next = (next + 1) % n_folds;
    }
  }
  return fold_of;
}

std::vector<bool> hold_out(std::size_t n_rows, double fraction, std::span<const std::int32_t> strata,
                           std::span<const std::uint32_t> groups, std::uint64_t seed) {
  if (!groups.empty()) return hold_out_groups(groups, fraction, seed);
  std::vector<bool> held(n_rows, false);
  const std::vector<std::vector<std::uint32_t>> lists = rows_of_strata(n_rows, strata, seed);
  const std::vector<std::size_t> counts = held_out_counts(lists, fraction, n_rows);
  for (std::size_t k = 0; k < lists.size(); ++k) {
    for (std::size_t i = 0; i < counts[k]; ++i) held[lists[k][i]] = true;
  }
  return held;
}

}  // namespace shoal::data
