#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/run.hpp"

namespace shoal::store {

/// A learning curve as `[[epoch,train_loss,val_loss,metric],...]`, numbers in their shortest form that reads back
/// exactly, NaN as null, infinity as 9e999; a metric that is the val_loss is left out.
[[nodiscard]] std::string curve_to_json(std::span<const CurvePoint> curve);
/// What curve_to_json() wrote. Nothing is checked: a text from elsewhere gives points without meaning.
[[nodiscard]] std::vector<CurvePoint> curve_from_json(std::string_view text);

}  // namespace shoal::store
