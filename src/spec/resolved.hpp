#pragma once

#include <string>

#include "shoal/sweep.hpp"
#include "spec/yaml_tree.hpp"

namespace shoal::spec {

/// The sweep as YAML, defaults written out, paths as the user wrote them; reading it gives the same sweep and text.
/// `data` is the file's own map.
[[nodiscard]] std::string resolved_text(const SweepSpec& spec, const YamlTree& data);

}  // namespace shoal::spec
