#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "store/run_directory.hpp"

namespace shoal::store {

/// The bytes of a safetensors file: `layers.L.weight` [fan_out, fan_in] and `layers.L.bias` [fan_out] in float32, and
/// as `__metadata__` the trial (JSON), the metric, a checksum of both and of the data, every parameter of its setting
/// by name, and `more`. Format: huggingface.co/docs/safetensors: u64 length of the header, JSON header, data; all
/// little-endian.
[[nodiscard]] std::string to_safetensors(const StoredNetwork& network,
                                         const std::map<std::string, std::string>& more = {});
/// The inverse. Error, which names `file`, where the bytes are not such a file, whatever they are.
[[nodiscard]] StoredNetwork from_safetensors(std::string_view bytes, const std::string& file);

/// The parameters alone, from any file whose tensors are named likewise: `sizes` are the widths of inputs, hidden
/// layers and outputs. Error as above.
struct StoredParameters {
  std::vector<std::int64_t> sizes;
  std::vector<float> parameters;  ///< canonical order
};
[[nodiscard]] StoredParameters parameters_from_safetensors(std::string_view bytes, const std::string& file);

}  // namespace shoal::store
