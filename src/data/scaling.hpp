#pragma once

#include "shoal/data.hpp"

namespace shoal::data {

/// Scaling by a split's training rows, for all inputs and regression targets.
void fit_scaling(const Dataset& dataset, InputScale scale, TargetScale target_scale, Split& split);

}  // namespace shoal::data
