#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>

#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// Which parameters, by their place among all of them, have more than one value in these rows. Not to have a value is
/// none: adam's beta_1 beside sgd tells no more than the solver does.
std::vector<bool> varying(const std::vector<store::StoredRow>& rows) {
  std::vector<bool> varies(parameter_names().size(), false);
  std::vector<std::string_view> first(varies.size());
  for (const store::StoredRow& row : rows) {
    for (std::size_t p = 0; p < std::min(varies.size(), row.parameters.size()); ++p) {
      const std::string& text = row.parameters[p].second;
      if (text.empty()) continue;
      if (first[p].empty()) first[p] = text;
      if (text != first[p]) varies[p] = true;
    }
  }
  return varies;
}

}  // namespace

Leaderboard leaderboard(const std::filesystem::path& run, std::size_t n, std::optional<Metric> metric) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Manifest& manifest = directory.manifest();
  Leaderboard board;
  board.metric = metric.value_or(manifest.metric);
  if (!metric_applies(board.metric, manifest.task)) {
    throw InputError(Diagnostic{"", 0, "metric " + std::string(name(board.metric)),
                                "means nothing for a " + std::string(name(manifest.task)) + " run"});
  }
  board.maximize = board.metric == manifest.metric ? manifest.maximize : larger_is_better(board.metric);
  board.n_trials = directory.size();
  std::vector<store::StoredRow> rows = directory.best(directory.size(), board.metric, board.maximize);
  const std::vector<bool> varies = varying(rows);
  if (rows.size() > n) rows.resize(n);
  for (store::StoredRow& row : rows) {
    LeaderboardRow& line = board.rows.emplace_back();
    line.rank = static_cast<std::uint32_t>(board.rows.size());
    line.id = row.id;
    line.status = row.status;
    line.epochs = row.epochs;
    line.metric = row.metrics.of(board.metric);
    for (std::size_t p = 0; p < row.parameters.size(); ++p) {
      if (varies.at(p)) line.parameters.push_back(std::move(row.parameters[p]));
    }
  }
  return board;
}

}  // namespace shoal
