#include "store/setting_means.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <tuple>
#include <utility>

#include "search/setting_mean.hpp"

namespace shoal::store {
namespace {

/// What rounding may make of the distance between two means, as a share of the best one.
constexpr double kRounding = 1e-10;

/// 0: ran to its end, 1: ended at a rung, 2: diverged.
int grade(TrialStatus status) {
  if (status == TrialStatus::diverged) return 2;
  return status == TrialStatus::pruned ? 1 : 0;
}

TrialStatus worse(TrialStatus a, TrialStatus b) {
  if (grade(a) != grade(b)) return grade(a) > grade(b) ? a : b;
  return std::max(a, b);
}

SettingRow mean_of(const std::string& id, const std::vector<StoredRow>& trials, Metric metric) {
  SettingRow row;
  row.id = id;
  row.n_trials = static_cast<std::uint32_t>(trials.size());
  std::uint64_t epochs = 0;
  double sum = 0;
  for (const StoredRow& trial : trials) {
    row.status = worse(row.status, trial.status);
    epochs += trial.best_epoch;
    sum += trial.metrics.of(metric);
  }
  row.epochs = search::mean(static_cast<double>(epochs), trials.size());
  row.mean = search::mean(sum, trials.size());
  const auto n = static_cast<double>(trials.size());
  double squares = 0;
  for (const StoredRow& trial : trials) squares += std::pow(trial.metrics.of(metric) - sum / n, 2);
  row.standard_error = trials.size() > 1 ? std::sqrt(squares / (n - 1) / n) : std::numeric_limits<double>::quiet_NaN();
  return row;
}

}  // namespace

std::vector<SettingRow> setting_means(const RunDirectory& directory, Metric metric, bool maximize) {
  std::vector<SettingRow> all;
  std::vector<StoredRow> trials;
  std::string id;
  const auto finish = [&] {
    if (!trials.empty()) all.push_back(mean_of(id, trials, metric));
    trials.clear();
  };
  const Manifest& manifest = directory.manifest();
  const auto n_wanted =
      static_cast<std::uint32_t>(manifest.n_settings == 0 ? 0 : manifest.n_trials / manifest.n_settings);
  directory.for_each([&](const StoredRow& row, double) {
    const std::string of_row = row.id.substr(0, row.id.find('.'));
    if (of_row != id) finish();
    id = of_row;
    trials.push_back(row);
  });
  finish();
  for (SettingRow& row : all) row.n_wanted = n_wanted;
  std::ranges::sort(all, {}, [&](const SettingRow& row) {
    const bool is_number = std::isfinite(row.mean);
    return std::tuple(grade(row.status) == 2, !is_number, row.n_trials < row.n_wanted, grade(row.status),
                      is_number ? (maximize ? -row.mean : row.mean) : 0, row.id);
  });
  for (std::size_t i = 0; i < all.size(); ++i) all[i].rank = static_cast<std::uint32_t>(i + 1);
  return all;
}

bool is_repeat(std::string_view id) { return id.find(".r") != std::string_view::npos; }

std::vector<SettingRow> contenders(const std::vector<SettingRow>& ranked, Choice choice) {
  if (ranked.empty() || !std::isfinite(ranked.front().mean) || ranked.front().status == TrialStatus::diverged)
    return {};
  const SettingRow& best = ranked.front();
  std::vector<SettingRow> some{best};
  if (choice == Choice::best || !std::isfinite(best.standard_error)) return some;
  const double reach = best.standard_error + kRounding * std::abs(best.mean);
  for (const SettingRow& row : std::span(ranked).subspan(1)) {
    const bool is_near = std::abs(row.mean - best.mean) <= reach;
    const bool is_whole = row.n_trials >= row.n_wanted || best.n_trials < best.n_wanted;
    if (is_near && is_whole && grade(row.status) == grade(best.status)) some.push_back(row);
  }
  return some;
}

}  // namespace shoal::store
