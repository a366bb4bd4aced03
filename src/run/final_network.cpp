#include "run/final_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "train/progress_meter.hpp"

namespace shoal::run {
namespace {

/// What the ids of a setting's first trials end with, where there are folds.
constexpr std::string_view kFirstFold = ".f0";

/// The first trial of every setting in `wanted`, by the setting's id.
std::map<std::string, Trial> first_trials(const Trials& trials, const std::vector<SettingRow>& wanted) {
  std::map<std::string, Trial> found;
  for (const SettingRow& row : wanted) found.emplace(row.id, Trial{});
  const std::uint64_t n_a_setting = trials.size() / trials.n_settings();
  for (std::uint64_t setting = 0; setting < trials.n_settings(); ++setting) {
    Trial trial = trials.at(setting * n_a_setting);
    const auto at = found.find(setting_id(trial));
    if (at != found.end()) at->second = std::move(trial);
  }
  return found;
}

/// The best of a setting's trials, as the directory has them.
std::string best_trial(const store::RunDirectory& directory, const SettingRow& setting, const SweepSpec& spec) {
  std::string best;
  double best_metric = std::numeric_limits<double>::quiet_NaN();
  for (std::uint32_t repeat = 0; repeat < setting.n_trials; ++repeat) {
    const std::string id = repeat == 0 ? setting.id : setting.id + ".r" + std::to_string(repeat);
    const double metric = directory.row(id).metrics.of(spec.metric);
    if (best.empty() || train::is_better(metric, best_metric, spec.maximize)) {
      best = id;
      best_metric = metric;
    }
  }
  return best;
}

/// The metrics of a network on data.test, where there is one.
std::optional<MetricValues> test_of(Engine& engine, const Dataset& dataset, const Trial& trial,
                                    std::vector<float> parameters) {
  if (dataset.test.empty()) return std::nullopt;
  TrialState state = initial_state(trial);
  state.parameters = std::move(parameters);
  return Alone(engine, trial, state).test(dataset.task());
}

/// Trains the setting on all rows, and stores the network. Nothing where `stop` came first.
std::optional<FinalNetwork> final_of_all_rows(const PreparedSweep& sweep, const SweepSpec& spec,
                                              store::RunDirectory& directory, const SettingRow& setting,
                                              const std::stop_token& stop) {
  const Dataset all_rows = with_all_rows_trained(*sweep.dataset, spec.data);
  const std::unique_ptr<Engine> engine = make_engine(sweep.engine->name(), all_rows, engine_options(spec));
  std::optional<LoneNetwork> network = train_on_all_rows(*engine, sweep, directory, setting, stop);
  if (!network) return std::nullopt;
  const std::string id = network->trial.id;
  const auto test = test_of(*engine, all_rows, network->trial, network->state.parameters);
  // Whose scaling the manifest has behind those of the folds.
  network->trial.fold = static_cast<std::uint32_t>(sweep.dataset->splits.size());
  directory.keep({std::move(network->trial), std::move(network->state.parameters), setting.mean});
  return FinalNetwork{id, setting, test};
}

/// Stores a trial's network that is not among the best, only its setting is: training it again gives the same one.
/// False where `stop` came first.
bool train_again(const PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory,
                 const std::string& id, const std::stop_token& stop) {
  const Ancestry ancestry = ancestry_of(directory, id);
  std::optional<LoneNetwork> network =
      train_alone(*sweep.engine, sweep.initial_parameters, trial_named(sweep.trials, ancestry.root), ancestry.takeovers,
                  directory.curve(id).back().epoch, stop);
  if (!network) return false;
  network->trial.id = id;
  directory.keep(
      {std::move(network->trial), std::move(network->state.parameters), directory.row(id).metrics.of(spec.metric)});
  return true;
}

}  // namespace

std::optional<LoneNetwork> train_on_all_rows(Engine& engine, const PreparedSweep& sweep,
                                             const store::RunDirectory& directory, const SettingRow& setting,
                                             const std::stop_token& stop) {
  const Ancestry ancestry = ancestry_of(directory, setting.id + std::string(kFirstFold));
  Trial root = trial_named(sweep.trials, ancestry.root);
  root.hyperparameters.n_iter_no_change = 0;  // there is nothing to be patient about
  std::optional<LoneNetwork> network =
      train_alone(engine, sweep.initial_parameters, std::move(root), ancestry.takeovers,
                  static_cast<std::uint32_t>(std::lround(setting.epochs)), stop);
  if (network) network->trial.id = setting.id + std::string(kAllRows);
  return network;
}

std::optional<FinalNetwork> final_network(const PreparedSweep& sweep, const SweepSpec& spec,
                                          store::RunDirectory& directory, const std::string& best_kept,
                                          const std::stop_token& stop) {
  FinalNetwork found;
  if (best_kept.empty()) return found;
  const auto test_of_stored = [&](const std::string& id) {
    store::StoredNetwork network = directory.network(id);
    return test_of(*sweep.engine, *sweep.dataset, network.trial, std::move(network.parameters));
  };
  const bool has_folds = sweep.dataset->splits.size() > 1;
  if (!has_folds && spec.repeat < 2) {
    found.id = best_kept;
    found.test = test_of_stored(found.id);
    return found;
  }
  const std::vector<SettingRow> ranked = setting_means(directory, spec.metric, spec.maximize);
  const std::map<std::string, Trial> trials = first_trials(sweep.trials, ranked);
  const SettingRow* setting = chosen(ranked, spec.choice, [&](const std::string& id) {
    // A copy has the layers of its first ancestor.
    const std::string root = ancestry_of(directory, has_folds ? id + std::string(kFirstFold) : id).root;
    return trials.at(root.substr(0, root.find('.'))).topology.n_parameters();
  });
  if (setting == nullptr) return found;
  if (has_folds) return final_of_all_rows(sweep, spec, directory, *setting, stop);
  found.setting = *setting;
  found.id = best_trial(directory, *setting, spec);
  const std::vector<std::string> kept = directory.kept();
  if (!std::ranges::binary_search(kept, found.id) && !train_again(sweep, spec, directory, found.id, stop)) {
    return std::nullopt;
  }
  found.test = test_of_stored(found.id);
  return found;
}

}  // namespace shoal::run
