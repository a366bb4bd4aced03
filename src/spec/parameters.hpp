#pragma once

#include <vector>

#include "shoal/sweep.hpp"
#include "spec/yaml_tree.hpp"

namespace shoal::spec {

/// The `parameters` of a sweep file as axes, in the order of the file. Every fault is added to `faults`.
[[nodiscard]] std::vector<Axis> read_parameters(const YamlTree& parameters, Method method, Faults& faults);

}  // namespace shoal::spec
