#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>
#include <csv.h>
#include <fmt/format.h>
#include <limits>
#include <memory>
#include <optional>
#include <set>
#include <string_view>

#include "data/table.hpp"
#include "shoal/error.hpp"

namespace shoal::data {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr std::size_t kMostFaults = 10;

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

/// The number that a whole cell is. Infinities are numbers here and refused by the caller. `comma`: 1,5 is one and a
/// half.
std::optional<double> number_of(std::string_view cell, bool comma) {
  std::array<char, 64> copy;
  if (comma && cell.find(',') != std::string_view::npos) {
    if (cell.size() > copy.size() || cell.find('.') != std::string_view::npos) return std::nullopt;
    std::ranges::transform(cell, copy.begin(), [](char c) { return c == ',' ? '.' : c; });
    cell = {copy.data(), cell.size()};
  }
  if (cell.size() > 1 && cell.front() == '+' && cell[1] != '-') cell.remove_prefix(1);
  double value = 0;
  const auto [end, error] = std::from_chars(cell.data(), cell.data() + cell.size(), value);
  if (end != cell.data() + cell.size() || cell.empty()) return std::nullopt;
  if (error == std::errc::result_out_of_range) {  // too large, or too small to matter
    return cell.find("e-") != std::string_view::npos || cell.find("E-") != std::string_view::npos ? 0.0 : HUGE_VAL;
  }
  return error == std::errc() ? std::optional(value + 0.0) : std::nullopt;  // -0 is 0
}

/// Without overlong forms, surrogates and code points past U+10FFFF, which JSON refuses.
bool is_utf8(std::string_view bytes) {
  for (std::size_t i = 0; i < bytes.size();) {
    const auto c = static_cast<unsigned char>(bytes[i]);
    const std::size_t n = c < 0x80 ? 1 : (c >> 5) == 6 ? 2 : (c >> 4) == 14 ? 3 : (c >> 3) == 30 ? 4 : 0;
    if (n == 0 || i + n > bytes.size()) return false;
    const auto second = n > 1 ? static_cast<unsigned char>(bytes[i + 1]) : 0;
    if (n == 2 && c < 0xC2) return false;
    if ((c == 0xE0 && second < 0xA0) || (c == 0xED && second > 0x9F)) return false;
    if ((c == 0xF0 && second < 0x90) || (c == 0xF4 && second > 0x8F) || c > 0xF4) return false;
    for (std::size_t k = 1; k < n; ++k) {
      if ((static_cast<unsigned char>(bytes[i + k]) >> 6) != 2) return false;
    }
    i += n;
  }
  return true;
}

/// The separator that stands most often outside quotes in the first record; a comma where none does.
char separator_of(std::string_view bytes) {
  std::array<std::size_t, 3> count{};
  constexpr std::string_view kSeparators = ",;\t";
  bool quoted = false;
  for (const char c : bytes.substr(std::min(bytes.find_first_not_of("\r\n"), bytes.size()))) {
    if (c == '"') quoted = !quoted;
    if (!quoted && (c == '\n' || c == '\r')) break;
    const std::size_t which = kSeparators.find(c);
    if (!quoted && which != std::string_view::npos) ++count[which];
  }
  // A decimal comma makes commas frequent in a file whose separator is another one.
  if (count[1] > 0) return ';';
  return count[2] > count[0] ? '\t' : ',';
}

/// Builds columns from records as the parser hands them over.
class CsvBuilder {
 public:
  CsvBuilder(std::string file, bool comma) : comma_(comma) { table_.file = std::move(file); }

  void set_line(std::uint32_t line) { line_ = line; }
  void field(const char* text, std::size_t n) { record_.emplace_back(trimmed({text, n})); }

  void end_of_record(std::uint32_t last_line) {
    if (table_.columns.empty() && first_.empty()) {
      first_ = std::move(record_);
      first_line_ = line_;
    } else {
      begin_table();
      row(record_, line_);
    }
    record_.clear();
    line_ = last_line + 1;
  }

  [[nodiscard]] bool is_full() const { return faults_.size() > kMostFaults; }
  [[nodiscard]] bool within_record() const { return !record_.empty(); }
  [[nodiscard]] std::uint32_t record_line() const { return line_; }
  void fault(std::uint32_t line, std::string path, std::string message) {
    faults_.push_back({table_.file, static_cast<int>(line), std::move(path), std::move(message)});
  }

  Table take() {
    begin_table();
    if (dot_line_ != 0 && comma_line_ != 0) {
      fault(std::max(dot_line_, comma_line_), {},
            fmt::format("mixes decimal points and decimal commas; line {} has the other kind",
                        std::min(dot_line_, comma_line_)));
    }
    if (faults_.size() > kMostFaults) {
      faults_.resize(kMostFaults);
      faults_.push_back({table_.file, 0, {}, "and more; reading stopped there"});
    }
    if (faults_.empty() && table_.columns.empty()) fault(0, {}, "holds no table: the file is empty");
    if (faults_.empty() && table_.n_rows == 0) fault(0, {}, "has a header and no rows");
    if (!faults_.empty()) throw InputError(std::move(faults_));
    return std::move(table_);
  }

 private:
  /// The first record is a header where some cell is text and none a number, and where it mixes both but the second
  /// record has a number under a text: `id,2019` over `7,0.5`. `5.1,setosa` over `4.9,setosa` are two rows.
  [[nodiscard]] bool first_is_header() const {
    bool text = false;
    bool number = false;
    bool number_below_text = false;
    for (std::size_t c = 0; c < first_.size(); ++c) {
      if (is_missing(first_[c])) continue;
      const bool is_number = number_of(first_[c], comma_).has_value();
      (is_number ? number : text) = true;
      if (!is_number && c < record_.size() && !is_missing(record_[c]) && number_of(record_[c], comma_)) {
        number_below_text = true;
      }
    }
    return text && (!number || number_below_text);
  }

  /// Names the columns once the second record is there, or the file has ended.
  void begin_table() {
    if (first_.empty() || !table_.columns.empty()) return;
    table_.has_header = first_is_header();
    std::set<std::string> seen;
    for (std::size_t c = 0; c < first_.size(); ++c) {
      Column column;
      column.name = table_.has_header ? first_[c] : fmt::format("V{}", c + 1);
      if (column.name.empty()) column.name = fmt::format("V{}", c + 1);
      if (!seen.insert(column.name).second)
        fault(first_line_, fmt::format("column '{}'", column.name), "the header names it twice");
      table_.columns.push_back(std::move(column));
    }
    if (!table_.has_header) row(first_, first_line_);
  }

  void row(const std::vector<std::string>& cells, std::uint32_t line) {
    if (cells.size() != table_.columns.size()) {
      fault(line, {}, fmt::format("has {} cells where the table has {} columns", cells.size(), table_.columns.size()));
      return;
    }
    for (std::size_t c = 0; c < cells.size(); ++c) cell(table_.columns[c], cells[c], line);
    ++table_.n_rows;
    table_.lines.push_back(line);
  }

  void cell(Column& column, const std::string& text, std::uint32_t line) {
    if (is_missing(text)) {
      if (column.is_text()) {
        column.texts.emplace_back();
      } else {
        column.numbers.push_back(kNaN);
      }
      return;
    }
    const std::optional<double> number = number_of(text, comma_);
    if (column.is_text()) {
      column.texts.push_back(number && std::isfinite(*number) ? shortest(*number) : text);
      return;
    }
    if (number && comma_) note_decimal_mark(text, line);
    if (number && std::isinf(*number)) {
      fault(line, fmt::format("column '{}'", column.name), fmt::format("'{}' is not a finite number", text));
    }
    if (number) {
      column.numbers.push_back(*number);
      return;
    }
    to_text(column);
    column.texts.push_back(text);
  }

  void note_decimal_mark(std::string_view text, std::uint32_t line) {
    if (dot_line_ == 0 && text.find('.') != std::string_view::npos) dot_line_ = line;
    if (comma_line_ == 0 && text.find(',') != std::string_view::npos) comma_line_ = line;
  }

  static std::string shortest(double number) { return std::isnan(number) ? "" : fmt::format("{}", number); }

  /// A cell that is no number makes its column text. Numbers in it have their shortest form, whether they stand before
  /// or after that cell, so that 01 is one category and the same one in every table.
  static void to_text(Column& column) {
    column.texts.reserve(column.numbers.size() + 1);
    for (const double number : column.numbers) column.texts.push_back(shortest(number));
    column.numbers.clear();
    column.numbers.shrink_to_fit();
  }

  Table table_;
  bool comma_;
  std::uint32_t line_ = 1;
  std::vector<std::string> record_;
  std::vector<std::string> first_;  ///< the first record, until the second says whether it is a header
  std::uint32_t first_line_ = 1;
  std::uint32_t dot_line_ = 0, comma_line_ = 0;  ///< first line with each decimal mark, where ; separates
  std::vector<Diagnostic> faults_;
};

/// What libcsv's callbacks see.
struct ParserView {
  CsvBuilder* builder;
  std::uint32_t line;  ///< physical line that is being fed
};

void on_field(void* text, std::size_t n, void* view) {
  static_cast<ParserView*>(view)->builder->field(static_cast<const char*>(text), n);
}

void on_record(int, void* view) {
  auto* v = static_cast<ParserView*>(view);
  v->builder->end_of_record(v->line);
}

}  // namespace

Table read_csv(const std::string& whole, const std::string& file) {
  std::string_view bytes = whole;
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF")) {
    throw InputError(Diagnostic{file, 0, {}, "is UTF-16; save it as CSV UTF-8"});
  }
  if (bytes.find('\0') != std::string_view::npos) {
    throw InputError(Diagnostic{file, 0, {}, "is not a table: it holds binary data, and is neither NPY nor IDX"});
  }
  const char separator = separator_of(bytes);
  CsvBuilder builder(file, separator == ';');
  ParserView view{&builder, 0};
  csv_parser parser;
  if (csv_init(&parser, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error("the CSV parser cannot start");
  const std::unique_ptr<csv_parser, void (*)(csv_parser*)> guard(&parser, csv_free);
  csv_set_delim(&parser, static_cast<unsigned char>(separator));
  // A physical line at a time, so that callbacks know where they are.
  for (std::size_t at = 0; at < bytes.size() && !builder.is_full();) {
    const void* newline = std::memchr(bytes.data() + at, '\n', bytes.size() - at);
    const std::size_t end = newline == nullptr
                                ? bytes.size()
                                : static_cast<std::size_t>(static_cast<const char*>(newline) - bytes.data()) + 1;
    ++view.line;
    if (!builder.within_record() && parser.quoted == 0) builder.set_line(view.line);
    const std::string_view line = bytes.substr(at, end - at);
    if (!is_utf8(line)) {
      builder.fault(view.line, {}, "is not UTF-8 text; save the table as CSV UTF-8");
      break;
    }
    if (csv_parse(&parser, line.data(), line.size(), on_field, on_record, &view) != line.size()) {
      builder.fault(view.line, {}, "has a quote in the middle of a cell; a quote inside quotes is written twice");
      return builder.take();  // throws; what the parser still holds is half a record
    }
    at = end;
  }
  if (csv_fini(&parser, on_field, on_record, &view) != 0) {
    builder.fault(builder.record_line(), {}, "a quote opens here and never closes");
  }
  return builder.take();
}

}  // namespace shoal::data
