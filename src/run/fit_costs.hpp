#pragma once

#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "shoal/costs.hpp"

namespace shoal::run {

/// Seconds that costs predict of some workloads, in their order.
using Predict = std::function<std::vector<double>(const Costs&)>;

/// The engine's costs under which predictions are nearest to what was measured, by least squares of relative errors. A
/// cost moves no farther from where it stands than the workloads ask for: what no workload tells stays.
[[nodiscard]] Costs fitted(const Costs& shipped, std::string_view engine, std::span<const double> measured,
                           const Predict& predict);

}  // namespace shoal::run
