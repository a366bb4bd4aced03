#pragma once

#include <string>

#include "export/network.hpp"

namespace shoal::exporting {

/// One JSON document: encoding, scaling, layers, outputs; docs/export.md describes it. Every number reads back exactly.
[[nodiscard]] std::string to_json(const Network& network);

/// The network's file of the run directory (store/safetensors.hpp), and in its metadata what the rows of a table need.
[[nodiscard]] std::string to_safetensors(const Network& network);

}  // namespace shoal::exporting
