#include "data/splits.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <numeric>
#include <tuple>

#include "data/encoding.hpp"
#include "kernels/math/philox.hpp"

namespace shoal::data {
namespace {

/// [0, n) in random order.
std::vector<std::uint32_t> shuffled(std::size_t n, std::uint64_t seed) {
  std::vector<std::tuple<std::uint32_t, std::uint32_t, std::uint32_t>> keyed;
  keyed.reserve(n);
  for (std::uint32_t i = 0; i < n; ++i) {
    const math::Words4 words = math::random_words(math::Purpose::split, 0, 0, i, seed);
    keyed.emplace_back(words.word[0], words.word[1], i);
  }
  std::ranges::sort(keyed);
  std::vector<std::uint32_t> order;
  order.reserve(n);
  for (const auto& [a, b, i] : keyed) order.push_back(i);
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
std::vector<std::vector<std::uint32_t>> rows_of_groups(std::span<const std::string> groups, std::uint64_t seed) {
  std::map<std::string, std::vector<std::uint32_t>> by_group;
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

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

/// Of the values of one column over training rows, NaN left out; population deviation.
template <class Value>
Moments moments_of(const std::vector<std::uint32_t>& rows, Value value) {
  Moments m{0, 0, std::numeric_limits<double>::infinity(), -std::numeric_limits<double>::infinity()};
  double n = 0;
  double sum = 0;
  for (const std::uint32_t row : rows) {
    const double x = value(row);
    if (std::isnan(x)) continue;
    n += 1;
    sum += x;
    m.low = std::min(m.low, x);
    m.high = std::max(m.high, x);
  }
  if (n == 0) return {};
  m.mean = sum / n;
  double squares = 0;
  for (const std::uint32_t row : rows) {
    const double x = value(row);
    if (!std::isnan(x)) squares += (x - m.mean) * (x - m.mean);
  }
  m.deviation = m.low == m.high ? 0 : std::sqrt(squares / n);
  return m;
}

/// 1 for a constant column, and where the factor would be no float.
double reciprocal(double spread) { return spread > 1e-37 ? 1 / spread : 1; }

}  // namespace

std::vector<std::uint32_t> deal_folds(std::size_t n_rows, std::uint32_t n_folds, std::span<const std::int32_t> strata,
                                      std::span<const std::string> groups, std::uint64_t seed) {
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
                           std::span<const std::string> groups, std::uint64_t seed) {
  std::vector<bool> held(n_rows, false);
  if (!groups.empty()) {
    const double wanted = fraction * static_cast<double>(n_rows);
    double count = 0;
    for (const std::vector<std::uint32_t>& rows : rows_of_groups(groups, seed)) {
      const double with = count + static_cast<double>(rows.size());
      if (std::abs(with - wanted) >= std::abs(count - wanted)) continue;
      for (const std::uint32_t row : rows) held[row] = true;
      count = with;
    }
    return held;
  }
  const std::vector<std::vector<std::uint32_t>> lists = rows_of_strata(n_rows, strata, seed);
  const std::vector<std::size_t> counts = held_out_counts(lists, fraction, n_rows);
  for (std::size_t k = 0; k < lists.size(); ++k) {
    for (std::size_t i = 0; i < counts[k]; ++i) held[lists[k][i]] = true;
  }
  return held;
}

void fit_scaling(const Dataset& dataset, InputScale scale, TargetScale target_scale, Split& split) {
  const std::vector<bool> numeric = numeric_inputs(dataset.preprocessing);
  const std::vector<double> centres = input_centres(dataset.preprocessing);
  const std::size_t n = numeric.size();
  split.inputs = {std::vector<float>(n, 0.0F), std::vector<float>(n, 1.0F), std::vector<float>(n, 0.0F)};
  for (std::size_t j = 0; j < n; ++j) {
    if (!numeric[j]) continue;
    const Moments m =
        moments_of(split.training, [&](std::uint32_t row) { return static_cast<double>(dataset.inputs[row * n + j]); });
    double offset = -centres[j];  // no scaling: the number of the table again
    double factor = 1;
    if (scale == InputScale::standard) {
      offset = m.mean;
      factor = reciprocal(m.deviation);
    } else if (scale == InputScale::minmax) {
      offset = m.low;
      factor = reciprocal(m.high - m.low);
    }
    split.inputs.offset[j] = static_cast<float>(offset);
    split.inputs.factor[j] = static_cast<float>(factor);
    split.inputs.fill[j] = static_cast<float>((m.mean - offset) * factor);
  }
  const auto n_targets = static_cast<std::size_t>(dataset.n_targets());
  split.targets = {std::vector<float>(n_targets, 0.0F), std::vector<float>(n_targets, 1.0F),
                   std::vector<double>(n_targets, 1.0)};
  if (dataset.task() != Task::regression) return;
  for (std::size_t k = 0; k < n_targets; ++k) {
    if (target_scale == TargetScale::none) {
      split.targets.offset[k] = static_cast<float>(-dataset.preprocessing.target_centre[k]);
      continue;
    }
    const Moments m = moments_of(
        split.training, [&](std::uint32_t row) { return static_cast<double>(dataset.targets[row * n_targets + k]); });
    split.targets.offset[k] = static_cast<float>(m.mean);
    split.targets.factor[k] = static_cast<float>(reciprocal(m.deviation));
    split.targets.unit[k] = 1 / static_cast<double>(split.targets.factor[k]);
  }
}

}  // namespace shoal::data
