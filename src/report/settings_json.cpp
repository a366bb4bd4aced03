#include "report/settings_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "report/report_json.hpp"
#include "report/sampling.hpp"
#include "store/setting_means.hpp"

namespace shoal::report {
namespace {

using nlohmann::ordered_json;

/// Which rows of the table are a setting's trials.
using RowsOfSettings = std::unordered_map<std::string_view, std::vector<std::size_t>>;

RowsOfSettings rows_of_settings(const TrialTable& table) {
  RowsOfSettings rows;
  for (std::size_t row = 0; row < table.size(); ++row) rows[setting_of(table.ids[row])].push_back(row);
  return rows;
}

/// Nothing where trials differ, as in the seeds of repeats.
std::optional<std::uint32_t> common_code(const ParameterColumn& column, const std::vector<std::size_t>& rows) {
  const auto code = [&](std::size_t row) { return column.codes[row]; };
  const bool is_one = std::ranges::all_of(rows, [&](std::size_t row) { return code(row) == code(rows.front()); });
  return is_one ? std::optional(code(rows.front())) : std::nullopt;
}

ordered_json codes_json(const std::vector<SettingRow>& settings, const std::vector<std::size_t>& shown,
                        const TrialTable& table) {
  const RowsOfSettings rows = rows_of_settings(table);
  const bool has_repeats = std::ranges::any_of(table.ids, store::is_repeat);
  ordered_json out = ordered_json::array();
  for (const ParameterColumn& column : table.parameters) {
    ordered_json codes = ordered_json::array();
    for (const std::size_t s : shown) {
      const auto found = rows.find(settings[s].id);
      const bool is_of_trials = has_repeats && column.name == "seed";
      const auto code = is_of_trials || found == rows.end() ? std::nullopt : common_code(column, found->second);
      codes.push_back(code ? ordered_json(*code) : ordered_json());
    }
    out.push_back(std::move(codes));
  }
  return out;
}

double median_of(const std::vector<SettingRow>& settings) {
  std::vector<double> finite;
  for (const SettingRow& row : settings) {
    if (row.status != TrialStatus::diverged && std::isfinite(row.mean)) finite.push_back(row.mean);
  }
  std::ranges::sort(finite);
  return quantile(finite, 0.5);
}

ordered_json winner_json(const std::vector<SettingRow>& settings, std::string_view winner) {
  const auto found = std::ranges::find(settings, winner, &SettingRow::id);
  if (found == settings.end()) return {};
  return {{"id", found->id},
          {"rank", found->rank},
          {"n_trials", found->n_trials},
          {"mean", six_digits(found->mean)},
          {"standard_error", six_digits(found->standard_error)}};
}

}  // namespace

ordered_json settings_json(const std::vector<SettingRow>& settings, const TrialTable& table, std::string_view winner) {
  if (settings.empty()) return {};
  const std::vector<std::size_t> shown = thinned(settings.size(), kMostShown, kBestShown);
  const auto column = [&](const auto& value) {
    ordered_json out = ordered_json::array();
    for (const std::size_t s : shown) out.push_back(value(settings[s]));
    return out;
  };
  return {{"n_ended", settings.size()},
          {"n_wanted", settings.front().n_wanted},
          {"median", six_digits(median_of(settings))},
          {"winner", winner_json(settings, winner)},
          {"rank", column([](const SettingRow& row) { return row.rank; })},
          {"id", column([](const SettingRow& row) { return row.id; })},
          {"status", column([](const SettingRow& row) { return name(row.status); })},
          {"n_trials", column([](const SettingRow& row) { return row.n_trials; })},
          {"epochs", column([](const SettingRow& row) { return six_digits(row.epochs); })},
          {"mean", column([](const SettingRow& row) { return six_digits(row.mean); })},
          {"standard_error", column([](const SettingRow& row) { return six_digits(row.standard_error); })},
          {"codes", codes_json(settings, shown, table)}};
}

}  // namespace shoal::report
