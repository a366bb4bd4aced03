#include "run/final_network.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "train/progress_meter.hpp"
#include "train/trial_result.hpp"

namespace shoal::run {
namespace {

/// Engine and place for one network.
class Alone {
 public:
  Alone(Engine& engine, const Trial& trial, const TrialState& state) : engine_(&engine) {
    const Hyperparameters& h = trial.hyperparameters;
    const Gang gang{gang_key(trial), 0, 1, h.n_iter_no_change > 0, h.dropout > 0};
    engine.prepare(std::span(&gang, 1));
    engine.place(kSlot, trial, state);
  }
  /// False where `stop` came first.
  [[nodiscard]] bool train(std::uint32_t until, const std::stop_token& stop) {
    const TrainTarget target{kSlot, until};
    std::vector<EpochRecord> records;
    std::vector<Slot> lost;
    engine_->train(std::span(&target, 1), stop, records, lost);
    if (!lost.empty()) return false;
    const TrialState state = engine_->read(kSlot);
    return state.status != TrialStatus::running || state.epoch >= until;
  }
  [[nodiscard]] MetricValues test(Task task) const {
    return train::metrics_of(task, engine_->evaluate(std::span(&kSlot, 1), RowSet::test).at(0));
  }
  [[nodiscard]] std::vector<float> parameters() const { return engine_->read(kSlot).parameters; }

 private:
  static constexpr Slot kSlot = 0;
  Engine* engine_;
};

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

/// The test metrics of a network that is stored.
std::optional<MetricValues> test_of(const PreparedSweep& sweep, const store::StoredNetwork& network) {
  if (sweep.dataset->test.empty()) return std::nullopt;
  TrialState state = initial_state(network.trial);
  state.parameters = network.parameters;
  return Alone(*sweep.engine, network.trial, state).test(sweep.dataset->task());
}

/// Trains the setting of `trial` on all rows, and stores the network. False where `stop` came first.
bool train_on_all_rows(const PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, Trial trial,
                       FinalNetwork& found, const std::stop_token& stop) {
  const Dataset whole = with_all_rows_trained(*sweep.dataset, spec.data);
  const std::unique_ptr<Engine> engine =
      make_engine(sweep.engine->name(), whole, engine_options(spec, sweep.costs.costs));
  sweep.initial_parameters.give(trial);
  trial.fold = 0;
  trial.hyperparameters.n_iter_no_change = 0;  // there is nothing to be patient about
  Alone alone(*engine, trial, initial_state(trial));
  if (!alone.train(static_cast<std::uint32_t>(std::lround(found.setting->epochs)), stop)) return false;
  if (!whole.test.empty()) found.test = alone.test(whole.task());
  trial.id = found.id;
  trial.fold =
      static_cast<std::uint32_t>(sweep.dataset->splits.size());  // whose scaling the manifest has behind theirs
  directory.keep({std::move(trial), alone.parameters(), found.setting->mean});
  return true;
}

}  // namespace

std::optional<FinalNetwork> final_network(const PreparedSweep& sweep, const SweepSpec& spec,
                                          store::RunDirectory& directory, const std::string& best_kept,
                                          const std::stop_token& stop) {
  FinalNetwork found;
  if (best_kept.empty()) return found;
  const bool has_folds = sweep.dataset->splits.size() > 1;
  if (!has_folds && spec.repeat < 2) {
    found.id = best_kept;
    found.test = test_of(sweep, directory.network(found.id));
    return found;
  }
  const std::vector<SettingRow> ranked = setting_means(directory, spec.metric, spec.maximize);
  const std::map<std::string, Trial> trials = first_trials(sweep.trials, ranked);
  const SettingRow* setting =
      chosen(ranked, spec.choice, [&](const std::string& id) { return trials.at(id).topology.n_parameters(); });
  if (setting == nullptr) return found;
  found.setting = *setting;
  if (has_folds) {
    found.id = setting->id + ".all";
    if (!train_on_all_rows(sweep, spec, directory, trials.at(setting->id), found, stop)) return std::nullopt;
    return found;
  }
  found.id = best_trial(directory, *setting, spec);
  const std::vector<std::string> kept = directory.kept();
  if (!std::ranges::binary_search(kept, found.id)) {
    // It did not rank among the best trials, only its setting did: training it again gives the same network.
    Trial trial = trials.at(setting->id);
    const std::uint32_t epochs = directory.row(found.id).epochs;
    while (trial.id != found.id) trial = sweep.trials.at(trial.number + 1);
    sweep.initial_parameters.give(trial);
    Alone alone(*sweep.engine, trial, initial_state(trial));
    if (!alone.train(epochs, stop)) return std::nullopt;
    directory.keep({trial, alone.parameters(), directory.row(found.id).metrics.of(spec.metric)});
  }
  found.test = test_of(sweep, directory.network(found.id));
  return found;
}

}  // namespace shoal::run
