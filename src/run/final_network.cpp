#include "run/final_network.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "train/progress_meter.hpp"
#include "train/trial_result.hpp"

namespace shoal::run {
namespace {

/// A network in training by itself.
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
  [[nodiscard]] TrialState state() const { return engine_->read(kSlot); }

 private:
  static constexpr Slot kSlot = 0;
  Engine* engine_;
};

/// The first trial of the smallest of these settings; ties by their order, which is by rank.
Trial smallest(const Trials& trials, const std::vector<SettingRow>& contenders) {
  const std::uint64_t n_a_setting = trials.size() / trials.n_settings();
  std::vector<std::optional<Trial>> found(contenders.size());
  for (std::uint64_t setting = 0, n_left = found.size(); setting < trials.n_settings() && n_left > 0; ++setting) {
    Trial trial = trials.at(setting * n_a_setting);
    const auto at = std::ranges::find(contenders, setting_id(trial), &SettingRow::id);
    if (at == contenders.end()) continue;
    found[static_cast<std::size_t>(at - contenders.begin())] = std::move(trial);
    --n_left;
  }
  return **std::ranges::min_element(found, {},
                                    [](const std::optional<Trial>& trial) { return trial->topology.n_parameters(); });
}

/// The id of the best of a setting's trials that did not diverge, as the directory has them; `first` is their first.
std::string best_of(const Trials& trials, const Trial& first, const store::RunDirectory& directory,
                    const SweepSpec& spec) {
  std::string best;
  double best_metric = std::numeric_limits<double>::quiet_NaN();
  const std::uint64_t n_a_setting = trials.size() / trials.n_settings();
  for (std::uint64_t number = first.number; number < first.number + n_a_setting; ++number) {
    const store::StoredRow row = directory.row(trials.at(number).id);
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
bool store_network(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, Trial trial,
                   const std::stop_token& stop) {
  if (std::ranges::binary_search(directory.kept(), trial.id)) return true;
  const store::StoredRow row = directory.row(trial.id);
  sweep.initial_parameters.give(trial);
  Alone alone(*sweep.engine, trial, initial_state(trial));
  if (!alone.train(row.epochs, stop)) return false;
  directory.keep({std::move(trial), alone.state().parameters, row.metrics.of(spec.metric)});
  return true;
}

std::optional<MetricValues> test_of(PreparedSweep& sweep, const store::StoredNetwork& network) {
  if (sweep.dataset->test.empty()) return std::nullopt;
  TrialState state = initial_state(network.trial);
  state.parameters = network.parameters;
  return Alone(*sweep.engine, network.trial, state).test(sweep.dataset->task());
}

/// Trains a setting on all rows and stores its network, in an engine instead of the sweep's; where it diverges,
/// found.id is empty and the sweep has an engine again. False where `stop` came first.
bool train_on_all_rows(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, Trial trial,
                       FinalNetwork& found, const std::stop_token& stop) {
  const std::string engine_name(sweep.engine->name());
  sweep.engine.reset();  // whose memory the next one needs
  Dataset whole = *sweep.dataset;
  whole.splits = {all_rows(*sweep.dataset, spec.data)};
  const std::unique_ptr<Engine> engine = make_engine(engine_name, whole, engine_options(spec, sweep.costs.costs));
  sweep.initial_parameters.give(trial);
  trial.fold = 0;
  // All rows are trained on, so there is nothing to be patient about; but adaptive rates count the same epochs.
  if (trial.hyperparameters.learning_rate != Schedule::adaptive) trial.hyperparameters.n_iter_no_change = 0;
  Alone alone(*engine, trial, initial_state(trial));
  if (!alone.train(static_cast<std::uint32_t>(std::lround(found.setting->epochs)), stop)) return false;
  if (alone.state().status == TrialStatus::diverged) {
    sweep.engine = make_engine(engine_name, *sweep.dataset, engine_options(spec, sweep.costs.costs));
    return true;
  }
  if (!whole.test.empty()) found.test = alone.test(whole.task());
  found.id = found.setting->id + ".all";
  trial.id = found.id;
  trial.fold =
      static_cast<std::uint32_t>(sweep.dataset->splits.size());  // whose scaling the manifest has behind theirs
  directory.keep({std::move(trial), alone.state().parameters, found.setting->mean});
  return true;
}

/// Makes one of the sweep's trials the network that is handed out. False where `stop` came first.
bool take_trial(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory, const Trial& trial,
                FinalNetwork& found, const std::stop_token& stop) {
  if (!store_network(sweep, spec, directory, trial, stop)) return false;
  found.id = trial.id;
  found.test = test_of(sweep, directory.network(trial.id));
  return true;
}

/// The trial of this id, among those from number `first` on.
Trial trial_of(const Trials& trials, const std::string& id, std::uint64_t first) {
  for (std::uint64_t number = first;; ++number) {
    if (Trial trial = trials.at(number); trial.id == id) return trial;
  }
}

}  // namespace

std::optional<FinalNetwork> final_network(PreparedSweep& sweep, const SweepSpec& spec, store::RunDirectory& directory,
                                          const std::stop_token& stop) {
  FinalNetwork found;
  const bool has_folds = sweep.dataset->splits.size() > 1;
  if (!has_folds && spec.repeat < 2) {
    const std::vector<store::StoredRow> best = directory.best(1, spec.metric, spec.maximize);
    if (best.empty() || best[0].status == TrialStatus::diverged || !std::isfinite(best[0].metrics.of(spec.metric))) {
      return found;
    }
    if (std::ranges::binary_search(directory.kept(), best[0].id)) {
      found.id = best[0].id;
      found.test = test_of(sweep, directory.network(found.id));
      return found;
    }
    return take_trial(sweep, spec, directory, trial_of(sweep.trials, best[0].id, 0), found, stop) ? std::optional(found)
                                                                                                  : std::nullopt;
  }
  const std::vector<SettingRow> ranked = setting_means(directory, spec.metric, spec.maximize);
  const std::vector<SettingRow> some = contenders(ranked, spec.choice);
  if (some.empty()) return found;
  const Trial first = smallest(sweep.trials, some);
  found.setting = *std::ranges::find(some, setting_id(first), &SettingRow::id);
  const std::string best = best_of(sweep.trials, first, directory, spec);
  if (has_folds) {
    if (!train_on_all_rows(sweep, spec, directory, first, found, stop)) return std::nullopt;
    if (!found.id.empty()) return found;
    found.note = "setting " + found.setting->id + " diverges on all rows: the network of its best fold is handed out";
  }
  return take_trial(sweep, spec, directory, trial_of(sweep.trials, best, first.number), found, stop)
             ? std::optional(found)
             : std::nullopt;
}

}  // namespace shoal::run
