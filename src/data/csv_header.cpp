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
    }
  }
  return e;
}

bool rises_or_falls(const std::vector<double>& numbers) {
  return std::ranges::adjacent_find(numbers, std::greater_equal<>()) == numbers.end() ||
         std::ranges::adjacent_find(numbers, std::less_equal<>()) == numbers.end();
}

bool counts_from_0(std::span<const std::string> first) {
  if (first.size() < 3 || !first[0].empty()) return false;
  for (std::size_t c = 1; c < first.size(); ++c) {
    if (first[c] != std::to_string(c - 1)) return false;
  }
  return true;
}

}  // namespace

bool is_header(std::span<const std::string> first, std::span<const CsvColumn> below, bool decimal_comma,
               std::span<const std::string> known) {
  const Evidence e = gather(first, below, decimal_comma);
  const bool balanced = e.n_over_numbers == e.n_again;
  if (!known.empty()) {
    const std::unordered_set<std::string_view> names(first.begin(), first.end());
    const auto n_there = static_cast<std::size_t>(
        std::ranges::count_if(known, [&](const std::string& name) { return names.contains(name); }));
    if (all_unnamed(known) ? n_there == known.size() : 2 * n_there > known.size()) return true;
    // The other table has no header: this one has none either unless its columns show one.
    if (all_unnamed(known) && balanced) return false;
  }
  if (!balanced) return e.n_over_numbers > e.n_again;
  if (e.n_texts > 0 && e.numbers.empty()) return e.n_again == 0 || e.n_over_numbers > 0;
  const bool years = e.years && !e.numbers.empty() && rises_or_falls(e.numbers);
  return (years && (e.n_texts > 0 || e.numbers.size() > 1)) || counts_from_0(first);
}

}  // namespace shoal::data
