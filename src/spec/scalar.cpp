#include "spec/scalar.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <string>
#include <utility>

namespace shoal::spec {
namespace {

std::string_view without_plus(std::string_view text) {
  if (text.size() > 1 && text[0] == '+' && text[1] != '-') text.remove_prefix(1);
  return text;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

}  // namespace

std::optional<double> number_in(std::string_view text) {
  text = without_plus(text);
  double value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return std::nullopt;
  return value;
}

std::optional<std::int64_t> whole_number_in(std::string_view text) {
  text = without_plus(text);
  std::int64_t value = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value);
  if (error == std::errc{} && stop == end) return value;
  constexpr double kExact = 9007199254740992.0;  // 2^53: doubles are exact up to here
  const auto number = number_in(text);
  if (!number || std::abs(*number) > kExact || std::trunc(*number) != *number) return std::nullopt;
  return static_cast<std::int64_t>(*number);
}

std::optional<std::int64_t> index_in(std::string_view text) {
  const auto value = whole_number_in(text);
  return value && std::to_string(*value) == text ? value : std::nullopt;
}

std::optional<bool> flag_in(std::string_view text) {
  const std::string word = lower(text);
  if (word == "true") return true;
  if (word == "false") return false;
  return std::nullopt;
}

std::optional<std::uint64_t> bytes_in(std::string_view text) {
  constexpr std::array<std::pair<std::string_view, double>, 10> kUnits{{{"", 1.0},
                                                                        {"b", 1.0},
                                                                        {"kb", 1e3},
                                                                        {"mb", 1e6},
                                                                        {"gb", 1e9},
                                                                        {"tb", 1e12},
                                                                        {"kib", 1024.0},
                                                                        {"mib", 1048576.0},
                                                                        {"gib", 1073741824.0},
                                                                        {"tib", 1099511627776.0}}};
  std::size_t unit_start = text.size();
  while (unit_start > 0 && std::isalpha(static_cast<unsigned char>(text[unit_start - 1])) != 0) --unit_start;
  const std::string unit = lower(text.substr(unit_start));
  std::string_view digits = text.substr(0, unit_start);
  while (!digits.empty() && digits.back() == ' ') digits.remove_suffix(1);
  const auto* found = std::ranges::find(kUnits, unit, &std::pair<std::string_view, double>::first);
  const auto number = number_in(digits);
  constexpr double kMost = 9.2e18;
  if (found == kUnits.end() || !number || *number < 1 || *number * found->second > kMost) return std::nullopt;
  return static_cast<std::uint64_t>(*number * found->second);
}

std::string number_text(double value) { return fmt::format("{}", value + 0.0); }

}  // namespace shoal::spec
