#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "report/page_text.hpp"
#include "report/report_json.hpp"
#include "report/trial_table.hpp"
#include "report/validation_rows.hpp"
#include "shoal/run.hpp"
#include "store/atomic_file.hpp"
#include "store/claim.hpp"
#include "store/run_directory.hpp"
#include "store/run_state.hpp"
#include "store/setting_means.hpp"

namespace shoal {
namespace {

/// The setting that won; of a run that is not done, the best one so far.
std::string winning_setting(const store::RunDirectory& directory, const std::vector<SettingRow>& settings) {
  const store::Manifest& manifest = directory.manifest();
  if (settings.empty()) return {};
  if (manifest.status == "done") return std::string(report::setting_of(manifest.winner));
  const std::vector<SettingRow> best = store::contenders(settings, Choice::best);
  return best.empty() ? std::string() : best.front().id;
}

/// The best trial of a setting, or the one that the run hands out. A network that was trained on all rows has none to
/// validate on.
std::string trial_of(const std::string& setting, const store::RunDirectory& directory,
                     const report::TrialTable& table) {
  const std::string& winner = directory.manifest().winner;
  if (report::setting_of(winner) == setting && directory.has(winner)) return winner;
  const auto best =
      std::ranges::find_if(table.ids, [&](const std::string& id) { return report::setting_of(id) == setting; });
  return best == table.ids.end() ? std::string() : *best;
}

/// The run's winner; of a run that has none yet, the best trial so far.
std::string winning_trial(const store::RunDirectory& directory, const report::TrialTable& table) {
  const std::string& winner = directory.manifest().winner;
  if (table.size() == 0 || !winner.empty()) return winner;
  const bool is_winner = table.statuses[0] != TrialStatus::diverged && std::isfinite(table.ranked[0]);
  return is_winner ? table.ids[0] : std::string();
}

report::Winner winner_of(const store::RunDirectory& directory, const report::TrialTable& table,
                         const std::vector<SettingRow>& settings) {
  if (settings.empty()) return {"", winning_trial(directory, table)};
  const std::string setting = winning_setting(directory, settings);
  return {setting, setting.empty() ? std::string() : trial_of(setting, directory, table)};
}

/// Ranked; none where each has one trial, so that trials are what there is to rank.
std::vector<SettingRow> settings_of(const store::RunDirectory& directory) {
  const store::Manifest& manifest = directory.manifest();
  if (manifest.n_trials <= manifest.n_settings) return {};
  return store::setting_means(directory, manifest.metric, manifest.maximize);
}

}  // namespace

ReportSummary write_report(const std::filesystem::path& run, const std::filesystem::path& out) {
  const bool was_claimed = store::is_claimed(run);
  const store::RunDirectory directory = store::RunDirectory::open(run);
  const RunState state = store::run_state(directory.manifest().status, was_claimed, run);
  const report::TrialTable table = report::read_trials(directory);
  const std::vector<SettingRow> settings = settings_of(directory);
  const report::Winner winner = winner_of(directory, table, settings);
  const report::ValidationRows rows = report::validation_rows(directory, winner.trial);
  const nlohmann::ordered_json data = report::report_json(directory, state, table, settings, rows, winner);
  const std::string json = data.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  const std::string page = report::page_with(report::inside_html(json));
  ReportSummary summary;
  summary.out = out.empty() ? run / "report.html" : out;
  summary.n_trials = table.size();
  summary.n_shown = data["trials"]["id"].size();
  summary.bytes = page.size();
  summary.winner = directory.manifest().winner.empty() ? winner.trial : directory.manifest().winner;
  summary.no_validation = rows.why_not;
  store::write_atomically(summary.out, page);
  return summary;
}

}  // namespace shoal
