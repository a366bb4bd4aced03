#include <map>

#include "shoal/error.hpp"
#include "shoal/run.hpp"
#include "store/run_directory.hpp"

namespace shoal {

Leaderboard leaderboard(const std::filesystem::path& run, std::size_t n, std::optional<Metric> metric) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const store::Manifest& manifest = directory.manifest();
  Leaderboard board;
  board.metric = metric.value_or(manifest.metric);
  if (!metric_applies(board.metric, manifest.task)) {
    throw InputError(Diagnostic{{},
                                0,
                                "--by " + std::string(name(board.metric)),
                                "means nothing for a " + std::string(name(manifest.task)) + " run"});
  }
  board.maximize = !metric || *metric == manifest.metric ? manifest.maximize : larger_is_better(*metric);
  board.n_trials = directory.size();
  const std::vector<store::StoredRow> all = directory.best(board.n_trials, board.metric, board.maximize);
  std::map<std::string, std::string> first;
  std::map<std::string, bool> varies;
  for (const store::StoredRow& row : all) {
    for (const auto& [parameter, text] : row.parameters) {
      const auto [place, is_new] = first.try_emplace(parameter, text);
      if (!is_new && place->second != text) varies[parameter] = true;
    }
  }
  for (const store::StoredRow& row : all) {
    if (board.rows.size() == n) break;
    LeaderboardRow line{static_cast<std::uint32_t>(board.rows.size() + 1),
                        row.id,
                        row.status,
                        row.epochs,
                        row.metrics.of(board.metric),
                        {}};
    for (const auto& [parameter, text] : row.parameters) {
      if (varies[parameter]) line.parameters.emplace_back(parameter, text);
    }
    board.rows.push_back(std::move(line));
  }
  return board;
}

}  // namespace shoal
