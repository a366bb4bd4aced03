#pragma once

#include <span>
#include <string>

#include "data/csv_column.hpp"

namespace shoal::data {

/// Whether the first record of a CSV text names the columns below it. A header is
/// - the record that holds a name that the sweep file gives a column, or most of the known names;
/// - else a record with more texts over columns of numbers than texts that occur again in their column;
/// - else, where these are as many, a record of texts alone (`colour,shape` over `red,round`);
/// - else one whose numbers are years, rising or falling, over columns without years (`country,2019` over `FR,1`);
/// - else one of rising or falling numbers and a text that its column lacks and that stands over texts that all occur
///   more than once (`400,401,label` over `0.1,0.2,A`);
/// - else row numbers as pandas writes them: nothing, 0, 1, 2, ..., and texts perhaps.
/// So `5.1,setosa` over `4.9,setosa` are two rows.
[[nodiscard]] bool is_header(std::span<const std::string> first, std::span<const CsvColumn> below, bool decimal_comma,
                             const TableHints& hints);

}  // namespace shoal::data
