#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/table.hpp"

namespace shoal::data {

/// Takes a CSV column cell by cell: as numbers until a cell is no finite one, then as texts. A number among texts has
/// its shortest form, whether it stands before or after the first text, so that 01 is one category and the same one in
/// every table. What is no finite number is a text as it is written: Inf may be a name. Beside numbers with more digits
/// than a double keeps, which may be identifiers, the texts are kept too.
class CsvColumn {
 public:
  explicit CsvColumn(bool decimal_comma) : decimal_comma_(decimal_comma) {}

  void add(std::string_view cell, std::uint32_t line);
  /// Adds a cell above all others.
  void add_first(std::string_view cell, std::uint32_t line);

  [[nodiscard]] std::size_t size() const noexcept { return is_text_ ? codes_.size() : numbers_.size(); }
  [[nodiscard]] bool holds_nothing() const;
  [[nodiscard]] bool is_mostly_numbers() const;
  /// Whether a cell has just this text.
  [[nodiscard]] bool holds_text(std::string_view text) const;
  /// Whether there are texts that are no numbers, and each of them occurs more than once.
  [[nodiscard]] bool repeats_its_texts() const;
  /// Whether a cell is a whole number of [low, high].
  [[nodiscard]] bool holds_whole_number(double low, double high) const;

  /// Where the first cell stands that is an infinite number; 0: nowhere, or among texts that are no numbers.
  [[nodiscard]] std::uint32_t infinite_line() const;
  [[nodiscard]] const std::string& infinite_text() const noexcept { return infinite_text_; }
  /// First line of a number with a decimal point and with a decimal comma; 0: none.
  [[nodiscard]] std::uint32_t point_line() const noexcept { return is_text_ ? 0 : point_line_; }
  [[nodiscard]] std::uint32_t comma_line() const noexcept { return is_text_ ? 0 : comma_line_; }

  [[nodiscard]] Column take(std::string name);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>()(text); }
  };

  enum class Kind : std::uint8_t { text, number, infinite };

  void note_mark(std::string_view cell, std::uint32_t line);
  void note_word(std::uint32_t code, std::string_view cell, std::uint32_t line);
  void keep_words();
  void to_text();
  [[nodiscard]] std::uint32_t code(std::string_view cell, std::uint32_t line);

  bool decimal_comma_;
  bool is_text_ = false;
  bool keeps_words_ = false;  ///< codes_ and words_, beside the numbers or instead of them
  std::vector<double> numbers_;
  std::vector<std::uint32_t> codes_;
  std::vector<std::string> words_;
  std::vector<Kind> kinds_;                                                        ///< of words_
  std::unordered_map<std::string, std::uint32_t, Hash, std::equal_to<>> code_of_;  ///< of cells as written
  std::string odd_text_, infinite_text_;
  std::uint32_t odd_line_ = 0, infinite_line_ = 0, point_line_ = 0, comma_line_ = 0;
};

}  // namespace shoal::data
