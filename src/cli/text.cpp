#include "cli/text.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>

namespace shoal::cli {
namespace {

/// Three significant digits of 0 <= value < 1000.
std::string three_digits(double value) {
  const int decimals = value < 9.995 ? 2 : value < 99.95 ? 1 : 0;
  return fmt::format("{:.{}f}", value, decimals);
}

bool begins_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }

}  // namespace

std::string si(double value) {
  if (!std::isfinite(value)) return "-";
  constexpr std::array kSuffixes{"", "k", "M", "G", "T", "P"};
  std::size_t i = 0;
  // 999.5 would be printed as 1000: it belongs to the next suffix.
  while (value >= 999.5 && i + 1 < kSuffixes.size()) {
    value /= 1000;
    ++i;
  }
  const bool is_whole = i == 0 && value == std::floor(value);
  return (is_whole ? fmt::format("{:.0f}", value) : three_digits(value)) + kSuffixes[i];
}

std::string bytes(std::uint64_t n) {
  constexpr std::array kUnits{"B", "KiB", "MiB", "GiB", "TiB"};
  auto value = static_cast<double>(n);
  std::size_t i = 0;
  while (value >= 1023.95 && i + 1 < kUnits.size()) {
    value /= 1024;
    ++i;
  }
  return i == 0 ? fmt::format("{} B", n) : fmt::format("{:.1f} {}", value, kUnits[i]);
}

std::string duration(double seconds) {
  if (!std::isfinite(seconds)) return "-";
  constexpr double kShort = 0.0995;
  if (seconds > 0 && seconds < kShort) return fmt::format("{:.0f} ms", std::ceil(1e3 * seconds));
  if (seconds < 9.95) return fmt::format("{:.1f} s", std::max(seconds, 0.0));
  constexpr double kLongest = 1e15;
  const auto s = static_cast<std::uint64_t>(std::llround(std::min(seconds, kLongest)));
  if (s < 60) return fmt::format("{} s", s);
  if (s < 3600) return fmt::format("{}m {:02}s", s / 60, s % 60);
  if (s < 86400) return fmt::format("{}h {:02}m", s / 3600, s / 60 % 60);
  return fmt::format("{}d {:02}h", s / 86400, s / 3600 % 24);
}

std::string metric_text(double value) { return std::isnan(value) ? "-" : fmt::format("{:.5g}", value); }

std::string counted(std::uint64_t n, std::string_view noun) {
  return fmt::format("{} {}{}", n, noun, n == 1 ? "" : "s");
}

std::size_t display_width(std::string_view text) {
  std::size_t columns = 0;
  bool in_escape = false;
  for (const char c : text) {
    if (c == '\x1b') {
      in_escape = true;
    } else if (in_escape) {
      in_escape = c != 'm';
    } else if (begins_character(c)) {
      ++columns;
    }
  }
  return columns;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::size_t rows_of(std::string_view text, std::size_t columns) {
  columns = std::max<std::size_t>(columns, 1);
  std::size_t n_rows = 0;
  for (const std::string& line : lines_of(text)) {
    n_rows += std::max<std::size_t>((display_width(line) + columns - 1) / columns, 1);
  }
  return n_rows;
}

std::string clipped(std::string_view line, std::size_t columns) {
  std::size_t end = 0;
  for (; end < line.size(); ++end) {
    if (begins_character(line[end]) && columns-- == 0) break;
  }
  return std::string(line.substr(0, end));
}

}  // namespace shoal::cli
