#include "data/encoding.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <limits>
#include <optional>
#include <set>
#include <string_view>

#include "spec/nearest.hpp"

namespace shoal::data {
namespace {

constexpr std::size_t kMostCategories = 1000;

std::string column_path(const std::string& name) { return fmt::format("column '{}'", name); }

std::optional<std::size_t> index_of(const Table& table, const std::string& name) {
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    if (table.columns[c].name == name) return c;
  }
  return std::nullopt;
}

double midrange(const std::vector<double>& numbers) {
  double low = std::numeric_limits<double>::infinity();
  double high = -low;
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    low = std::min(low, x);
    high = std::max(high, x);
  }
  return low > high ? 0.0 : low / 2 + high / 2;
}

/// One-hot inputs of one cell.
void encode_category(const InputColumn& column, const Table& table, const Column& source, std::size_t row, float* to,
                     Faults& faults) {
  const std::string text = cell_text(source, row);
  const auto found = std::ranges::find(column.categories, text);
  if (found != column.categories.end()) {
    to[found - column.categories.begin()] = 1.0F;
    return;
  }
  if (text.empty()) {
    faults.add(table, row, column.name, "has no value; data.missing: impute makes that a category of its own");
    return;
  }
  const std::vector<std::string_view> known(column.categories.begin(), column.categories.end());
  faults.add(table, row, column.name,
             fmt::format("'{}' is not among the training table's categories{}", text, suggestion(text, known)));
}

void encode_number(const InputColumn& column, MissingPolicy missing, const Table& table, const Column& source,
                   std::size_t row, float* to, Faults& faults) {
  double value = std::numeric_limits<double>::quiet_NaN();
  if (!source.is_text()) {
    value = source.numbers[row];
  } else if (const std::string& text = source.texts[row]; !text.empty()) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
      faults.add(table, row, column.name, fmt::format("'{}' is not a number", text));
      return;
    }
  }
  if (std::isnan(value) && missing == MissingPolicy::error) {
    faults.add(table, row, column.name, "has no value; data.missing: impute fills it with the training rows' mean");
    return;
  }
  to[0] = static_cast<float>(value - column.centre);
  // A huge centre comes from a huge value in the same column: that one is at fault.
  constexpr double kLargest = std::numeric_limits<float>::max();
  if (std::isinf(to[0]) && (std::abs(value) > kLargest || std::abs(column.centre) <= kLargest)) {
    faults.add(table, row, column.name, fmt::format("{} is too large for a 4-byte float", value));
    return;
  }
  if (column.has_indicator) to[1] = std::isnan(value) ? 1.0F : 0.0F;
}

std::size_t width(const InputColumn& column) {
  if (column.kind == InputColumn::Kind::categorical) return column.categories.size();
  return column.has_indicator ? 2 : 1;
}

}  // namespace

void Faults::add(const Table& table, std::size_t row, const std::string& column, const std::string& message) {
  std::string path = column_path(column);
  if (table.line(row) == 0) path += fmt::format(", row {}", row);
  add({table.file, table.line(row), path, message});
}

void Faults::add(Diagnostic diagnostic) {
  if (found_.size() < kMost) {
    found_.push_back(std::move(diagnostic));
  } else {
    ++n_more_;
  }
}

void Faults::finish() {
  if (found_.empty()) return;
  if (n_more_ > 0) found_.push_back({found_.back().file, 0, {}, fmt::format("and {} more", n_more_)});
  throw InputError(std::move(found_));
}

std::string cell_text(const Column& column, std::size_t row) {
  if (column.is_text()) return column.texts[row];
  const double number = column.numbers[row];
  return std::isnan(number) ? std::string() : fmt::format("{}", number);
}

std::vector<std::string> different_texts(const Column& column) {
  std::vector<std::string> texts;
  if (column.is_text()) {
    const std::set<std::string> different(column.texts.begin(), column.texts.end());
    texts.assign(different.begin(), different.end());
    return texts;
  }
  std::set<double> different;
  bool missing = false;
  for (const double number : column.numbers) {
    if (std::isnan(number)) {
      missing = true;
    } else {
      different.insert(number);
    }
  }
  if (missing) texts.emplace_back();
  for (const double number : different) texts.push_back(fmt::format("{}", number));
  return texts;
}

void describe_inputs(const Table& table, const std::vector<std::size_t>& inputs, const std::vector<bool>& categorical,
                     Preprocessing& preprocessing, Faults& faults) {
  std::size_t n_inputs = 0;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Column& source = table.columns[inputs[i]];
    InputColumn column;
    column.name = source.name;
    if (categorical[i]) {
      column.kind = InputColumn::Kind::categorical;
      column.categories = different_texts(source);
      if (preprocessing.missing == MissingPolicy::error) std::erase(column.categories, "");
      if (column.categories.size() > kMostCategories) {
        faults.add({table.file, 0, column_path(source.name),
                    fmt::format("has {} different texts; if it is no category, name it in data.drop",
                                column.categories.size())});
      }
    } else {
      column.centre = midrange(source.numbers);
      column.has_indicator = preprocessing.missing == MissingPolicy::impute &&
                             std::ranges::any_of(source.numbers, [](double x) { return std::isnan(x); });
    }
    n_inputs += width(column);
    preprocessing.columns.push_back(std::move(column));
  }
  preprocessing.n_inputs = static_cast<std::int32_t>(n_inputs);
}

std::vector<std::size_t> match_inputs(const Preprocessing& preprocessing, const Table& table) {
  std::vector<std::size_t> at;
  Faults faults;
  std::vector<std::string_view> names;
  for (const Column& column : table.columns) names.emplace_back(column.name);
  for (const InputColumn& column : preprocessing.columns) {
    if (const auto found = index_of(table, column.name)) {
      at.push_back(*found);
    } else {
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
  const auto n_inputs = static_cast<std::size_t>(preprocessing.n_inputs);
  const std::size_t begin = inputs.size();
  inputs.resize(begin + table.n_rows * n_inputs, 0.0F);
  std::size_t first = 0;
  for (std::size_t i = 0; i < preprocessing.columns.size(); ++i) {
    const InputColumn& column = preprocessing.columns[i];
    const Column& source = table.columns[at[i]];
    for (std::size_t row = 0; row < table.n_rows; ++row) {
      float* to = inputs.data() + begin + row * n_inputs + first;
      if (column.kind == InputColumn::Kind::categorical) {
        encode_category(column, table, source, row, to, faults);
      } else {
        encode_number(column, preprocessing.missing, table, source, row, to, faults);
      }
    }
    first += width(column);
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
