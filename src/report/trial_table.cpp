#include "report/trial_table.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>
#include <tuple>
#include <unordered_map>
#include <utility>

#include "report/sampling.hpp"
#include "spec/nan.hpp"

namespace shoal::report {
namespace {

constexpr double kLeastRatio = 8;

/// NaN where the text is no number.
double number_of(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() ? value : kNaN;
}

/// A column while rows arrive.
class ColumnBuilder {
 public:
  void add(const std::string& text) {
    const auto [place, is_new] = code_of_.try_emplace(text, static_cast<std::uint32_t>(column_.levels.size()));
    if (is_new) column_.levels.push_back(text);
    column_.codes.push_back(place->second);
  }

  [[nodiscard]] bool varies() const { return column_.levels.size() - code_of_.count("") > 1; }

  /// The column with its rows in another order.
  [[nodiscard]] ParameterColumn take(std::string name, const std::vector<std::size_t>& order) {
    column_.name = std::move(name);
    std::vector<double> numbers;
    for (const std::string& level : column_.levels) numbers.push_back(number_of(level));
    bool all_numbers = true;
    for (std::size_t l = 0; l < numbers.size(); ++l) {
      all_numbers = all_numbers && (column_.levels[l].empty() || std::isfinite(numbers[l]));
    }
    std::vector<std::uint32_t> by_value(numbers.size());
    std::iota(by_value.begin(), by_value.end(), 0U);
    std::ranges::sort(by_value, [&](std::uint32_t a, std::uint32_t b) {
      const std::string& text_a = column_.levels[a];
      const std::string& text_b = column_.levels[b];
      if (all_numbers && !text_a.empty() && !text_b.empty()) return numbers[a] < numbers[b];
      return text_a < text_b;
    });
    return rearranged(by_value, all_numbers ? numbers : std::vector<double>(), order);
  }

 private:
  [[nodiscard]] ParameterColumn rearranged(const std::vector<std::uint32_t>& by_value,
                                           const std::vector<double>& numbers, const std::vector<std::size_t>& order) {
    ParameterColumn out;
    out.name = std::move(column_.name);
    std::vector<std::uint32_t> new_code(by_value.size());
    for (std::uint32_t place = 0; place < by_value.size(); ++place) {
      new_code[by_value[place]] = place;
      out.levels.push_back(column_.levels[by_value[place]]);
      if (!numbers.empty()) out.numbers.push_back(numbers[by_value[place]]);
    }
    for (const std::size_t row : order) out.codes.push_back(new_code[column_.codes[row]]);
    return out;
  }

  ParameterColumn column_;
  std::unordered_map<std::string, std::uint32_t> code_of_;
};

template <class Value>
void rearrange(std::vector<Value>& values, const std::vector<std::size_t>& order) {
  std::vector<Value> out;
  out.reserve(values.size());
  for (const std::size_t row : order) out.push_back(std::move(values[row]));
  values = std::move(out);
}

std::vector<std::size_t> best_first(const TrialTable& table, bool maximize) {
  const auto key = [&](std::size_t row) {
    const double value = table.ranked[row];
    const double rank = std::isnan(value) ? 0 : (maximize ? -value : value);
    const TrialStatus status = table.statuses[row];
    return std::tuple<bool, bool, bool, double, const std::string&>(
        status == TrialStatus::diverged, std::isnan(value), status == TrialStatus::pruned, rank, table.ids[row]);
  };
  std::vector<std::size_t> order(table.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) { return key(a) < key(b); });
  return order;
}

}  // namespace

TrialTable read_trials(const store::RunDirectory& directory) {
  TrialTable table;
  const Metric metric = directory.manifest().metric;
  std::vector<ColumnBuilder> columns(parameter_names().size());
  directory.for_each([&](const store::StoredRow& row, double seconds) {
    table.ids.push_back(row.id);
    table.statuses.push_back(row.status);
    table.epochs.push_back(row.epochs);
    table.best_epochs.push_back(row.best_epoch);
    table.seconds.push_back(seconds);
    table.metrics.push_back(row.metrics);
    table.ranked.push_back(row.metrics.of(metric));
    for (std::size_t p = 0; p < columns.size(); ++p) columns[p].add(row.parameters.at(p).second);
  });
  const std::vector<std::size_t> order = best_first(table, directory.manifest().maximize);
  rearrange(table.ids, order);
  rearrange(table.statuses, order);
  rearrange(table.epochs, order);
  rearrange(table.best_epochs, order);
  rearrange(table.seconds, order);
  rearrange(table.metrics, order);
  rearrange(table.ranked, order);
  for (std::size_t p = 0; p < columns.size(); ++p) {
    if (columns[p].varies()) table.parameters.push_back(columns[p].take(std::string(parameter_names()[p]), order));
  }
  return table;
}

std::string_view setting_of(std::string_view id) { return id.substr(0, id.find('.')); }

bool is_spread_by_factors(const std::vector<double>& numbers) {
  std::vector<double> ascending;
  std::ranges::copy_if(numbers, std::back_inserter(ascending), [](double number) { return std::isfinite(number); });
  std::ranges::sort(ascending);
  if (ascending.empty() || ascending.front() <= 0 || ascending.back() < kLeastRatio * ascending.front()) return false;
  const auto off_middle = [](double low, double median, double high) {
    return std::abs((median - low) / (high - low) - 0.5);
  };
  const double low = ascending.front();
  const double median = quantile(ascending, 0.5);
  const double high = ascending.back();
  return off_middle(std::log(low), std::log(median), std::log(high)) < off_middle(low, median, high);
}

}  // namespace shoal::report
