#include "data/array_values.hpp"

#include <cmath>
#include <fmt/format.h>

namespace shoal::data {

Table table_of_shape(const std::string& file, std::size_t n_rows, std::size_t n_columns) {
  if (n_rows == 0 || n_columns == 0) refuse(file, "holds no rows");
  Table table;
  table.file = file;
  table.n_rows = n_rows;
  table.columns.resize(n_columns);
  for (std::size_t c = 0; c < n_columns; ++c) {
    table.columns[c].name = unnamed_column(c);
    table.columns[c].numbers.resize(n_rows);
  }
  return table;
}

void fill_columns(const char* values, ValueReader reader, bool swap, std::size_t row_step, std::size_t column_step,
                  Table& table) {
  // A few rows at a time, so that what a column reads is still near when the next one reads beside it.
  constexpr std::size_t kBlock = 64;
  const auto [read, size] = reader;
  for (std::size_t first = 0; first < table.n_rows; first += kBlock) {
    const std::size_t end = std::min(first + kBlock, table.n_rows);
    for (std::size_t c = 0; c < table.columns.size(); ++c) {
      double* to = table.columns[c].numbers.data();
      for (std::size_t r = first; r < end; ++r) to[r] = read(values + (r * row_step + c * column_step) * size, swap);
    }
  }
}

void refuse_infinite(const Table& table) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const std::vector<double>& numbers = table.columns[c].numbers;
    const auto found = std::ranges::find_if(numbers, [](double x) { return std::isinf(x); });
    if (found == numbers.end()) continue;
    refuse(table.file, fmt::format("row {}, column {}: is not a finite number", found - numbers.begin(), c));
  }
}

}  // namespace shoal::data
