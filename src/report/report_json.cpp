#include "report/report_json.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fmt/format.h>
#include <map>
#include <nlohmann/json.hpp>
#include <numeric>

#include "report/curve_bands.hpp"
#include "report/importance.hpp"
#include "report/rung_survival.hpp"
#include "report/sampling.hpp"
#include "report/settings_json.hpp"
#include "shoal/error.hpp"

namespace shoal::report {
namespace {

using nlohmann::ordered_json;

/// Numbers with a 0 among powers fit no axis; so few of them are shown as words.
constexpr std::size_t kMostWords = 12;

ordered_json numbers(const std::vector<double>& values) {
  ordered_json out = ordered_json::array();
  for (const double value : values) out.push_back(six_digits(value));
  return out;
}

template <class Value>
ordered_json picked(const std::vector<Value>& values, const std::vector<std::size_t>& rows) {
  ordered_json out = ordered_json::array();
  for (const std::size_t row : rows) {
    if constexpr (std::is_same_v<Value, double>) {
      out.push_back(six_digits(values[row]));
    } else {
      out.push_back(values[row]);
    }
  }
  return out;
}

std::string scale_of(const ParameterColumn& column) {
  if (column.numbers.empty()) return "words";
  if (is_spread_by_factors(column.numbers)) return "log";
  std::vector<double> positive = column.numbers;
  std::erase_if(positive, [](double number) { return number == 0; });
  const bool is_log_with_zero = positive.size() < column.numbers.size() && is_spread_by_factors(positive);
  return is_log_with_zero && column.levels.size() <= kMostWords ? "words" : "linear";
}

ordered_json parameters_json(const TrialTable& table, const std::vector<std::size_t>& rows) {
  ordered_json out = ordered_json::array();
  for (const ParameterColumn& column : table.parameters) {
    ordered_json levels = ordered_json::array();
    for (std::size_t l = 0; l < column.levels.size(); ++l) {
      if (column.numbers.empty() || column.levels[l].empty()) {
        levels.push_back(column.levels[l]);
      } else {
        levels.push_back(column.numbers[l]);
      }
    }
    out.push_back({{"name", column.name},
                   {"scale", scale_of(column)},
                   {"levels", levels},
                   {"codes", picked(column.codes, rows)}});
  }
  return out;
}

ordered_json trials_json(const TrialTable& table, Task task) {
  const std::vector<std::size_t> rows = thinned(table.size(), kMostShown, kBestShown);
  std::vector<std::string> statuses;
  for (const TrialStatus status : table.statuses) statuses.emplace_back(name(status));
  ordered_json metrics = ordered_json::object();
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (!metric_applies(metric, task)) continue;
    std::vector<double> values;
    for (const std::size_t row : rows) values.push_back(table.metrics[row].of(metric));
    metrics[std::string(name(metric))] = numbers(values);
  }
  return {{"rank", rows},
          {"id", picked(table.ids, rows)},
          {"status", picked(statuses, rows)},
          {"epochs", picked(table.epochs, rows)},
          {"best_epoch", picked(table.best_epochs, rows)},
          {"seconds", picked(table.seconds, rows)},
          {"metrics", metrics},
          {"parameters", parameters_json(table, rows)}};
}

ordered_json curves_json(const CurveBands& bands, const TrialTable& table) {
  constexpr std::array<const char*, kCurveValues> kNames{"metric", "val_loss", "train_loss"};
  ordered_json quantiles = ordered_json::object();
  ordered_json curves = ordered_json::array();
  for (std::size_t which = 0; which < kCurveValues; ++which) {
    for (const CurveBands::Series& series : bands.quantiles[which]) quantiles[kNames[which]].push_back(numbers(series));
  }
  for (const CurveBands::Curve& curve : bands.curves) {
    ordered_json values = ordered_json::object();
    for (std::size_t which = 0; which < kCurveValues; ++which) values[kNames[which]] = numbers(curve.values[which]);
    curves.push_back({{"rank", curve.trial}, {"id", table.ids[curve.trial]}, {"values", values}});
  }
  return {{"epochs", bands.epochs},
          {"n_trials", bands.n_trials},
          {"n_there", bands.n_there},
          {"quantiles", quantiles},
          {"curves", curves}};
}

ordered_json importance_json(const TrialTable& table) {
  const Importance importance = importance_of(table);
  ordered_json alone = ordered_json::array();
  ordered_json pairs = ordered_json::array();
  const auto name_of = [&](std::size_t p) { return table.parameters[p].name; };
  for (const auto& [p, share] : importance.alone) {
    alone.push_back({{"parameter", name_of(p)}, {"share", six_digits(share)}});
  }
  for (const auto& [first, second, share] : importance.pairs) {
    pairs.push_back({{"parameters", {name_of(first), name_of(second)}}, {"share", six_digits(share)}});
  }
  return {{"alone", alone}, {"pairs", pairs}};
}

ordered_json rungs_json(const TrialTable& table) {
  const RungSurvival survival = rung_survival(table);
  ordered_json rungs = ordered_json::array();
  for (const Rung& rung : survival.rungs) {
    rungs.push_back({{"epoch", rung.epoch},
                     {"ended_before", rung.n_ended_before},
                     {"pruned", rung.n_pruned},
                     {"left", rung.n_left}});
  }
  return {{"n_settings", survival.n_settings}, {"rungs", rungs}};
}

ordered_json validation_json(const ValidationRows& rows, bool has_folds) {
  ordered_json confusions = ordered_json::array();
  ordered_json fits = ordered_json::array();
  for (const Confusion& confusion : rows.confusions) {
    confusions.push_back({{"label", confusion.label}, {"classes", confusion.classes}, {"counts", confusion.counts}});
  }
  for (const TargetFit& fit : rows.fits) {
    fits.push_back({{"name", fit.name},
                    {"actual", numbers(fit.actual)},
                    {"predicted", numbers(fit.predicted)},
                    {"rmse", six_digits(fit.rmse)},
                    {"mae", six_digits(fit.mae)}});
  }
  return {{"why_not", rows.why_not},
          {"fold", has_folds ? ordered_json(rows.fold) : ordered_json()},
          {"n_rows", rows.n_rows},
          {"confusions", confusions},
          {"fits", fits}};
}

ordered_json metrics_json(const MetricValues& values, Task task) {
  ordered_json out = ordered_json::object();
  for (std::size_t m = 0; m < kMetricCount; ++m) {
    const auto metric = static_cast<Metric>(m);
    if (metric_applies(metric, task)) out[std::string(name(metric))] = six_digits(values.of(metric));
  }
  return out;
}

ordered_json winner_json(const store::RunDirectory& directory, const std::string& winner, Task task) {
  if (winner.empty()) return {};
  const store::StoredRow row = directory.row(winner);
  ordered_json parameters = ordered_json::array();
  for (const auto& [parameter, text] : row.parameters) {
    if (!text.empty()) parameters.push_back({parameter, text});
  }
  return {{"id", row.id},
          {"status", name(row.status)},
          {"epochs", row.epochs},
          {"best_epoch", row.best_epoch},
          {"metrics", metrics_json(row.metrics, task)},
          {"parameters", parameters}};
}

/// How the trials ended, and what they took. training_rows: of an epoch; 0: not known.
ordered_json totals_json(const TrialTable& table, double training_rows) {
  std::map<std::string, std::uint64_t> statuses;
  double epochs = 0;
  for (std::size_t row = 0; row < table.size(); ++row) {
    ++statuses[std::string(name(table.statuses[row]))];
    epochs += table.epochs[row];
  }
  std::vector<double> finite;
  for (std::size_t row = 0; row < table.size(); ++row) {
    if (table.statuses[row] != TrialStatus::diverged && std::isfinite(table.ranked[row])) {
      finite.push_back(table.ranked[row]);
    }
  }
  std::ranges::sort(finite);
  return {{"n_ended", table.size()},
          {"statuses", statuses},
          {"epochs", epochs},
          {"seconds", six_digits(std::accumulate(table.seconds.begin(), table.seconds.end(), 0.0))},
          {"training_rows", six_digits(training_rows)},
          {"median", six_digits(quantile(finite, 0.5))}};
}

/// What the resolved sweep file says; a word each where this version can still read it.
ordered_json sweep_json(const store::Manifest& manifest) {
  ordered_json out = {{"text", manifest.sweep_yaml}, {"method", ""}, {"early_terminate", ""}};
  try {
    const std::filesystem::path file = manifest.sweep_file;
    const SweepSpec spec = parse_sweep(manifest.sweep_yaml, manifest.sweep_file, file.parent_path());
    out["method"] = name(spec.method);
    out["early_terminate"] = name(spec.early_terminate.type);
  } catch (const Error&) {
    // The page then says nothing of these two.
  }
  return out;
}

std::string_view status_word(RunState state) {
  switch (state) {
    case RunState::running:
      return "running";
    case RunState::done:
      return "done";
    case RunState::stopped:
      return "interrupted";
    case RunState::killed:
      return "killed";
  }
  return {};
}

}  // namespace

double six_digits(double value) {
  return std::isfinite(value) ? std::strtod(fmt::format("{:.6g}", value).c_str(), nullptr) : value;
}

ordered_json report_json(const store::RunDirectory& directory, RunState state, const TrialTable& table,
                         const std::vector<SettingRow>& settings, const ValidationRows& rows, const Winner& winner) {
  const store::Manifest& m = directory.manifest();
  return {{"run",
           {{"directory", directory.path().string()},
            {"status", status_word(state)},
            {"winner", m.winner},
            {"sweep_file", m.sweep_file},
            {"version", m.version},
            {"engine", m.engine},
            {"engine_detail", m.engine_detail},
            {"precision", name(m.precision)},
            {"dataset", m.dataset_name},
            {"dataset_hash", fmt::format("{:016x}", m.dataset_hash)},
            {"task", name(m.task)},
            {"n_trials", m.n_trials},
            {"n_settings", m.n_settings}}},
          {"sweep", sweep_json(m)},
          {"metric", {{"name", name(m.metric)}, {"maximize", m.maximize}}},
          {"totals", totals_json(table, rows.training_rows)},
          {"winner", winner_json(directory, winner.trial, m.task)},
          {"test", m.test ? metrics_json(*m.test, m.task) : ordered_json()},
          {"trials", trials_json(table, m.task)},
          {"settings", settings_json(settings, table, winner.setting)},
          {"curves", curves_json(curve_bands(directory, table), table)},
          {"importance", importance_json(table)},
          {"rungs", rungs_json(table)},
          {"validation", validation_json(rows, m.splits.size() > 1)}};
}

}  // namespace shoal::report
