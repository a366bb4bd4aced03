#include <cstring>
#include <csv.h>
#include <fmt/format.h>
#include <memory>
#include <string_view>

#include "data/csv_builder.hpp"
#include "data/csv_cells.hpp"
#include "data/table.hpp"
#include "shoal/error.hpp"
#include "spec/utf8.hpp"

namespace shoal::data {
namespace {

/// The physical lines of a text, which end with \n, \r\n or \r.
class Lines {
 public:
  explicit Lines(std::string_view text) : text_(text), newline_(text.find('\n')) {}

  /// Whether there is another line; it is then content() and, with what ends it, whole().
  bool next() {
    begin_ = end_;
    if (begin_ == text_.size()) return false;
    if (newline_ < begin_) newline_ = text_.find('\n', begin_);
    const std::size_t last = std::min(newline_, text_.size());
    const std::string_view line = text_.substr(begin_, last - begin_);
    const std::size_t length = std::min(line.find('\r'), line.size());
    end_ = begin_ + length;
    content_end_ = end_;
    if (end_ < text_.size() && text_[end_] == '\r') ++end_;
    if (end_ == newline_ && end_ <= content_end_ + 1) ++end_;
    ++number_;
    return true;
  }
  [[nodiscard]] std::string_view content() const { return text_.substr(begin_, content_end_ - begin_); }
  [[nodiscard]] std::string_view whole() const { return text_.substr(begin_, end_ - begin_); }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }  ///< 1-based

 private:
  std::string_view text_;
  std::size_t newline_;  ///< the next \n at or behind begin_; searched once, so that a text without any is no burden
  std::size_t begin_ = 0, content_end_ = 0, end_ = 0;
  std::uint32_t number_ = 0;
};

/// Divides a text into records. Lines without quotes, which most are, are cut at their separators; libcsv reads records
/// with quotes.
class CsvReader {
 public:
  CsvReader(CsvBuilder& builder, char separator) : builder_(builder), separator_(separator) {
    if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw Error("the CSV parser cannot start");
    csv_set_delim(&parser_, static_cast<unsigned char>(separator));
  }
  ~CsvReader() { csv_free(&parser_); }
  CsvReader(const CsvReader&) = delete;
  CsvReader& operator=(const CsvReader&) = delete;

  void read(std::string_view text) {
    Lines lines(text);
    while (!builder_.is_full() && lines.next()) {
      if (lines.number() == 1 && named_separator(lines.content())) continue;
      if (!is_utf8(lines.content())) {
        builder_.fault(lines.number(), {}, "is not UTF-8 text; save the table as CSV UTF-8");
        return;
      }
      const bool within_record = parser_.quoted != 0;
      if (!within_record) line_ = lines.number();
      if (!within_record && lines.content().find('"') == std::string_view::npos) {
        plain(lines.content());
      } else if (csv_parse(&parser_, lines.whole().data(), lines.whole().size(), on_field, on_record, this) !=
                 lines.whole().size()) {
        builder_.fault(lines.number(), {},
                       "has a quote in the middle of a cell; a quote inside quotes is written twice");
        return;
      }
    }
    if (!builder_.is_full() && csv_fini(&parser_, on_field, on_record, this) != 0) {
      builder_.fault(line_, {}, "a quote opens here and never closes");
    }
  }

 private:
  void plain(std::string_view line) {
    if (line.find_first_not_of(separator_ == '\t' ? " " : " \t") == std::string_view::npos) return;
    cells_.clear();
    for (;;) {
      const void* found = line.empty() ? nullptr : std::memchr(line.data(), separator_, line.size());
      if (found == nullptr) break;
      const auto n = static_cast<std::size_t>(static_cast<const char*>(found) - line.data());
      cells_.push_back(trimmed(line.substr(0, n)));
      line.remove_prefix(n + 1);
    }
    cells_.push_back(trimmed(line));
    builder_.record(cells_, line_);
  }

  static void on_field(void* text, std::size_t n, void* reader) {
    static_cast<CsvReader*>(reader)->quoted_.emplace_back(static_cast<const char*>(text), n);
  }

  static void on_record(int, void* view) {
    auto* reader = static_cast<CsvReader*>(view);
    reader->cells_.clear();
    for (const std::string& cell : reader->quoted_) reader->cells_.push_back(trimmed(cell));
    reader->builder_.record(reader->cells_, reader->line_);
    reader->quoted_.clear();
  }

  CsvBuilder& builder_;
  char separator_;
  csv_parser parser_{};
  std::uint32_t line_ = 0;               ///< where the record begins
  std::vector<std::string_view> cells_;  ///< of the record, trimmed
  std::vector<std::string> quoted_;      ///< cells that libcsv has read of the record
};

void refuse_binary(std::string_view bytes, const std::string& file) {
  const auto is_zero = [&](std::size_t at) { return at < bytes.size() && bytes[at] == '\0'; };
  const bool wide = bytes.size() >= 4 && ((is_zero(1) && is_zero(3) && !is_zero(0) && !is_zero(2)) ||
                                          (is_zero(0) && is_zero(2) && !is_zero(1) && !is_zero(3)));
  if (bytes.starts_with("\xFF\xFE") || bytes.starts_with("\xFE\xFF") || wide) {
    throw InputError(Diagnostic{file, 0, {}, "is UTF-16; save it as CSV UTF-8"});
  }
  const std::size_t zero = bytes.find('\0');
  if (zero == std::string_view::npos) return;
  Lines lines(bytes.substr(0, zero + 1));
  while (lines.next()) {
  }
  throw InputError(Diagnostic{
      file, static_cast<int>(lines.number()), {}, "holds a zero byte: the file is neither text nor NPY nor IDX"});
}

}  // namespace

Table read_csv(std::string_view bytes, const std::string& file, const TableHints& hints) {
  if (bytes.starts_with("\xEF\xBB\xBF")) bytes.remove_prefix(3);
  refuse_binary(bytes, file);
  const char separator = separator_of(bytes);
  CsvBuilder builder(file, separator == ';');
  CsvReader(builder, separator).read(bytes);
  return builder.take(hints);
}

}  // namespace shoal::data
