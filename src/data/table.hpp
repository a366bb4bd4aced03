#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/data.hpp"

namespace shoal::data {

/// One column as the file holds it: numbers where every cell is one, else texts, each different one kept once. Numbers
/// with more digits than a double keeps have both.
struct Column {
  std::string name;
  std::vector<double> numbers;       ///< NaN: missing; empty in a text column
  std::vector<std::uint32_t> codes;  ///< text column: the cell's place in words; empty where there are numbers alone
  std::vector<std::string> words;    ///< "": missing
  std::string odd_text;              ///< text column of mostly numbers, or of dressed ones: the first cell that is none
  std::uint32_t odd_line = 0;        ///< and its line

  [[nodiscard]] bool is_text() const noexcept { return numbers.empty() && !codes.empty(); }
  [[nodiscard]] const std::string& text(std::size_t row) const { return words[codes[row]]; }
};

/// A table as read, before anything is decided about it.
struct Table {
  std::string file;  ///< as errors name it
  std::vector<Column> columns;
  std::size_t n_rows = 0;
  bool has_header = false;
  std::vector<std::uint32_t> lines;      ///< of each row in the file, 1-based; empty where a file has no lines
  bool is_images = false;                ///< IDX: the target is idx_labels, not a column
  std::vector<std::int32_t> idx_labels;  ///< IDX: the labels beside the images
  std::string no_labels;                 ///< IDX: why there are none, which new images do not need
  std::vector<std::string> notes;        ///< what the reader decided and a person should know
  std::uint64_t hash = 0;                ///< of every byte read
  std::uint64_t file_bytes = 0;          ///< of the unpacked file, which is in memory until the table is read

  /// Bytes of its cells.
  [[nodiscard]] std::uint64_t cell_bytes() const;
  /// Line of a row, 0 where there are none.
  [[nodiscard]] int line(std::size_t row) const { return lines.empty() ? 0 : static_cast<int>(lines[row]); }
};

/// What is known of a CSV table before it is read.
struct TableHints {
  std::optional<bool> has_header = {};      ///< empty: the records say
  std::span<const ColumnName> named = {};   ///< columns that the sweep file names
  std::span<const std::string> known = {};  ///< names of columns that a table of the same kind has
  bool keep_blank_rows = false;             ///< rows of separators alone are rows at the table's ends too
};

/// Reads CSV, NPY or IDX, told apart by content, each also gzipped. Throws InputError.
[[nodiscard]] Table read_table(const std::filesystem::path& path, const TableHints& hints = {});

/// The readers behind it. `bytes`: the whole unpacked file.
[[nodiscard]] Table read_csv(std::string_view bytes, const std::string& file, const TableHints& hints = {});
[[nodiscard]] Table read_npy(const std::string& bytes, const std::string& file);
[[nodiscard]] Table read_idx(const std::string& bytes, const std::filesystem::path& path);

/// A number in its shortest form; whole ones below 2^63 without an exponent.
[[nodiscard]] std::string text_of_number(double number);
/// The number that a whole text is in its shortest form; NaN: none.
[[nodiscard]] double number_of_text(std::string_view text);

/// The name of column c in a table that names none: V1, V2, ...
[[nodiscard]] std::string unnamed_column(std::size_t c);
/// Whether a table whose columns have these names has no header.
[[nodiscard]] bool all_unnamed(std::span<const std::string> names);

}  // namespace shoal::data
