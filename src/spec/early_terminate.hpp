#pragma once

#include <string>

#include "shoal/sweep.hpp"
#include "spec/yaml_tree.hpp"

namespace shoal::spec {

/// The `early_terminate` of a sweep file: a word or a map. Every fault is added to `faults`.
[[nodiscard]] EarlyTerminate read_early_terminate(const YamlEntry& entry, Faults& faults);

/// As the resolved sweep file says it: the options of its type and no others.
[[nodiscard]] std::string early_terminate_text(const EarlyTerminate& rule);

}  // namespace shoal::spec
