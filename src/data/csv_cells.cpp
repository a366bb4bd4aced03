#include "data/csv_cells.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <regex>
#include <string>

namespace shoal::data {
namespace {

constexpr std::array kPowersOf10{1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

constexpr std::string_view kSeparators = ";\t,|";  // a decimal comma makes commas frequent where another one separates

constexpr std::size_t kMostDigits = 15;  // of any number that a double keeps exactly

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Most cells are a few digits with a point among them: such a number is a whole number below 2^53 over a power of ten,
/// both exact as doubles, so that one division rounds it correctly (Clinger 1990).
std::optional<double> short_number_of(std::string_view cell) {
  const char* at = cell.data();
  const char* const end = at + cell.size();
  const bool negative = at != end && *at == '-';
  if (negative) ++at;
  if (end - at > static_cast<std::ptrdiff_t>(kMostDigits) + 1) return std::nullopt;
  const char* const begin = at;
  std::uint64_t digits = 0;
  for (; at != end && is_digit(*at); ++at) digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
  auto n_digits = static_cast<std::size_t>(at - begin);
  std::size_t n_decimals = 0;
  if (at != end && *at == '.') {
    const char* const point = at++;
    for (; at != end && is_digit(*at); ++at) digits = digits * 10 + static_cast<std::uint64_t>(*at - '0');
    n_decimals = static_cast<std::size_t>(at - point) - 1;
    n_digits += n_decimals;
  }
  if (at != end || n_digits == 0 || n_digits > kMostDigits) return std::nullopt;
  const double value = static_cast<double>(digits) / kPowersOf10[n_decimals];
  return negative ? -value + 0.0 : value;  // -0 is 0
}

}  // namespace

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

bool is_missing(std::string_view cell) {
  if (cell.empty()) return true;
  // No such word is longer, and none begins with a digit: numbers leave here.
  if (cell.size() > 9 || is_digit(cell.front())) return false;
  static constexpr std::array<std::string_view, 19> kWords{
      "?",    "NA",   "N/A",  "n/a",  "NaN", "nan",     "NAN",      "-NaN",     "-nan", "null",
      "NULL", "Null", "None", "<NA>", "#NA", "-1.#IND", "-1.#QNAN", "#N/A N/A", "#N/A"};
  return std::ranges::find(kWords, cell) != kWords.end();
}

std::optional<double> number_of(std::string_view cell, bool decimal_comma) {
  if (const std::optional<double> number = short_number_of(cell)) return number;
  std::array<char, 64> copy;
  if (decimal_comma && cell.find(',') != std::string_view::npos) {
    if (cell.size() > copy.size() || cell.find('.') != std::string_view::npos) return std::nullopt;
    std::ranges::transform(cell, copy.begin(), [](char c) { return c == ',' ? '.' : c; });
    cell = {copy.data(), cell.size()};
  }
  if (cell.size() > 1 && cell.front() == '+' && cell[1] != '-') cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size() || cell.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {  // too large, or too small to matter: strtod tells which
    return std::abs(std::strtod(std::string(cell).c_str(), nullptr)) > 1 ? HUGE_VAL : 0.0;
  }
  return error == std::errc() && !std::isnan(value) ? std::optional(value + 0.0) : std::nullopt;  // Nan is a name
}

std::optional<std::string> long_digits(std::string_view cell) {
  if (cell.size() <= kMostDigits) return std::nullopt;
  const bool negative = cell.front() == '-';
  if (negative || cell.front() == '+') cell.remove_prefix(1);
  if (!std::ranges::all_of(cell, is_digit)) return std::nullopt;
  cell.remove_prefix(std::min(cell.find_first_not_of('0'), cell.size()));
  if (cell.size() <= kMostDigits) return std::nullopt;
  return (negative ? "-" : "") + std::string(cell);
}

bool is_dressed_number(std::string_view cell) {
  // Separators of thousands may be no-break spaces, the narrow one too.
  static const std::regex dressed(
      "(\\$|€|£|¥)? ?[+-]?([0-9]{1,3}(([.,' ]|\xC2\xA0|\xE2\x80\xAF)[0-9]{3})+|[0-9]+)([.,][0-9]+)?"
      "( |\xC2\xA0|\xE2\x80\xAF)?(%|\\$|€|£|¥)?");
  return std::regex_match(cell.begin(), cell.end(), dressed);
}

std::optional<char> named_separator(std::string_view line) {
  constexpr std::string_view kName = "sep=";
  if (line.size() != kName.size() + 1 || !line.starts_with(kName)) return std::nullopt;
  return kSeparators.find(line.back()) == std::string_view::npos ? std::nullopt : std::optional(line.back());
}

char separator_of(std::string_view bytes) {
  if (const auto named = named_separator(bytes.substr(0, bytes.find_first_of("\r\n")))) return *named;
  std::array<std::array<std::size_t, kSeparators.size()>, 2> count{};
  std::size_t record = 0;
  std::size_t length = 0;
  bool quoted = false;
  for (const char c : bytes) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' || c == '\r') {
      if (length > 0 && ++record == count.size()) break;
      length = 0;
      continue;
    }
    ++length;
    if (const std::size_t which = kSeparators.find(c); which != std::string_view::npos) ++count[record][which];
  }
  for (std::size_t s = 0; s < kSeparators.size(); ++s) {
    if (count[0][s] > 0 && count[0][s] == count[1][s]) return kSeparators[s];
  }
  const auto& [semicolons, tabs, commas, bars] = count[0];
  if (semicolons > 0) return ';';
  if (tabs > commas) return '\t';
  return commas == 0 && bars > 0 ? '|' : ',';
}

}  // namespace shoal::data
