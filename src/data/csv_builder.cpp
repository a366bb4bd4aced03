#include "data/csv_builder.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <unordered_set>
#include <utility>

#include "data/csv_cells.hpp"
#include "data/csv_header.hpp"

namespace shoal::data {
namespace {

constexpr std::size_t kMostFaults = 10;

bool all_blank(std::span<const std::string_view> cells) {
  return std::ranges::all_of(cells, [](std::string_view cell) { return cell.empty(); });
}

std::string wrong_length(std::size_t n_cells, std::size_t n_columns) {
  return fmt::format("has {} cell{} where the table has {} column{}", n_cells, n_cells == 1 ? "" : "s", n_columns,
                     n_columns == 1 ? "" : "s");
}

}  // namespace

void CsvBuilder::record(std::span<const std::string_view> cells, std::uint32_t line) {
  const bool is_blank = cells.size() > 1 && all_blank(cells);
  if (columns_.empty()) {
    if (is_blank) {
      lines_above_.push_back(line);
      return;
    }
    first_.assign(cells.begin(), cells.end());
    first_line_ = line;
    columns_.assign(cells.size(), CsvColumn(decimal_comma_));
    return;
  }
  // Spreadsheets end tables with rows of separators. Elsewhere such a row is one whose cells are all missing.
  if (is_blank && cells.size() >= columns_.size()) {
    blank_lines_.push_back(line);
    return;
  }
  blank_rows();
  row(cells, line);
}

void CsvBuilder::blank_rows() {
  if (blank_lines_.empty()) return;
  const std::vector<std::string_view> blank(columns_.size());
  for (const std::uint32_t line : std::exchange(blank_lines_, {})) row(blank, line);
}

void CsvBuilder::row(std::span<const std::string_view> cells, std::uint32_t line) {
  const std::size_t n_columns = columns_.size();
  if (cells.size() > n_columns && all_blank(cells.subspan(n_columns))) {
    if (n_longer_++ == 0) longer_line_ = line;
    longest_ = std::max(longest_, cells.size());
    cells = cells.first(n_columns);
  }
  if (cells.size() != n_columns) {
    fault(line, {}, wrong_length(cells.size(), n_columns));
    return;
  }
  for (std::size_t c = 0; c < n_columns; ++c) columns_[c].add(cells[c], line);
  ++table_.n_rows;
  table_.lines.push_back(line);
}

void CsvBuilder::first_row(std::span<const std::string_view> cells, std::uint32_t line) {
  for (std::size_t c = 0; c < columns_.size(); ++c) columns_[c].add_first(cells[c], line);
  ++table_.n_rows;
  table_.lines.insert(table_.lines.begin(), line);
}

void CsvBuilder::fault(std::uint32_t line, std::string path, std::string message) {
  faults_.push_back({table_.file, static_cast<int>(line), std::move(path), std::move(message)});
}

bool CsvBuilder::is_full() const noexcept { return faults_.size() > kMostFaults; }

Table CsvBuilder::take(const TableHints& hints) {
  if (columns_.empty()) {
    if (faults_.empty()) fault(0, {}, "holds no table: the file is empty");
    throw InputError(std::move(faults_));
  }
  if (hints.keep_blank_rows) blank_rows();
  const bool has_header = hints.has_header.value_or(is_header(first_, columns_, decimal_comma_, hints));
  if (!has_header) {
    first_row(std::vector<std::string_view>(first_.begin(), first_.end()), first_line_);
    if (hints.keep_blank_rows) {
      const std::vector<std::string_view> blank(columns_.size());
      for (std::size_t i = lines_above_.size(); i-- > 0;) first_row(blank, lines_above_[i]);
    }
  }
  // One separator too many is a habit in every row, and a mistake in some.
  if (n_longer_ > 0 && n_longer_ + (has_header ? 0 : 1) < table_.n_rows) {
    fault(longer_line_, {}, wrong_length(longest_, columns_.size()));
  }
  check_numbers();
  name_columns(has_header);
  if (!faults_.empty()) {
    std::ranges::stable_sort(faults_, {}, &Diagnostic::line);
    if (faults_.size() > kMostFaults) {
      faults_.resize(kMostFaults);
      faults_.push_back({table_.file, 0, {}, "and more; reading stopped there"});
    }
    throw InputError(std::move(faults_));
  }
  if (table_.n_rows == 0) throw InputError(Diagnostic{table_.file, 0, {}, "has a header and no rows"});
  note_rows();
  return std::move(table_);
}

void CsvBuilder::check_numbers() {
  std::uint32_t point_line = 0;
  std::uint32_t comma_line = 0;
  const auto earlier = [](std::uint32_t a, std::uint32_t b) { return a == 0 || (b != 0 && b < a) ? b : a; };
  for (const CsvColumn& column : columns_) {
    point_line = earlier(point_line, column.point_line());
    comma_line = earlier(comma_line, column.comma_line());
  }
  if (point_line != 0 && comma_line != 0) {
    fault(std::max(point_line, comma_line), {},
          fmt::format("mixes decimal points and decimal commas; line {} has the other kind",
                      std::min(point_line, comma_line)));
  }
}

void CsvBuilder::name_columns(bool has_header) {
  table_.has_header = has_header;
  std::unordered_set<std::string> names;
  std::vector<std::string> left_out;
  const std::unordered_set<std::string> given(first_.begin(), first_.end());
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    // Separators at the ends of lines make columns of nothing.
    const bool is_last = !has_header && c + 1 == columns_.size();
    if (c > 0 && first_[c].empty() && (has_header || is_last) && columns_[c].holds_nothing()) {
      left_out.push_back(std::to_string(c + 1));
      continue;
    }
    std::string name = has_header ? first_[c] : unnamed_column(c);
    if (name.empty()) {
      name = unnamed_column(c);
      while (given.contains(name)) name += '_';
    } else if (!names.insert(name).second) {
      fault(first_line_, fmt::format("column '{}'", name), "the header names it twice");
    }
    if (columns_[c].infinite_line() != 0) {
      fault(columns_[c].infinite_line(), fmt::format("column '{}'", name),
            fmt::format("'{}' is not a finite number", columns_[c].infinite_text()));
    }
    table_.columns.push_back(columns_[c].take(std::move(name)));
  }
  table_.notes.push_back(has_header
                             ? fmt::format("line {} is the header", first_line_)
                             : fmt::format("no header: line {} is a row, and columns are named {} to {}", first_line_,
                                           table_.columns.front().name, table_.columns.back().name));
  if (!left_out.empty()) {
    table_.notes.push_back(
        fmt::format("left out for having neither name nor cells: column {}", fmt::join(left_out, ", ")));
  }
}

void CsvBuilder::note_rows() {
  if (!blank_lines_.empty()) {
    table_.notes.push_back(fmt::format("left out: {} row{} without any cell at the end, from line {}",
                                       blank_lines_.size(), blank_lines_.size() == 1 ? "" : "s", blank_lines_[0]));
  }
  for (const Column& column : table_.columns) {
    if (column.odd_line == 0) continue;
    table_.notes.push_back(
        is_dressed_number(column.odd_text)
            ? fmt::format("column '{}' counts as text: '{}' in line {} is no number; write it without separators of "
                          "thousands, currency and %, all decimals with the same mark",
                          column.name, column.odd_text, column.odd_line)
            : fmt::format("column '{}' holds mostly numbers and counts as text: '{}' in line {} is none", column.name,
                          column.odd_text, column.odd_line));
  }
}

}  // namespace shoal::data
