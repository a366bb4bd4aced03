#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "data/csv_column.hpp"
#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {

/// Builds a table from the records of a CSV text.
class CsvBuilder {
 public:
  CsvBuilder(std::string file, bool decimal_comma) : decimal_comma_(decimal_comma) { table_.file = std::move(file); }

  /// The next record: its trimmed cells, and the line where it begins.
  void record(std::span<const std::string_view> cells, std::uint32_t line);
  void fault(std::uint32_t line, std::string path, std::string message);
  /// Whether there are so many faults that reading on says nothing new.
  [[nodiscard]] bool is_full() const noexcept;

  /// The table, or InputError with all faults.
  [[nodiscard]] Table take(const TableHints& hints);

 private:
  void row(std::span<const std::string_view> cells, std::uint32_t line);
  void blank_rows();
  void first_row(std::span<const std::string_view> cells, std::uint32_t line);
  void check_numbers();
  void name_columns(bool has_header);
  void note_rows();

  Table table_;
  bool decimal_comma_;
  std::vector<CsvColumn> columns_;
  std::vector<std::string> first_;  ///< the first record, until the columns say whether it is a header
  std::uint32_t first_line_ = 0;
  std::vector<std::uint32_t> lines_above_;  ///< of rows without any cell above the first record
  std::vector<std::uint32_t> blank_lines_;  ///< of such rows that no other row follows yet
  std::size_t n_longer_ = 0;                ///< rows with more separators than columns and nothing behind these
  std::size_t longest_ = 0;
  std::uint32_t longer_line_ = 0;
  std::vector<Diagnostic> faults_;
};

}  // namespace shoal::data
