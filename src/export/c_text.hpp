#pragma once

#include <span>
#include <string>
#include <string_view>

namespace shoal::exporting {

/// Numbers and texts as literals of C that are exactly these. Numbers are finite.
[[nodiscard]] std::string c_literal(float value);
[[nodiscard]] std::string c_literal(double value);
[[nodiscard]] std::string c_literal(std::string_view text);

/// `static const TYPE @NAME[] = {...};`, some elements a line.
[[nodiscard]] std::string c_array(std::string_view name, std::span<const float> values);
[[nodiscard]] std::string c_array(std::string_view name, std::span<const double> values);
/// NULL behind the last text, so that no array is empty.
[[nodiscard]] std::string c_array(std::string_view name, std::span<const std::string> texts);

/// An identifier made of `text`: letters, digits and `_`, a letter first.
[[nodiscard]] std::string c_identifier(std::string_view text);

}  // namespace shoal::exporting
