#include "data/csv_column.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <utility>

#include "data/csv_cells.hpp"
#include "spec/nan.hpp"

namespace shoal::data {

void CsvColumn::add(std::string_view cell, std::uint32_t line) {
  if (is_text_) {
    codes_.push_back(code(cell));
    return;
  }
  if (is_missing(cell)) {
    numbers_.push_back(kNaN);
    return;
  }
  if (const std::optional<double> number = number_of(cell, decimal_comma_)) {
    note_number(cell, *number, line);
    numbers_.push_back(*number);
    return;
  }
  to_text();
  odd_text_ = cell;
  odd_line_ = line;
  codes_.push_back(code(cell));
}

void CsvColumn::add_first(std::string_view cell, std::uint32_t line) {
  const std::optional<double> number = is_missing(cell) ? kNaN : number_of(cell, decimal_comma_);
  if (!is_text_ && !number) to_text();
  if (is_text_) {
    codes_.insert(codes_.begin(), code(cell));
  } else {
    numbers_.insert(numbers_.begin(), *number);
  }
  if (number) {
    note_number(cell, *number, line);
  } else {
    odd_text_ = cell;
    odd_line_ = line;
  }
}

bool CsvColumn::holds_nothing() const {
  return is_text_ ? words_.size() == 1 && words_[0].empty()
                  : std::ranges::all_of(numbers_, [](double x) { return std::isnan(x); });
}

bool CsvColumn::is_mostly_numbers() const {
  if (!is_text_) return !holds_nothing();
  std::size_t n_numbers = 0;
  std::size_t n_words = 0;
  for (const std::uint32_t code : codes_) {
    if (words_[code].empty()) continue;
    ++(is_number_[code] ? n_numbers : n_words);
  }
  return n_numbers > n_words;
}

bool CsvColumn::holds_text(std::string_view text) const { return is_text_ && code_of_.find(text) != code_of_.end(); }

bool CsvColumn::holds_whole_number(double low, double high) const {
  return std::ranges::any_of(numbers_, [&](double x) { return x >= low && x <= high && x == std::floor(x); });
}

Column CsvColumn::take(std::string name) {
  Column column;
  column.name = std::move(name);
  if (is_text_ && (is_mostly_numbers() || is_dressed_number(odd_text_))) {
    column.odd_text = odd_text_;
    column.odd_line = odd_line_;
  }
  column.numbers = std::move(numbers_);
  column.codes = std::move(codes_);
  column.words = std::move(words_);
  return column;
}

void CsvColumn::note_number(std::string_view cell, double number, std::uint32_t line) {
  if (std::isinf(number) && infinite_line_ == 0) {
    infinite_line_ = line;
    infinite_text_ = cell;
  }
  if (!decimal_comma_) return;
  if (point_line_ == 0 && cell.find('.') != std::string_view::npos) point_line_ = line;
  if (comma_line_ == 0 && cell.find(',') != std::string_view::npos) comma_line_ = line;
}

void CsvColumn::to_text() {
  is_text_ = true;
  codes_.reserve(numbers_.size() + 1);
  for (const double number : numbers_) codes_.push_back(code(std::isnan(number) ? "" : fmt::format("{}", number)));
  numbers_.clear();
  numbers_.shrink_to_fit();
}

std::uint32_t CsvColumn::code(std::string_view cell) {
  if (const auto found = code_of_.find(cell); found != code_of_.end()) return found->second;
  const std::optional<double> number = number_of(cell, decimal_comma_);
  const bool is_finite = number && std::isfinite(*number);
  std::string word = is_missing(cell) ? "" : is_finite ? fmt::format("{}", *number) : std::string(cell);
  const auto [same, is_new] = code_of_.try_emplace(word, static_cast<std::uint32_t>(words_.size()));
  const std::uint32_t code = same->second;
  if (is_new) {
    words_.push_back(std::move(word));
    is_number_.push_back(is_finite);
  }
  code_of_.try_emplace(std::string(cell), code);
  return code;
}

}  // namespace shoal::data
