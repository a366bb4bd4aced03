#pragma once

#include <span>

#include "shoal/data.hpp"

namespace shoal {

/// is_nan(x) ? fill : (x - offset) * factor, in float, for every element of raw: [rows, n_inputs]. Same size as scaled.
void scale_inputs(const InputScaling& scaling, std::span<const float> raw, std::span<float> scaled);

namespace data {

/// Scaling by a split's training rows, for all inputs and regression targets.
void fit_scaling(const Dataset& dataset, InputScale scale, TargetScale target_scale, Split& split);

}  // namespace data

}  // namespace shoal
