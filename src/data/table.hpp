#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::data {

/// One column as the file holds it. Text is kept only where some cell is not a number.
struct Column {
  std::string name;
  std::vector<double> numbers;     ///< NaN: missing; empty in a text column
  std::vector<std::string> texts;  ///< "" : missing; empty in a numeric column
  [[nodiscard]] bool is_text() const noexcept { return !texts.empty(); }
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
  std::uint64_t hash = 0;                ///< of every byte read

  /// Line of a row, 0 where there are none.
  [[nodiscard]] int line(std::size_t row) const { return lines.empty() ? 0 : static_cast<int>(lines[row]); }
};

/// Reads CSV, NPY or IDX, told apart by content, each also gzipped. Throws InputError.
[[nodiscard]] Table read_table(const std::filesystem::path& path);

/// The readers behind it. `bytes`: the whole unpacked file.
[[nodiscard]] Table read_csv(const std::string& bytes, const std::string& file);
[[nodiscard]] Table read_npy(const std::string& bytes, const std::string& file);
[[nodiscard]] Table read_idx(const std::string& bytes, const std::filesystem::path& path);

/// A whole file, unpacked where it is gzipped; InputError where it cannot be read.
[[nodiscard]] std::string read_bytes(const std::filesystem::path& path);

/// Whether a cell says that there is no value: empty, NA, N/A, NaN, null, ?.
[[nodiscard]] bool is_missing(std::string_view cell);

/// FNV-1a over 8 bytes at a time, then over the rest.
[[nodiscard]] std::uint64_t hash_bytes(const std::string& bytes, std::uint64_t seed);

}  // namespace shoal::data
