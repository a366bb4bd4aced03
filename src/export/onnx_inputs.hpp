#pragma once

#include <string>

#include "export/onnx_graph.hpp"
#include "shoal/data.hpp"

namespace shoal::exporting {

/// What stands for a table's rows in a graph.
struct EncodedInputs {
  std::string values;   ///< [N, n_inputs] floats, scaled and without missing ones
  std::string refused;  ///< [N, 1]: whether `shoal predict` would refuse the row
};

/// Adds the inputs of a model, one a column and [N, 1]: numbers as doubles, categories as texts. Columns of a table
/// without names that are all numbers (images) are one input `inputs`, [N, columns].
[[nodiscard]] EncodedInputs encode_inputs(OnnxGraph& graph, const Preprocessing& preprocessing,
                                          const InputScaling& scaling);

}  // namespace shoal::exporting
