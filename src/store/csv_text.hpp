#pragma once

#include <string>
#include <string_view>

namespace shoal::store {

/// A field as RFC 4180 wants it: in quotes where it holds a comma, a quote or a line's end.
[[nodiscard]] std::string csv_field(std::string_view text);
/// A double in its shortest form that reads back exactly; empty for NaN.
[[nodiscard]] std::string shortest(double value);

}  // namespace shoal::store
