#include "cli/result_json.hpp"

#include <cmath>
#include <nlohmann/json.hpp>

namespace shoal::cli {

using nlohmann::ordered_json;

ordered_json json_of(const Leaderboard& board) {
  ordered_json rows = ordered_json::array();
  for (const LeaderboardRow& row : board.rows) {
    ordered_json parameters = ordered_json::object();
    for (const auto& [parameter, text] : row.parameters) parameters[parameter] = text;
    rows.push_back({{"rank", row.rank},
                    {"id", row.id},
                    {"status", name(row.status)},
                    {"epochs", row.epochs},
                    {"metric", row.metric},
                    {"parameters", parameters}});
  }
  return {{"metric", name(board.metric)},
          {"goal", board.maximize ? "maximize" : "minimize"},
          {"n_trials", board.n_trials},
          {"rows", rows}};
}

ordered_json json_of(const SettingRow& row) {
  ordered_json parameters = ordered_json::object();
  for (const auto& [parameter, text] : row.parameters) parameters[parameter] = text;
  return {{"rank", row.rank},           {"id", row.id},
          {"n_trials", row.n_trials},   {"n_wanted", row.n_wanted},
          {"status", name(row.status)}, {"epochs", row.epochs},
          {"mean", row.mean},           {"standard_error", row.standard_error},
          {"parameters", parameters}};
}

ordered_json json_of(const SettingBoard& board) {
  ordered_json rows = ordered_json::array();
  for (const SettingRow& row : board.rows) rows.push_back(json_of(row));
  return {{"metric", name(board.metric)},
          {"goal", board.maximize ? "maximize" : "minimize"},
          {"n_settings", board.n_settings},
          {"n_trials", board.n_trials},
          {"rows", rows}};
}

ordered_json json_of(const MetricValues& values) {
  ordered_json out = ordered_json::object();
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (!std::isnan(values.values[i])) out[std::string(name(static_cast<Metric>(i)))] = values.values[i];
  }
  return out;
}

}  // namespace shoal::cli
