#pragma once

#include <vector>

#include "data/faults.hpp"
#include "data/table.hpp"
#include "shoal/data.hpp"

namespace shoal::data {

/// The least and the largest of some numbers, NaN left out; low > high where there is none.
struct Range {
  double low, high;

  [[nodiscard]] double middle() const { return low > high ? 0 : low / 2 + high / 2; }
};
[[nodiscard]] Range range_of(const std::vector<double>& numbers);

/// Faults a column whose numbers differ by less than floats can be scaled by.
void check_spread(const Table& table, const Column& column, const Range& range, Faults& faults);

/// Scaling by a split's training rows, for all inputs and regression targets.
void fit_scaling(const Dataset& dataset, InputScale scale, TargetScale target_scale, Split& split);

}  // namespace shoal::data
