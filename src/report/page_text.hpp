#pragma once

#include <string>
#include <string_view>

namespace shoal::report {

/// The page with its styles, scripts and data in it. data: JSON, of which nothing ends the element that holds it.
[[nodiscard]] std::string page_with(std::string_view data);
/// JSON that says the same without the characters that mean something to HTML.
[[nodiscard]] std::string inside_html(std::string_view json);

}  // namespace shoal::report
