#include "run/live_facts.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <utility>

namespace shoal::run {
namespace {

constexpr std::size_t kMostRows = 5;
constexpr std::size_t kMostPoints = 64;

std::vector<std::string> varying_parameters(const SweepSpec& spec) {
  std::vector<std::string> names;
  for (const Axis& axis : spec.axes) {
    if (!axis.distribution && axis.values.size() < 2) continue;
    names.insert(names.end(), axis.parameters.begin(), axis.parameters.end());
  }
  return names;
}

/// `parameters`: name, text.
template <class Parameters>
std::vector<std::pair<std::string, std::string>> those_of(const std::vector<std::string>& names,
                                                          const Parameters& parameters) {
  std::vector<std::pair<std::string, std::string>> some;
  for (const auto& [parameter, text] : parameters) {
    if (std::ranges::find(names, parameter) != names.end()) some.emplace_back(parameter, text);
  }
  return some;
}

}  // namespace

LiveFacts::LiveFacts(const SweepSpec& spec, const store::RunDirectory& directory, const Progress& start)
    : metric_(spec.metric), maximize_(spec.maximize), varying_(varying_parameters(spec)) {
  for (const store::StoredRow& row : directory.best(kMostRows, metric_, maximize_)) {
    if (row.status == TrialStatus::diverged || !std::isfinite(row.metrics.of(metric_))) continue;
    insert({.id = row.id,
            .status = row.status,
            .epochs = row.epochs,
            .metric = row.metrics.of(metric_),
            .parameters = those_of(varying_, row.parameters)});
  }
  reached(start);
}

void LiveFacts::finished(const TrialResult& result) {
  const double metric = result.metrics.of(metric_);
  if (result.status == TrialStatus::diverged || !std::isfinite(metric)) return;
  if (best_.size() == kMostRows && place_of(best_.back()) < place(result.status, metric, result.trial.id)) return;
  insert({.id = result.trial.id,
          .status = result.status,
          .epochs = result.epochs,
          .metric = metric,
          .parameters = those_of(varying_, parameters_of(result.trial))});
}

void LiveFacts::insert(LeaderboardRow&& row) {
  const Place place = place_of(row);
  const auto at = std::ranges::find_if(best_, [&](const LeaderboardRow& other) { return place < place_of(other); });
  best_.insert(at, std::move(row));
  if (best_.size() > kMostRows) best_.pop_back();
}

void LiveFacts::passed(std::span<const RungPassage> passages) {
  for (const RungPassage& passage : passages) {
    if (passage.n_reached == 0) continue;
    auto at = std::ranges::lower_bound(rungs_, passage.epochs, {}, &RungPassage::epochs);
    if (at == rungs_.end() || at->epochs != passage.epochs) at = rungs_.insert(at, {.epochs = passage.epochs});
    at->n_reached += passage.n_reached;
    at->n_went_on += passage.n_went_on;
  }
}

void LiveFacts::reached(const Progress& progress) {
  if (progress.best_id == best_id_) return;
  best_id_ = progress.best_id;
  best_so_far_.push_back({progress.epochs_done, progress.best_metric});
  if (best_so_far_.size() <= kMostPoints) return;
  // The step that the next one follows soonest is missed least.
  std::size_t soonest = 1;
  const auto length = [&](std::size_t i) { return best_so_far_[i + 1].epochs_done - best_so_far_[i].epochs_done; };
  for (std::size_t i = 2; i + 1 < best_so_far_.size(); ++i) {
    if (length(i) < length(soonest)) soonest = i;
  }
  best_so_far_.erase(std::next(best_so_far_.begin(), static_cast<std::ptrdiff_t>(soonest)));
}

void LiveFacts::add_to(Progress& progress) const {
  progress.best = best_;
  for (std::size_t i = 0; i < best_.size(); ++i) progress.best[i].rank = static_cast<std::uint32_t>(i + 1);
  progress.best_so_far = best_so_far_;
  progress.rungs = rungs_;
}

}  // namespace shoal::run
