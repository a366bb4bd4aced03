#include "cli/progress_line.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <fmt/format.h>
#include <vector>

#include "cli/text.hpp"

namespace shoal::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kShortestBar = 10;
constexpr std::size_t kLongestBar = 30;
/// Of an id, on the live line; `shoal predict` takes a unique beginning.
constexpr std::size_t kShownId = 8;

std::string percent(const Progress& progress) {
  // 100 % is said only of what is done.
  const double most = progress.n_done < progress.n_trials ? 99 : 100;
  return fmt::format("{:3.0f}%", std::min(std::floor(fraction_done(progress) * 100), most));
}

std::string bar(double fraction, std::size_t width, Looks looks) {
  const auto n_full = static_cast<std::size_t>(fraction * static_cast<double>(width));
  std::string full;
  std::string rest;
  for (std::size_t i = 0; i < width; ++i) {
    (i < n_full ? full : rest) += i < n_full ? (looks.unicode ? "━" : "#") : (looks.unicode ? "─" : ".");
  }
  return looks.colour ? "\x1b[36m" + full + "\x1b[90m" + rest + "\x1b[0m" : full + rest;
}

struct Piece {
  std::string text;
  int importance;  ///< pieces of less importance give way first; 0: never
  bool warns = false;
};

}  // namespace

double fraction_done(const Progress& progress) {
  const bool by_epochs = progress.epochs_total > 0;
  const auto total = static_cast<double>(by_epochs ? progress.epochs_total : progress.n_trials);
  const auto done = static_cast<double>(by_epochs ? progress.epochs_done : progress.n_done);
  return total > 0 ? std::clamp(done / total, 0.0, 1.0) : 0.0;
}

std::string live_line(const Progress& progress, std::string_view metric, std::size_t width, Looks looks) {
  std::vector<Piece> pieces;
  pieces.push_back({percent(progress), 0});
  pieces.push_back({fmt::format("{}/{} trials", progress.n_done, progress.n_trials), 4});
  pieces.push_back({si(progress.samples_per_s) + " samples/s", 3});
  if (!progress.best_id.empty()) {
    pieces.push_back(
        {fmt::format("best {} {} {}", progress.best_id.substr(0, kShownId), metric, metric_text(progress.best_metric)),
         1});
  }
  if (progress.n_pruned > 0) pieces.push_back({fmt::format("{} pruned", progress.n_pruned), 2});
  if (progress.n_diverged > 0) pieces.push_back({fmt::format("{} diverged", progress.n_diverged), 2, true});
  pieces.push_back({"ETA " + duration(progress.remaining_s), 0});

  const auto used = [&] {
    std::size_t columns = 0;
    for (const Piece& piece : pieces) columns += display_width(piece.text) + kGap;
    return columns - kGap;
  };
  while (used() > width) {
    const auto last = std::ranges::max_element(pieces, {}, &Piece::importance);
    if (last->importance == 0) break;
    pieces.erase(last);
  }
  std::string line;
  if (const std::size_t columns = used(); columns + kGap + kShortestBar <= width) {
    line = bar(fraction_done(progress), std::min(width - columns - kGap, kLongestBar), looks);
  } else if (columns > width) {
    return pieces.front().text.substr(0, width);
  }
  for (const Piece& piece : pieces) {
    if (!line.empty()) line.append(kGap, ' ');
    line += piece.warns && looks.colour ? "\x1b[33m" + piece.text + "\x1b[0m" : piece.text;
  }
  return line;
}

std::string plain_line(const Progress& progress, std::string_view metric) {
  std::string line = fmt::format("{} {}/{} trials, {} samples/s", percent(progress), progress.n_done, progress.n_trials,
                                 si(progress.samples_per_s));
  if (!progress.best_id.empty()) {
    line += fmt::format(", best {} {} {}", progress.best_id, metric, metric_text(progress.best_metric));
  }
  if (progress.n_pruned > 0) line += fmt::format(", {} pruned", progress.n_pruned);
  if (progress.n_diverged > 0) line += fmt::format(", {} diverged", progress.n_diverged);
  return line + fmt::format(", {} elapsed, ETA {}", duration(progress.elapsed_s), duration(progress.remaining_s));
}

}  // namespace shoal::cli
