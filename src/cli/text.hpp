#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// Numbers and words as a person reads them. Nothing here prints.
namespace shoal::cli {

/// Three significant digits and a suffix: `950`, `1.23k`, `45.6M`, `1.20G`.
[[nodiscard]] std::string si(double value);
/// `512 B`, `1.5 KiB`, `2.0 GiB`.
[[nodiscard]] std::string bytes(std::uint64_t n);
/// `35 ms`, `0.4 s`, `42 s`, `1m 12s`, `2h 05m`, `3d 04h`; `-` for NaN.
[[nodiscard]] std::string duration(double seconds);
/// Five significant digits; `-` for NaN.
[[nodiscard]] std::string metric_text(double value);
/// `1 trial`, `3 trials`.
[[nodiscard]] std::string counted(std::uint64_t n, std::string_view noun);
/// Columns on a screen: UTF-8 characters, each counted as one, without the escape sequences of colours.
[[nodiscard]] std::size_t display_width(std::string_view text);
/// The lines of a text, without their ends.
[[nodiscard]] std::vector<std::string> lines_of(std::string_view text);
/// Rows that a text takes on a screen of so many columns, where lines that are too long wrap.
[[nodiscard]] std::size_t rows_of(std::string_view text, std::size_t columns);
/// The beginning of a line without escape sequences, at most so many columns.
[[nodiscard]] std::string clipped(std::string_view line, std::size_t columns);

}  // namespace shoal::cli
