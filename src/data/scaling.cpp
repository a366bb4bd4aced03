#include "data/scaling.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <numeric>
#include <vector>

#include "data/encoding.hpp"

namespace shoal::data {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kLeastSpread = 1e-37;  // one over less than this may be no float

struct Moments {
  double mean = 0, deviation = 0, low = 0, high = 0;
};

/// Of some columns of values [all rows, width] over the rows given, NaN left out; population deviation. Rows are walked
/// in the order of memory; each column's sums are in the order of `rows`.
std::vector<Moments> moments_of(std::span<const float> values, std::size_t width, std::span<const std::size_t> columns,
                                std::span<const std::uint32_t> rows) {
  const std::size_t n_columns = columns.size();
  std::vector<Moments> moments(n_columns, {0, 0, kInfinity, -kInfinity});
  std::vector<double> n(n_columns, 0.0);
  for (const std::uint32_t row : rows) {
    const float* at = values.data() + row * width;
    for (std::size_t j = 0; j < n_columns; ++j) {
      const auto x = static_cast<double>(at[columns[j]]);
      if (std::isnan(x)) continue;
      n[j] += 1;
      moments[j].mean += x;
      moments[j].low = std::min(moments[j].low, x);
      moments[j].high = std::max(moments[j].high, x);
    }
  }
  for (std::size_t j = 0; j < n_columns; ++j) {
    moments[j] = n[j] == 0 ? Moments{} : Moments{moments[j].mean / n[j], 0, moments[j].low, moments[j].high};
  }
  for (const std::uint32_t row : rows) {
    const float* at = values.data() + row * width;
    for (std::size_t j = 0; j < n_columns; ++j) {
      const double distance = static_cast<double>(at[columns[j]]) - moments[j].mean;
      if (!std::isnan(distance)) moments[j].deviation += distance * distance;
    }
  }
  for (std::size_t j = 0; j < n_columns; ++j) {
    Moments& m = moments[j];
    m.deviation = m.low == m.high ? 0 : std::sqrt(m.deviation / n[j]);
  }
  return moments;
}

/// 1 for a constant column, and where the factor would be no float.
double reciprocal(double spread) { return spread > kLeastSpread ? 1 / spread : 1; }

}  // namespace

Range range_of(const std::vector<double>& numbers) {
  Range range{kInfinity, -kInfinity};
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    range.low = std::min(range.low, x);
    range.high = std::max(range.high, x);
  }
  return range;
}

void check_spread(const Table& table, const Column& column, const Range& range, Faults& faults) {
  const double spread = range.high - range.low;
  if (!(spread > 0 && spread < kLeastSpread)) return;
  faults.add(
      {table.file, 0, column_path(column.name), fmt::format("varies by less than {}: multiply it", kLeastSpread)});
}

void fit_scaling(const Dataset& dataset, InputScale scale, TargetScale target_scale, Split& split) {
  const std::vector<bool> numeric = numeric_inputs(dataset.preprocessing);
  const std::vector<double> centres = input_centres(dataset.preprocessing);
  const std::size_t n = numeric.size();
  split.inputs = {std::vector<float>(n, 0.0F), std::vector<float>(n, 1.0F), std::vector<float>(n, 0.0F)};
  std::vector<std::size_t> columns;  // one-hot inputs and indicators stay as they are
  for (std::size_t j = 0; j < n; ++j) {
    if (numeric[j]) columns.push_back(j);
  }
  const std::vector<Moments> moments = moments_of(dataset.inputs, n, columns, split.training);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::size_t j = columns[i];
    const Moments& m = moments[i];
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
  std::vector<std::size_t> all(n_targets);
  std::iota(all.begin(), all.end(), std::size_t{0});
  const std::vector<Moments> target_moments = moments_of(dataset.targets, n_targets, all, split.training);
  for (std::size_t k = 0; k < n_targets; ++k) {
    if (target_scale == TargetScale::none) {
      split.targets.offset[k] = static_cast<float>(-dataset.preprocessing.target_centre[k]);
      continue;
    }
    split.targets.offset[k] = static_cast<float>(target_moments[k].mean);
    split.targets.factor[k] = static_cast<float>(reciprocal(target_moments[k].deviation));
    split.targets.unit[k] = 1 / static_cast<double>(split.targets.factor[k]);
  }
}

}  // namespace shoal::data
