#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace shoal::data {

/// Without blanks at both ends.
[[nodiscard]] std::string_view trimmed(std::string_view text);

/// Whether a cell says that there is no value: empty, `?`, or one of the words that pandas takes for it.
[[nodiscard]] bool is_missing(std::string_view cell);

/// The number that a whole cell is, correctly rounded. Infinities are numbers here and refused by the caller.
/// decimal_comma: 1,5 is one and a half.
[[nodiscard]] std::optional<double> number_of(std::string_view cell, bool decimal_comma);

/// The digits of a whole number that has so many that a double may not keep them, with the sign before negative ones;
/// nothing where the cell is another.
[[nodiscard]] std::optional<std::string> long_digits(std::string_view cell);

/// Whether a cell that is no number is one in a spreadsheet's dress: with separators of thousands, a currency's sign, a
/// percent sign, or the other decimal mark.
[[nodiscard]] bool is_dressed_number(std::string_view cell);

/// What `sep=;`, as Excel writes it into a first line, names; nothing where the line is another.
[[nodiscard]] std::optional<char> named_separator(std::string_view line);
/// The separator of a CSV text, of semicolon, tab, comma and vertical bar: the one it names, or by its first two
/// records.
[[nodiscard]] char separator_of(std::string_view bytes);

}  // namespace shoal::data
