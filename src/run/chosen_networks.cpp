#include "run/chosen_networks.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fmt/format.h>
#include <optional>
#include <tuple>
#include <utility>

#include "run/ensemble_file.hpp"
#include "shoal/error.hpp"

namespace shoal::run {
namespace {

constexpr std::string_view kTop = "top:";

InputError wrong_choice(std::string_view which, const std::string& message) {
  return InputError(Diagnostic{"", 0, "'" + std::string(which) + "'", message});
}

std::size_t count_of(std::string_view which) {
  if (which == "best") return 1;
  const std::string_view digits = which.substr(kTop.size());
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc{} || end != digits.data() + digits.size() || count == 0) {
    throw wrong_choice(which, "must be top: and a number of at least 1, for example top:5");
  }
  return count;
}

std::string why_too_few(const store::RunDirectory& directory, std::size_t n_stored) {
  const store::Totals totals = directory.totals();
  if (totals.n_trials == 0) return "no trial of the run has ended yet, by its last checkpoint";
  if (totals.n_diverged == totals.n_trials) {
    return fmt::format("the run holds no network: of {} trials that have ended all diverged", totals.n_trials);
  }
  return fmt::format(
      "the run holds {} networks with a finite metric; trainer.keep says how many are stored of those that have ended",
      n_stored);
}

}  // namespace

std::vector<std::string> best_stored(const store::RunDirectory& directory, std::size_t count) {
  std::vector<std::tuple<bool, double, std::string>> ranked;
  for (const std::string& id : directory.kept()) {
    const std::optional<TrialStatus> status = directory.status(id);
    if (!status) continue;  // of no trial: a setting that was trained on all rows
    const double metric = directory.network(id).metric;
    if (!std::isfinite(metric)) continue;
    ranked.emplace_back(*status == TrialStatus::pruned, directory.manifest().maximize ? -metric : metric, id);
  }
  std::ranges::sort(ranked);
  std::vector<std::string> ids;
  for (std::size_t i = 0; i < std::min(count, ranked.size()); ++i) ids.push_back(std::get<std::string>(ranked[i]));
  return ids;
}

std::vector<ChosenNetwork> chosen_networks(const store::RunDirectory& directory, std::string_view which) {
  std::vector<ChosenNetwork> chosen;
  if (which == "ensemble") {
    const std::vector<std::string> stored = directory.kept();
    const Ensemble ensemble = read_ensemble(directory.path());
    for (const Ensemble::Member& member : ensemble.members) {
      if (!std::ranges::binary_search(stored, member.id)) {
        throw InputError(Diagnostic{ensemble.file.string(), 0, "",
                                    "was chosen before the run went on, which has not kept network " + member.id +
                                        "; `shoal ensemble` chooses again"});
      }
      chosen.push_back({member.id, static_cast<double>(member.times)});
    }
    return chosen;
  }
  const std::string& winner = directory.manifest().winner;
  if (!winner.empty() && (which == "best" || which == winner)) return {{winner}};
  if (which != "best" && !which.starts_with(kTop)) return {{directory.row(which).id}};
  const std::size_t count = count_of(which);
  for (const std::string& id : best_stored(directory, count)) chosen.push_back({id});
  if (chosen.size() < count) throw wrong_choice(which, why_too_few(directory, chosen.size()));
  return chosen;
}

std::string chosen_network(const store::RunDirectory& directory, std::string_view which) {
  if (which == "ensemble" || which.starts_with(kTop)) {
    throw wrong_choice(which, "must be one network: an id or its beginning, or best");
  }
  return chosen_networks(directory, which).front().id;
}

}  // namespace shoal::run
