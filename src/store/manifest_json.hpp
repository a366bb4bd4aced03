#pragma once

#include <string>
#include <string_view>

#include "store/run_directory.hpp"

namespace shoal::store {

/// The text of manifest.json. 64-bit hashes are 16 hexadecimal digits: many readers of JSON hold numbers as doubles.
[[nodiscard]] std::string manifest_text(const Manifest& manifest);
/// The inverse. Error, which names `file`, where the text is not a manifest of this format.
[[nodiscard]] Manifest manifest_from_text(std::string_view text, const std::string& file);

}  // namespace shoal::store
