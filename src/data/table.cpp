#include "data/table.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <system_error>
#include <utility>

#include "data/file_bytes.hpp"
#include "shoal/error.hpp"

namespace shoal::data {
namespace {

/// Refuses other tools' formats by their first bytes.
void refuse_foreign_formats(std::string_view bytes, const std::string& file) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kForeign{{
      {"PK\x03\x04", "is a ZIP archive, as .xlsx, .ods and .npz are"},
      {"PAR1", "is a Parquet file"},
      {"\x89HDF", "is an HDF5 file"},
      {"\xD0\xCF\x11\xE0", "is an old Excel workbook"},
      {"BZh", "is packed with bzip2"},
      {"\xFD"
       "7zXZ",
       "is packed with xz"},
      {"\x28\xB5\x2F\xFD", "is packed with zstd"},
  }};
  for (const auto& [start, what] : kForeign) {
    if (!bytes.starts_with(start)) continue;
    throw InputError(
        Diagnostic{file, 0, {}, std::string(what) + "; save the table as CSV or NPY, packed with gzip or not"});
  }
}

}  // namespace

std::uint64_t Table::cell_bytes() const {
  std::uint64_t bytes = lines.size() * sizeof(lines[0]) + idx_labels.size() * sizeof(idx_labels[0]);
  for (const Column& column : columns) {
    bytes += column.numbers.size() * sizeof(column.numbers[0]) + column.codes.size() * sizeof(column.codes[0]);
  }
  return bytes;
}

Table read_table(const std::filesystem::path& path, const TableHints& hints) {
  const std::string bytes = read_bytes(path);
  refuse_foreign_formats(bytes, path.string());
  Table table;
  if (bytes.starts_with("\x93NUMPY")) {
    table = read_npy(bytes, path.string());
  } else if (bytes.size() > 4 && bytes[0] == 0 && bytes[1] == 0) {
    table = read_idx(bytes, path);
  } else {
    table = read_csv(bytes, path.string(), hints);
  }
  table.hash = hash_bytes(bytes, table.hash);
  table.file_bytes = bytes.size();
  return table;
}

std::string text_of_number(double number) {
  constexpr double kFirstExponent = 1e16;  // in the shortest form
  constexpr double kTooLarge = 9223372036854775808.0;
  const double size = std::abs(number);
  if (size < kFirstExponent || size >= kTooLarge) return fmt::format("{}", number);
  return std::to_string(static_cast<std::int64_t>(number));
}

double number_of_text(std::string_view text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? value : std::numeric_limits<double>::quiet_NaN();
}

std::string unnamed_column(std::size_t c) { return 'V' + std::to_string(c + 1); }

bool all_unnamed(std::span<const std::string> names) {
  return std::ranges::all_of(names, [](const std::string& name) {
    return name.size() > 1 && name[0] == 'V' && name.find_first_not_of("0123456789", 1) == std::string::npos;
  });
}

}  // namespace shoal::data
