#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "shoal/run.hpp"

namespace shoal::cli {

/// Text in columns: two spaces between them, numbers to the right.
struct Table {
  struct Column {
    std::string title;
    bool right = false;
  };
  std::vector<Column> columns;
  std::vector<std::vector<std::string>> rows;  ///< [row][column]
};

/// The table without the last columns that `width` does not hold; the first one stays.
[[nodiscard]] Table fitting(Table table, std::size_t width);
/// A line a row after the line of titles, no spaces at their ends. Where `width` (0: any) does not hold all columns,
/// the last ones are left out and a last line names them.
[[nodiscard]] std::string rendered(const Table& table, std::size_t width);
/// A leaderboard with the parameters that vary in it.
[[nodiscard]] Table table_of(const Leaderboard& board);
[[nodiscard]] Table table_of(const SettingBoard& board);

}  // namespace shoal::cli
