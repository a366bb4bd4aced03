#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <cstring>
#include <string>
#include <utility>

#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {

[[noreturn]] inline void refuse(const std::string& file, const std::string& reason) {
  throw InputError(Diagnostic{file, 0, {}, reason});
}

/// The value of type T at `from`, its bytes reversed where `swap`.
template <class T>
double value_at(const char* from, bool swap) {
  std::array<char, sizeof(T)> bytes;
  std::memcpy(bytes.data(), from, sizeof(T));
  if (swap) std::ranges::reverse(bytes);
  T value;
  std::memcpy(&value, bytes.data(), sizeof(T));
  return static_cast<double>(value);
}

/// Reads one value of an array; null: of no type that can be read. And the bytes of a value.
using ValueReader = std::pair<double (*)(const char*, bool), std::size_t>;

/// A table of that many rows and columns without names, all values 0.
[[nodiscard]] Table table_of_shape(const std::string& file, std::size_t n_rows, std::size_t n_columns);

/// Fills the columns of a table from an array: the value of row r and column c is at r * row_step + c * column_step, in
/// values.
void fill_columns(const char* values, ValueReader reader, bool swap, std::size_t row_step, std::size_t column_step,
                  Table& table);

void refuse_infinite(const Table& table);

}  // namespace shoal::data
