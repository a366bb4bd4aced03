#pragma once

#include <string>

#include "export/network.hpp"

namespace shoal::exporting {

/// An ONNX model (opset 13, ai.onnx.ml 2) from raw rows of a table to labels and probabilities, or to targets in the
/// table's units; docs/export.md says what its inputs and outputs are.
[[nodiscard]] std::string to_onnx(const Network& network);

}  // namespace shoal::exporting
