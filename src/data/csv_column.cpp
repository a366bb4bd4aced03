#include "data/csv_column.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <utility>

#include "data/csv_cells.hpp"
#include "spec/nan.hpp"

namespace shoal::data {
namespace {

/// Of two lines, of which 0 is none.
std::uint32_t earlier_line(std::uint32_t a, std::uint32_t b) { return a == 0 || (b != 0 && b < a) ? b : a; }

}  // namespace

void CsvColumn::add(std::string_view cell, std::uint32_t line) {
  if (!is_text_) {
    const bool missing = is_missing(cell);
    const std::optional<double> number = missing ? kNaN : number_of(cell, decimal_comma_);
    if (number && !std::isinf(*number)) {
      if (!missing) note_mark(cell, line);
      if (long_digits(cell)) keep_words();
      numbers_.push_back(*number);
      if (keeps_words_) codes_.push_back(code(cell, line));
      return;
    }
    to_text();
  }
  codes_.push_back(code(cell, line));
}

void CsvColumn::add_first(std::string_view cell, std::uint32_t line) {
  add(cell, line);
  if (!is_text_) std::rotate(numbers_.begin(), numbers_.end() - 1, numbers_.end());
  if (!keeps_words_) return;
  std::rotate(codes_.begin(), codes_.end() - 1, codes_.end());
  note_word(codes_.front(), cell, line);
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
    ++(kinds_[code] == Kind::text ? n_words : n_numbers);
  }
  return n_numbers > n_words;
}

std::uint32_t CsvColumn::infinite_line() const {
  for (std::size_t k = 0; k < words_.size(); ++k) {
    if (kinds_[k] == Kind::text && !words_[k].empty()) return 0;
  }
  return infinite_line_;
}

bool CsvColumn::holds_text(std::string_view text) const { return is_text_ && code_of_.find(text) != code_of_.end(); }

bool CsvColumn::repeats_its_texts() const {
  if (!is_text_) return false;
  std::vector<std::uint32_t> count(words_.size(), 0);
  for (const std::uint32_t code : codes_) ++count[code];
  bool has_text = false;
  for (std::size_t k = 0; k < words_.size(); ++k) {
    if (kinds_[k] != Kind::text || words_[k].empty()) continue;
    if (count[k] == 1) return false;
    has_text = true;
  }
  return has_text;
}

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

void CsvColumn::note_mark(std::string_view cell, std::uint32_t line) {
  if (!decimal_comma_) return;
  if (cell.find('.') != std::string_view::npos) point_line_ = earlier_line(point_line_, line);
  if (cell.find(',') != std::string_view::npos) comma_line_ = earlier_line(comma_line_, line);
}

void CsvColumn::keep_words() {
  if (keeps_words_) return;
  keeps_words_ = true;
  codes_.reserve(numbers_.size() + 1);
  for (const double number : numbers_) codes_.push_back(code(std::isnan(number) ? "" : text_of_number(number), 0));
}

void CsvColumn::to_text() {
  keep_words();
  is_text_ = true;
  numbers_.clear();
  numbers_.shrink_to_fit();
}

void CsvColumn::note_word(std::uint32_t code, std::string_view cell, std::uint32_t line) {
  if (words_[code].empty() || kinds_[code] == Kind::number) return;
  const bool is_infinite = kinds_[code] == Kind::infinite;
  std::uint32_t& first_line = is_infinite ? infinite_line_ : odd_line_;
  if (first_line != 0 && first_line <= line) return;
  first_line = line;
  (is_infinite ? infinite_text_ : odd_text_) = cell;
}

std::uint32_t CsvColumn::code(std::string_view cell, std::uint32_t line) {
  if (const auto found = code_of_.find(cell); found != code_of_.end()) return found->second;
  const std::optional<double> number = number_of(cell, decimal_comma_);
  const Kind kind = !number ? Kind::text : std::isfinite(*number) ? Kind::number : Kind::infinite;
  std::string word = is_missing(cell)       ? ""
                     : kind == Kind::number ? long_digits(cell).value_or(text_of_number(*number))
                                            : std::string(cell);
  const auto [same, is_new] = code_of_.try_emplace(word, static_cast<std::uint32_t>(words_.size()));
  const std::uint32_t code = same->second;
  if (is_new) {
    words_.push_back(std::move(word));
    kinds_.push_back(kind);
    note_word(code, cell, line);
  }
  code_of_.try_emplace(std::string(cell), code);
  return code;
}

}  // namespace shoal::data
