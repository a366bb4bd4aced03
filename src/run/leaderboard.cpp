#include <algorithm>
#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"
#include "store/setting_means.hpp"

namespace shoal {
namespace {

using Parameters = std::vector<std::pair<std::string, std::string>>;

Parameters those_that_vary(const Parameters& all, const std::vector<bool>& varies) {
  Parameters some;
  for (std::size_t p = 0; p < all.size(); ++p) {
    if (varies.at(p)) some.push_back(all[p]);
  }
  return some;
}

/// Fills in what is ranked by.
template <class Board>
void set_metric(Board& board, const store::Manifest& manifest, std::optional<Metric> metric) {
  board.metric = metric.value_or(manifest.metric);
  if (!metric_applies(board.metric, manifest.task)) {
    throw InputError(Diagnostic{"", 0, "metric " + std::string(name(board.metric)),
                                "means nothing for a " + std::string(name(manifest.task)) + " run"});
  }
  board.maximize = board.metric == manifest.metric ? manifest.maximize : larger_is_better(board.metric);
}

}  // namespace

Leaderboard leaderboard(const std::filesystem::path& run, std::size_t n, std::optional<Metric> metric) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  Leaderboard board;
  set_metric(board, directory.manifest(), metric);
  board.n_trials = directory.size();
  const std::vector<bool> varies = directory.varying();
  for (const store::StoredRow& row : directory.best(n, board.metric, board.maximize)) {
    LeaderboardRow& line = board.rows.emplace_back();
    line.rank = static_cast<std::uint32_t>(board.rows.size());
    line.id = row.id;
    line.status = row.status;
    line.epochs = row.epochs;
    line.metric = row.metrics.of(board.metric);
    line.parameters = those_that_vary(row.parameters, varies);
  }
  return board;
}

bool settings_have_several_trials(const std::filesystem::path& run) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Manifest& manifest = directory.manifest();
  return manifest.n_trials > manifest.n_settings;
}

SettingBoard setting_board(const std::filesystem::path& run, std::size_t n, std::optional<Metric> metric) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  SettingBoard board;
  set_metric(board, directory.manifest(), metric);
  board.rows = store::setting_means(directory, board.metric, board.maximize);
  board.n_settings = board.rows.size();
  board.n_trials = directory.size();
  if (board.rows.size() > n) board.rows.resize(n);
  std::map<std::string, SettingRow*> shown;
  for (SettingRow& row : board.rows) shown.emplace(row.id, &row);
  const std::vector<bool> varies = directory.varying();
  std::set<std::string> of_trials;  // parameters that are not a setting's own: the seed of a repeat
  directory.for_each([&](const store::StoredRow& row, double) {
    if (store::is_repeat(row.id)) of_trials.insert("seed");  // also where no setting has two trials yet
    const auto at = shown.find(row.id.substr(0, row.id.find('.')));
    if (at == shown.end()) return;
    Parameters own = those_that_vary(row.parameters, varies);
    Parameters& parameters = at->second->parameters;
    for (std::size_t p = 0; p < parameters.size(); ++p) {
      if (parameters[p].second != own[p].second) of_trials.insert(own[p].first);
    }
    parameters = std::move(own);
  });
  for (SettingRow& row : board.rows) {
    std::erase_if(row.parameters, [&](const auto& parameter) { return of_trials.contains(parameter.first); });
  }
  return board;
}

}  // namespace shoal
