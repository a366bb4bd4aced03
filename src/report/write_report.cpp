#include <algorithm>
#include <cmath>
#include <string>

#include "report/page_text.hpp"
#include "report/report_json.hpp"
#include "report/trial_table.hpp"
#include "report/validation_rows.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"
#include "store/run_directory.hpp"

namespace shoal {
namespace {

/// The run's winner; the best trial of its setting where that was trained on all rows in the end, so that it has none
/// to validate on; of a run that has none yet, the best trial so far.
std::string winner_of(const store::RunDirectory& directory, const report::TrialTable& table) {
  const std::string& winner = directory.manifest().winner;
  if (table.size() == 0 || (!winner.empty() && directory.has(winner))) return winner;
  const bool is_winner = table.statuses[0] != TrialStatus::diverged && std::isfinite(table.ranked[0]);
  if (winner.empty()) return is_winner ? table.ids[0] : std::string();
  const auto of_setting = [&](const std::string& id) { return report::setting_of(id) == report::setting_of(winner); };
  const auto best = std::ranges::find_if(table.ids, of_setting);
  return best == table.ids.end() ? std::string() : *best;
}

}  // namespace

ReportSummary write_report(const std::filesystem::path& run, const std::filesystem::path& out) {
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const report::TrialTable table = report::read_trials(directory);
  const std::string winner = winner_of(directory, table);
  const report::ValidationRows rows = report::validation_rows(directory, winner);
  const nlohmann::ordered_json data = report::report_json(directory, table, rows, winner);
  const std::string json = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string page = report::page_with(report::inside_html(json));
  ReportSummary summary;
  summary.out = out.empty() ? run / "report.html" : out;
  summary.n_trials = table.size();
  summary.n_shown = data["trials"]["id"].size();
  summary.bytes = page.size();
  summary.winner = winner;
  summary.no_validation = rows.why_not;
  store::write_atomically(summary.out, page);
  return summary;
}

}  // namespace shoal
