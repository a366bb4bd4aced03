#include "cli/table.hpp"

#include <algorithm>
#include <fmt/format.h>

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t kColumnGap = 2;

void append_cell(std::string& line, const std::string& text, std::size_t width, bool right) {
  const std::string padding(width - display_width(text), ' ');
  line += right ? padding + text : text + padding;
}

std::string trimmed(std::string line) {
  line.erase(line.find_last_not_of(' ') + 1);
  return line + '\n';
}

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.e") == std::string::npos;
}

std::vector<std::size_t> widths_of(const Table& table) {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    widths.push_back(display_width(table.columns[c].title));
    for (const auto& row : table.rows) widths[c] = std::max(widths[c], display_width(row[c]));
  }
  return widths;
}

/// How many columns a width holds, one at least; 0: any width.
std::size_t n_fitting(const std::vector<std::size_t>& widths, std::size_t width) {
  std::size_t shown = 0;
  for (std::size_t used = 0; shown < widths.size(); ++shown) {
    used += widths[shown] + (shown > 0 ? kColumnGap : 0);
    if (width > 0 && used > width && shown > 0) break;
  }
  return shown;
}

}  // namespace

Table fitting(Table table, std::size_t width) {
  const std::size_t shown = n_fitting(widths_of(table), width);
  table.columns.resize(shown);
  for (auto& row : table.rows) row.resize(shown);
  return table;
}

std::string rendered(const Table& table, std::size_t width) {
  const std::vector<std::size_t> widths = widths_of(table);
  const std::size_t shown = n_fitting(widths, width);
  std::string out;
  const auto add_line = [&](const auto& cell) {
    std::string line;
    for (std::size_t c = 0; c < shown; ++c) {
      if (c > 0) line.append(kColumnGap, ' ');
      append_cell(line, cell(c), widths[c], table.columns[c].right);
    }
    out += trimmed(std::move(line));
  };
  add_line([&](std::size_t c) -> const std::string& { return table.columns[c].title; });
  for (const auto& row : table.rows) add_line([&](std::size_t c) -> const std::string& { return row[c]; });
  if (shown < widths.size()) {
    out += "not shown, for want of width:";
    for (std::size_t c = shown; c < widths.size(); ++c) out += (c > shown ? ", " : " ") + table.columns[c].title;
    out += '\n';
  }
  return out;
}

namespace {

/// Appends the parameters' columns, those of numbers to the right.
template <class Row>
void add_parameters(Table& table, const std::vector<Row>& rows) {
  if (rows.empty()) return;
  const std::size_t first = table.columns.size();
  for (const auto& [parameter, text] : rows.front().parameters) table.columns.push_back({parameter, true});
  for (std::size_t i = 0; i < rows.size(); ++i) {
    for (std::size_t p = 0; p < rows[i].parameters.size(); ++p) {
      const std::string& text = rows[i].parameters[p].second;
      bool& right = table.columns[first + p].right;
      right = right && (text.empty() || is_number(text));
      table.rows[i].push_back(text);
    }
  }
}

template <class Row>
bool all_finished(const std::vector<Row>& rows) {
  return std::ranges::all_of(rows, [](const Row& row) { return row.status == TrialStatus::finished; });
}

std::string n_trials_text(const SettingRow& row) {
  const bool is_whole = row.n_trials >= row.n_wanted;
  return is_whole ? std::to_string(row.n_trials) : fmt::format("{} of {}", row.n_trials, row.n_wanted);
}

}  // namespace

Table table_of(const Leaderboard& board) {
  const bool has_status = !all_finished(board.rows);
  Table table;
  table.columns = {{"rank", true}, {"trial", false}, {std::string(name(board.metric)), true}, {"epochs", true}};
  if (has_status) table.columns.push_back({"status", false});
  for (const LeaderboardRow& row : board.rows) {
    table.rows.push_back({std::to_string(row.rank), row.id, metric_text(row.metric), std::to_string(row.epochs)});
    if (has_status) table.rows.back().emplace_back(name(row.status));
  }
  add_parameters(table, board.rows);
  return table;
}

Table table_of(const SettingBoard& board) {
  const bool has_status = !all_finished(board.rows);
  Table table;
  table.columns = {{"rank", true},       {"setting", false}, {"mean " + std::string(name(board.metric)), true},
                   {"std. error", true}, {"trials", true},   {"epochs", true}};
  if (has_status) table.columns.push_back({"status", false});
  for (const SettingRow& row : board.rows) {
    table.rows.push_back({std::to_string(row.rank), row.id, metric_text(row.mean), metric_text(row.standard_error),
                          n_trials_text(row), fmt::format("{:.4g}", row.epochs)});
    if (has_status) table.rows.back().emplace_back(name(row.status));
  }
  add_parameters(table, board.rows);
  return table;
}

}  // namespace shoal::cli
