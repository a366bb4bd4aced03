#include "data/encoding.hpp"

#include <algorithm>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <string_view>
#include <unordered_map>

#include "data/levels.hpp"
#include "data/scaling.hpp"
#include "spec/nearest.hpp"

namespace shoal::data {
namespace {

constexpr std::size_t kMostCategories = 1000;

std::size_t width(const InputColumn& column) {
  if (column.kind == InputColumn::Kind::categorical) return column.categories.size();
  return column.has_indicator ? 2 : 1;
}

/// One input column of a table that is being encoded: a cell is looked up, whatever the table holds it as.
class ColumnEncoder {
 public:
  ColumnEncoder(const InputColumn& column, MissingPolicy missing, const Table& table, const Column& source)
      : column_(column), missing_(missing), table_(table), source_(source) {
    if (column.kind == InputColumn::Kind::categorical) {
      levels_ = levels_of(source);
      std::unordered_map<std::string_view, std::int64_t> category_of;
      for (const std::string& category : column.categories) {
        category_of.emplace(category, static_cast<std::int64_t>(category_of.size()));
      }
      for (const std::string& text : levels_.texts) {
        const auto found = category_of.find(text);
        categories_.push_back(found == category_of.end() ? -1 : found->second);
      }
    } else if (source.is_text()) {
      for (const std::string& word : source.words) numbers_.push_back(number_of_text(word));
    }
  }

  [[nodiscard]] std::size_t n_inputs() const { return width(column_); }

  /// Writes the row's inputs to `to`, which holds zeros.
  void encode(std::size_t row, float* to, Faults& faults) const {
    if (column_.kind == InputColumn::Kind::categorical) {
      const std::int64_t category = categories_[levels_.codes[row]];
      if (category >= 0) {
        to[category] = 1.0F;
      } else {
        refuse_category(row, levels_.texts[levels_.codes[row]], faults);
      }
    } else {
      encode_number(row, source_.is_text() ? numbers_[source_.codes[row]] : source_.numbers[row], to, faults);
    }
  }

 private:
  void encode_number(std::size_t row, double value, float* to, Faults& faults) const {
    if (std::isnan(value)) {
      if (source_.is_text() && !source_.text(row).empty()) {
        if (!faults.only_counts()) {
          faults.add(table_, row, column_.name, fmt::format("'{}' is not a number", source_.text(row)));
        }
        return;
      }
      if (missing_ == MissingPolicy::error) {
        if (!faults.only_counts()) {
          faults.add(table_, row, column_.name,
                     "has no value; data.missing: impute fills it with the training rows' mean");
        }
        return;
      }
    }
    to[0] = static_cast<float>(value - column_.centre);
    if (column_.has_indicator) to[1] = std::isnan(value) ? 1.0F : 0.0F;
    if (!std::isinf(to[0])) return;
    // A huge centre comes from a huge value in the same column: that one is at fault.
    constexpr double kLargest = std::numeric_limits<float>::max();
    if ((std::abs(value) > kLargest || std::abs(column_.centre) <= kLargest) && !faults.only_counts()) {
      faults.add(table_, row, column_.name, fmt::format("{} is too large for a 4-byte float", value));
    }
  }

  void refuse_category(std::size_t row, const std::string& text, Faults& faults) const {
    // Where no training row lacks a value, one that does is of no category at all.
    if (text.empty() && missing_ == MissingPolicy::impute) return;
    if (faults.only_counts()) return;
    if (text.empty()) {
      faults.add(table_, row, column_.name,
                 "has no value; data.missing: impute makes that a category of its own" +
                     (source_.odd_line == 0 ? std::string()
                                            : fmt::format(". The column counts as text: '{}' in line {} is no number",
                                                          source_.odd_text, source_.odd_line)));
      return;
    }
    const std::vector<std::string_view> known(column_.categories.begin(), column_.categories.end());
    faults.add(table_, row, column_.name,
               fmt::format("'{}' is not among the training table's categories{}", text, suggestion(text, known)));
  }

  const InputColumn& column_;
  MissingPolicy missing_;
  const Table& table_;
  const Column& source_;
  Levels levels_;                         ///< of a categorical column
  std::vector<std::int64_t> categories_;  ///< of levels_; -1: none
  std::vector<double> numbers_;           ///< of the words of a numeric column that this table holds as text
};

}  // namespace

void describe_inputs(const Table& table, const std::vector<std::size_t>& inputs, const std::vector<bool>& categorical,
                     Preprocessing& preprocessing, Faults& faults) {
  std::size_t n_inputs = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Column& source = table.columns[inputs[i]];
    InputColumn column;
    column.name = source.name;
    if (preprocessing.missing == MissingPolicy::error && !source.is_text() &&
        std::ranges::all_of(source.numbers, [](double x) { return std::isnan(x); })) {
      faults.add({table.file, 0, column_path(source.name), "has no value in any row; name it in data.drop"});
    }
    if (categorical[i]) {
      column.kind = InputColumn::Kind::categorical;
      column.categories = levels_of(source).texts;
      if (preprocessing.missing == MissingPolicy::error) std::erase(column.categories, "");
      if (column.categories.size() > kMostCategories) {
        const std::string odd = source.odd_line == 0 ? ""
                                                     : fmt::format(", and numbers but for ones like '{}' in line {}",
                                                                   source.odd_text, source.odd_line);
        faults.add({table.file, 0, column_path(source.name),
                    fmt::format("has {} different texts{}; if it is no category, name it in data.drop",
                                column.categories.size(), odd)});
      }
    } else {
      const Range range = range_of(source.numbers);
      check_spread(table, source, range, faults);
      column.centre = range.middle();
      column.has_indicator = preprocessing.missing == MissingPolicy::impute &&
                             std::ranges::any_of(source.numbers, [](double x) { return std::isnan(x); });
    }
    n_inputs += width(column);
    preprocessing.columns.push_back(std::move(column));
  }
  preprocessing.n_inputs = static_cast<std::int32_t>(n_inputs);
}

std::vector<std::size_t> match_inputs(const Preprocessing& preprocessing, const Table& table) {
  const std::size_t n_columns = preprocessing.columns.size();
  if (table.is_images && table.columns.size() != n_columns && n_columns > 0 &&
      preprocessing.columns.back().name == unnamed_column(n_columns - 1)) {
    throw InputError(Diagnostic{
        table.file,
        0,
        {},
        fmt::format("has images of {} values; those of the training table have {}", table.columns.size(), n_columns)});
  }
  std::unordered_map<std::string_view, std::size_t> place_of;
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) {
    place_of.emplace(column.name, names.size());
    names.emplace_back(column.name);
  }
  std::vector<std::size_t> at;
  Faults faults;
  for (const InputColumn& column : preprocessing.columns) {
    if (const auto found = place_of.find(column.name); found != place_of.end()) {
      at.push_back(found->second);
    } else if (!faults.only_counts()) {
      faults.add({table.file, 0, column_path(column.name), "is not in this table" + suggestion(column.name, names)});
    }
  }
  const bool just_the_inputs = !table.has_header && table.columns.size() == preprocessing.columns.size();
  if (faults.any() && just_the_inputs) {
    at.clear();
    for (std::size_t c = 0; c < table.columns.size(); ++c) at.push_back(c);
    return at;
  }
  faults.finish();
  return at;
}

void encode_inputs(const Preprocessing& preprocessing, const Table& table, const std::vector<std::size_t>& at,
                   std::vector<float>& inputs, Faults& faults) {
  std::vector<ColumnEncoder> encoders;
  encoders.reserve(at.size());
  for (std::size_t i = 0; i < at.size(); ++i) {
    encoders.emplace_back(preprocessing.columns[i], preprocessing.missing, table, table.columns[at[i]]);
  }
  const auto n_inputs = static_cast<std::size_t>(preprocessing.n_inputs);
  inputs.reserve(inputs.size() + table.n_rows * n_inputs);
  // A few rows at a time, so that their zeros are still near when they are written over.
  constexpr std::size_t kBlock = 64;
  for (std::size_t first = 0; first < table.n_rows; first += kBlock) {
    const std::size_t end = std::min(first + kBlock, table.n_rows);
    const std::size_t begin = inputs.size();
    inputs.resize(begin + (end - first) * n_inputs, 0.0F);
    float* to = inputs.data() + begin;
    for (std::size_t row = first; row < end; ++row) {
      for (const ColumnEncoder& encoder : encoders) {
        encoder.encode(row, to, faults);
        to += encoder.n_inputs();
      }
    }
  }
}

std::vector<bool> numeric_inputs(const Preprocessing& preprocessing) {
  std::vector<bool> numeric;
  for (const InputColumn& column : preprocessing.columns) {
    const bool is_numeric = column.kind == InputColumn::Kind::numeric;
    for (std::size_t k = 0; k < width(column); ++k) numeric.push_back(is_numeric && k == 0);
  }
  return numeric;
}

std::vector<double> input_centres(const Preprocessing& preprocessing) {
  std::vector<double> centres;
  for (const InputColumn& column : preprocessing.columns) {
    for (std::size_t k = 0; k < width(column); ++k) {
      centres.push_back(column.kind == InputColumn::Kind::numeric && k == 0 ? column.centre : 0.0);
    }
  }
  return centres;
}

}  // namespace shoal::data
