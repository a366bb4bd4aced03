#include "run/final_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "store/setting_means.hpp"
#include "train/progress_meter.hpp"

namespace shoal::run {
namespace {

/// The id of a setting's first trial.
std::string first_of(const PreparedSweep& sweep, const std::string& setting) {
  return sweep.dataset->splits.size() > 1 ? setting + ".f0" : setting;
}

/// Of these settings the one with the smallest network; ties by their order, which is by rank.
const SettingRow& smallest(const PreparedSweep& sweep, const store::RunDirectory& directory,
                           const std::vector<SettingRow>& contenders) {
  if (contenders.size() == 1) return contenders.front();
  std::map<std::string, std::string> root_of;  // settings; a copy has the layers of its first ancestor
  std::map<std::string, std::size_t> n_parameters;
  for (const SettingRow& row : contenders) {
    const std::string root = ancestry_of(directory, first_of(sweep, row.id)).root;
    n_parameters[root_of[row.id] = root.substr(0, root.find('.'))] = 0;
  }
  const std::uint64_t n_a_setting = sweep.trials.size() / sweep.trials.n_settings();
  std::size_t n_left = n_parameters.size();
  for (std::uint64_t setting = 0; setting < sweep.trials.n_settings() && n_left > 0; ++setting) {
    const Trial trial = sweep.trials.at(setting * n_a_setting);
    const auto found = n_parameters.find(setting_id(trial));
    if (found == n_parameters.end()) continue;
    found->second = trial.topology.n_parameters();
    --n_left;
  }
  return *std::ranges::min_element(contenders, {},
                                   [&](const SettingRow& row) { return n_parameters.at(root_of.at(row.id)); });
}

/// The id of the best of a setting's trials that did not diverge, as the directory has them.
std::string best_of(const PreparedSweep& sweep, const std::string& setting, const store::RunDirectory& directory,
                    const SweepSpec& spec) {
  std::string best;
  double best_metric = std::numeric_limits<double>::quiet_NaN();
  const std::uint64_t first = trial_named(sweep.trials, first_of(sweep, setting)).number;
  const std::uint64_t n_a_setting = sweep.trials.size() / sweep.trials.n_settings();
  for (std::uint64_t number = first; number < first + n_a_setting; ++number) {
    const std::string id = sweep.trials.at(number).id;
    if (!directory.has(id)) continue;  // a fold that a rung spared
    const store::StoredRow row = directory.row(id);
    const double metric = row.metrics.of(spec.metric);
    if (row.status == TrialStatus::diverged || !train::is_better(metric, best_metric, spec.maximize)) continue;
    best = row.id;
    best_metric = metric;
  }
  return best;
}

/// Trains a trial of the sweep again and stores its network, if that is not there: it did not rank among the best
/// trials, only its setting did, or a disk failed. The same training gives the same network. False where `stop` came
/// first.
bool store_network(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, const std::string& id,
                   const std::stop_token& stop) {
  if (std::ranges::binary_search(directory.kept(), id)) return true;
  std::optional<LoneNetwork> network =
      train_again(*sweep.engine, sweep.initial_parameters, sweep.trials, directory, id, stop);
  if (!network) return false;
  directory.keep(
      {std::move(network->trial), std::move(network->state.parameters), directory.row(id).metrics.of(spec.metric)});
  return true;
}

/// The metrics of a network on data.test, where there is one.
std::optional<MetricValues> test_of(Engine& engine, const Dataset& dataset, const Trial& trial,
                                    const std::vector<float>& parameters) {
  if (dataset.test.empty()) return std::nullopt;
  TrialState state = initial_state(trial);
  state.parameters = parameters;
  return Alone(engine, trial, state).test(dataset.task());
}

/// Trains a setting on all rows and stores its network; where it diverges, found.id is empty and the sweep has an
/// engine again. False where `stop` came first.
bool take_all_rows(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, FinalNetwork& found,
                   const std::stop_token& stop, const std::optional<PausedTrial>& refit) {
  const std::string engine_name(sweep.engine->name());
  AllRows all(sweep, spec);
  Pauses pauses;
  if (refit && refit->result.trial.id == found.setting->id + std::string(kAllRows)) pauses.from = refit->state;
  pauses.every_s = spec.trainer.checkpoint_every_s;
  pauses.save = [&](const LoneNetwork& paused) {
    PausedTrial trial;
    trial.result.trial = paused.trial;
    trial.state = paused.state;
    const PausedTrial* const alone = &trial;
    directory.checkpoints().write(std::span(&alone, 1), directory.results_mark());
  };
  std::optional<LoneNetwork> network = train_on_all_rows(all, sweep, directory, *found.setting, stop, pauses);
  if (!network) return false;
  if (network->state.status == TrialStatus::diverged) {
    all.engine.reset();
    sweep.engine = make_engine(engine_name, *sweep.dataset, engine_options(spec, sweep.costs.costs));
    return true;
  }
  found.id = network->trial.id;
  found.test = test_of(*all.engine, all.dataset, network->trial, network->state.parameters);
  // Whose scaling the manifest has behind those of the folds.
  network->trial.fold = static_cast<std::uint32_t>(sweep.dataset->splits.size());
  directory.keep({std::move(network->trial), std::move(network->state.parameters), found.setting->mean});
  return true;
}

/// Makes one of the sweep's trials the network that is handed out. False where `stop` came first.
bool take_trial(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, const std::string& id,
                FinalNetwork& found, const std::stop_token& stop) {
  if (!store_network(sweep, spec, directory, id, stop)) return false;
  found.id = id;
  const store::StoredNetwork network = directory.network(id);
  found.test = test_of(*sweep.engine, *sweep.dataset, network.trial, network.parameters);
  return true;
}

}  // namespace

AllRows::AllRows(PreparedSweep& sweep, const SweepSpec& spec) : dataset(*sweep.dataset) {
  const std::string engine_name(sweep.engine->name());
  sweep.engine.reset();
  dataset.splits = {all_rows(*sweep.dataset, spec.data)};
  engine = make_engine(engine_name, dataset, engine_options(spec, sweep.costs.costs));
}

std::optional<LoneNetwork> train_on_all_rows(AllRows& all, const PreparedSweep& sweep,
                                             const store::RunDirectory& directory, const SettingRow& setting,
                                             const std::stop_token& stop, const Pauses& pauses) {
  Lineage lineage = lineage_of(sweep.trials, directory, first_of(sweep, setting.id));
  lineage.own.id = setting.id + std::string(kAllRows);
  // All rows are trained on, so there is nothing to be patient about; but adaptive rates count the same epochs.
  Hyperparameters& h = lineage.root.hyperparameters;
  if (h.learning_rate != Schedule::adaptive) h.n_iter_no_change = 0;
  return train_alone(*all.engine, sweep.initial_parameters, lineage,
                     static_cast<std::uint32_t>(std::lround(setting.epochs)), stop, pauses);
}

std::optional<FinalNetwork> final_network(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory,
                                          const RunOptions& options, const std::optional<PausedTrial>& refit) {
  const std::stop_token& stop = options.stop;
  FinalNetwork found;
  const auto take = [&](const std::string& id) {
    return take_trial(sweep, spec, directory, id, found, stop) ? std::optional(found) : std::nullopt;
  };
  const bool has_folds = sweep.dataset->splits.size() > 1;
  if (!has_folds && spec.repeat < 2) {
    const std::vector<store::StoredRow> best = directory.best(1, spec.metric, spec.maximize);
    if (best.empty() || best[0].status == TrialStatus::diverged || !std::isfinite(best[0].metrics.of(spec.metric))) {
      return found;
    }
    return take(best[0].id);
  }
  const std::vector<SettingRow> ranked = store::setting_means(directory, spec.metric, spec.maximize);
  const std::vector<SettingRow> some = store::contenders(ranked, spec.choice);
  if (some.empty()) return found;
  found.setting = smallest(sweep, directory, some);
  if (has_folds) {
    if (options.on_refit) options.on_refit(*found.setting);
    if (!take_all_rows(sweep, spec, directory, found, stop, refit)) return std::nullopt;
    if (!found.id.empty()) return found;
    found.note = "setting " + found.setting->id + " diverges on all rows: the network of its best fold is handed out";
  }
  return take(best_of(sweep, found.setting->id, directory, spec));
}

}  // namespace shoal::run
