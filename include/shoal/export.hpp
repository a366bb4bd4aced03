#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace shoal {

/// What a trained network leaves shoal as; docs/export.md describes each.
enum class ExportFormat : std::uint8_t {
  onnx,         ///< raw rows of the table in, labels and probabilities or targets out
  safetensors,  ///< the parameters for PyTorch, encoding and scaling in the metadata
  json,         ///< all of it as one document
  c,            ///< a header of C99 without dependencies
};
[[nodiscard]] std::string_view name(ExportFormat value);
[[nodiscard]] std::optional<ExportFormat> export_format_named(std::string_view word);
[[nodiscard]] std::span<const std::string_view> export_format_names();

struct Exported {
  std::string id;  ///< of the network
  std::uint64_t bytes = 0;
};
/// Writes a stored network of a run directory to `file`, whole or not at all; a file that is there is replaced.
/// `which`: an id (or its unique beginning) or `best`. Names in C begin with the file's. Throws InputError where the
/// run or the network is not there, Error where the file cannot be written.
Exported export_network(const std::filesystem::path& run, std::string_view which, ExportFormat format,
                        const std::filesystem::path& file);

}  // namespace shoal
