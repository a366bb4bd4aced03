#include "data/csv_header.hpp"

#include <algorithm>
#include <cmath>
#include <functional>
#include <optional>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "data/csv_cells.hpp"

namespace shoal::data {
namespace {

constexpr double kFirstYear = 1800;
constexpr double kLastYear = 2200;

/// What the cells of a first record say.
struct Evidence {
  std::vector<double> numbers;
  std::size_t n_texts = 0;
  std::size_t n_over_numbers = 0;  ///< texts over columns of numbers
  std::size_t n_alone = 0;         ///< texts that occur nowhere below, over texts that all occur again
  std::size_t n_again = 0;         ///< texts that occur again below
  bool years = true;               ///< all numbers are years, none of them with years below
};

Evidence gather(std::span<const std::string> first, std::span<const CsvColumn> below, bool decimal_comma) {
  Evidence e;
  for (std::size_t c = 0; c < first.size(); ++c) {
    if (is_missing(first[c])) continue;
    if (const std::optional<double> number = number_of(first[c], decimal_comma)) {
      e.numbers.push_back(*number);
      e.years = e.years && *number >= kFirstYear && *number <= kLastYear && *number == std::floor(*number) &&
                below[c].is_mostly_numbers() && !below[c].holds_whole_number(kFirstYear, kLastYear);
      continue;
    }
    ++e.n_texts;
    if (below[c].holds_text(first[c])) {
      ++e.n_again;
    } else if (below[c].is_mostly_numbers()) {
      ++e.n_over_numbers;
    } else if (below[c].repeats_its_texts()) {
      ++e.n_alone;
    }
  }
  return e;
}

bool rises_or_falls(const std::vector<double>& numbers) {
  return std::ranges::adjacent_find(numbers, std::greater_equal<>()) == numbers.end() ||
         std::ranges::adjacent_find(numbers, std::less_equal<>()) == numbers.end();
}

bool counts_from_0(std::span<const std::string> first, bool decimal_comma) {
  if (first.size() < 3 || !first[0].empty()) return false;
  for (std::size_t c = 1; c < first.size(); ++c) {
    if (first[c] == std::to_string(c - 1)) continue;
    if (c < 3 || is_missing(first[c]) || number_of(first[c], decimal_comma)) return false;
  }
  return true;
}

/// Whether the record holds a column's name as the sweep file has it. An index that no column has is a name too.
bool holds_named(std::span<const std::string> first, std::span<const ColumnName> named) {
  const auto n = static_cast<std::int64_t>(first.size());
  return std::ranges::any_of(named, [&](const ColumnName& column) {
    const auto* index = std::get_if<std::int64_t>(&column);
    if (index != nullptr && *index >= -n && *index < n) return false;
    return std::ranges::find(first, index != nullptr ? std::to_string(*index) : std::get<std::string>(column)) !=
           first.end();
  });
}

}  // namespace

bool is_header(std::span<const std::string> first, std::span<const CsvColumn> below, bool decimal_comma,
               const TableHints& hints) {
  if (holds_named(first, hints.named)) return true;
  const Evidence e = gather(first, below, decimal_comma);
  const bool balanced = e.n_over_numbers == e.n_again;
  if (const std::span<const std::string> known = hints.known; !known.empty()) {
    const std::unordered_set<std::string_view> names(first.begin(), first.end());
    const auto n_there = static_cast<std::size_t>(
        std::ranges::count_if(known, [&](const std::string& name) { return names.contains(name); }));
    if (all_unnamed(known) ? n_there == known.size() : 2 * n_there > known.size()) return true;
    // The other table has no header: this one has none either unless its columns show one.
    if (all_unnamed(known) && balanced) return false;
  }
  if (!balanced) return e.n_over_numbers > e.n_again;
  if (e.n_texts > 0 && e.numbers.empty()) return e.n_again == 0 || e.n_over_numbers > 0;
  const bool in_order = !e.numbers.empty() && rises_or_falls(e.numbers);
  if (in_order && e.years && (e.n_texts > 0 || e.numbers.size() > 1)) return true;
  return (in_order && e.n_alone > 0 && e.numbers.size() > 1) || counts_from_0(first, decimal_comma);
}

}  // namespace shoal::data
