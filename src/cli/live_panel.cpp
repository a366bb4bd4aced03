#include "cli/live_panel.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <string_view>
#include <utility>
#include <vector>

#include "cli/table.hpp"
#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t kShortestCurve = 8;
constexpr std::size_t kLongestCurve = 60;
constexpr std::array<std::string_view, 8> kBlocks{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
constexpr std::array<std::string_view, 8> kCharacters{".", ":", "-", "=", "+", "*", "#", "@"};

/// Titles and the best trials; empty where not even id and value fit.
std::vector<std::string> table_lines(const Progress& progress, Metric metric, std::size_t width) {
  Leaderboard board;
  board.metric = metric;
  board.rows = progress.best;
  const Table table = fitting(table_of(board), width);
  constexpr std::size_t kLeastColumns = 3;
  if (board.rows.empty() || table.columns.size() < kLeastColumns) return {};
  return lines_of(rendered(table, 0));
}

/// The best value when `epochs` of the sweep were done; NaN where no trial had ended.
double best_after(const std::vector<BestSoFar>& steps, double epochs) {
  const auto later = std::ranges::find_if(
      steps, [&](const BestSoFar& step) { return static_cast<double>(step.epochs_done) > epochs; });
  return later == steps.begin() ? std::nan("") : std::prev(later)->metric;
}

/// A character for as much of the work as one of `width` stands for, as far as the sweep has come; spaces while no
/// trial had ended.
std::string spark_line(const Progress& progress, std::size_t width, bool unicode) {
  const auto& steps = progress.best_so_far;
  const auto [low, high] = std::ranges::minmax(steps, {}, &BestSoFar::metric);
  const double range = high.metric - low.metric;
  const auto& levels = unicode ? kBlocks : kCharacters;
  const auto n = static_cast<std::size_t>(std::ceil(fraction_done(progress) * static_cast<double>(width)));
  const double done = static_cast<double>(progress.epochs_done);
  std::string line;
  for (std::size_t i = 1; i <= n; ++i) {
    const double value = best_after(steps, done * static_cast<double>(i) / static_cast<double>(n));
    if (std::isnan(value)) {
      line += ' ';
      continue;
    }
    const double height = range > 0 ? (value - low.metric) / range : 0;
    line += levels.at(static_cast<std::size_t>(std::lround(height * static_cast<double>(levels.size() - 1))));
  }
  return line;
}

std::string curve_line(const Progress& progress, std::size_t width, bool unicode) {
  if (progress.best_so_far.empty()) return {};
  const std::string before = "best so far  " + metric_text(progress.best_so_far.front().metric) + " ";
  const std::string after = " " + metric_text(progress.best_so_far.back().metric);
  if (before.size() + kShortestCurve + after.size() > width) return {};
  return before + spark_line(progress, std::min(width - before.size() - after.size(), kLongestCurve), unicode) + after;
}

std::string rungs_line(const Progress& progress, std::size_t width) {
  std::string line;
  for (const RungPassage& rung : progress.rungs) {
    const std::string more = line.empty()
                                 ? fmt::format("rungs  {} of {} went on after {}", rung.n_went_on, rung.n_reached,
                                               counted(rung.epochs, "epoch"))
                                 : fmt::format(", {} of {} after {}", rung.n_went_on, rung.n_reached, rung.epochs);
    if (line.size() + more.size() > width) break;
    line += more;
  }
  return line;
}

}  // namespace

std::string live_panel(const Progress& progress, Metric metric, Space space, Looks looks) {
  std::string panel = live_line(progress, name(metric), space.columns, looks);
  std::size_t n_free = space.rows > 0 ? space.rows - 1 : 0;
  std::vector<std::string> table = table_lines(progress, metric, space.columns);
  // Titles alone say nothing.
  table.resize(n_free > 1 ? std::min(table.size(), n_free) : 0);
  n_free -= table.size();
  for (const std::string& line : table) panel += '\n' + line;
  for (const std::string& line :
       {curve_line(progress, space.columns, looks.unicode), rungs_line(progress, space.columns)}) {
    if (line.empty() || n_free == 0) continue;
    panel += '\n' + line;
    --n_free;
  }
  return panel;
}

}  // namespace shoal::cli
