#include "tests/parity/cuda/bounds.hpp"

#include <cmath>
#include <span>
#include <vector>

#include "engine/definition.hpp"
#include "engine/reference/reference.hpp"
#include "verify/bounded_training.hpp"

namespace shoal::testing {
namespace {

using reference::Example;
using verify::Bounded;
using verify::BoundedState;

/// Inputs scaled in float; weights as training or validation gives them.
std::vector<Example> examples(const Dataset& data, const Trial& trial, std::span<const std::uint32_t> rows,
                              std::span<const float> of_classes) {
  const Split& split = data.splits[trial.fold];
  std::vector<Example> all;
  for (const std::uint32_t row : rows) {
    Example example;
    for (std::size_t i = 0; i < data.row(row).size(); ++i) {
      const float x = data.row(row)[i];
      const float scaled = std::isnan(x) ? split.inputs.fill[i] : (x - split.inputs.offset[i]) * split.inputs.factor[i];
      example.inputs.push_back(static_cast<double>(scaled));
    }
    std::vector<float> targets(static_cast<std::size_t>(trial.topology.n_outputs));
    fill_target(data, split, trial.hyperparameters.loss, row, targets);
    example.targets.assign(targets.begin(), targets.end());
    example.weight = static_cast<double>(training_weight(data, of_classes, row));
    all.push_back(std::move(example));
  }
  return all;
}

/// One network's epochs by the error analysis, beside the decisions that the engine's records lead to.
class Analysis {
 public:
  Analysis(const verify::Products& products, const Sweep& sweep, const Trial& trial)
      : products_(products),
        trial_(trial),
        split_(sweep.data.splits[trial.fold]),
        training_(examples(sweep.data, trial, split_.training,
                           class_weights(sweep.data, split_, trial.hyperparameters.class_weight))),
        validation_(examples(sweep.data, trial, split_.validation, {})),
        maximize_(sweep.options.maximize),
        state_(verify::bounded_state(initial_state(trial))),
        decided_(reference::widened(initial_state(trial))) {}

  void train_epoch() {
    const auto n_rows = static_cast<std::uint32_t>(training_.size());
    std::vector<Example> ordered;
    for (const std::uint32_t row : epoch_order(trial_, n_rows, decided_.epoch)) ordered.push_back(training_[row]);
    const float rate = epoch_rate(trial_, n_rows, decided_.epoch, decided_.n_rate_drops);
    train_loss_ = verify::bounded_epoch(products_, trial_, ordered, rate, state_);
  }
  [[nodiscard]] const Bounded& train_loss() const { return train_loss_; }
  /// Without smoothing, class weights and dropout.
  [[nodiscard]] Bounded validation_loss() const {
    Trial trial = trial_;
    trial.hyperparameters.label_smoothing = 0;
    return verify::bounded_pass(products_, trial, state_.parameters, validation_).loss;
  }
  void decide(const EpochRecord& record) {
    const std::uint32_t best = decided_.best_epoch;
    ++decided_.epoch;
    reference::decide(trial_.hyperparameters, maximize_, record.metric, record.train_loss / record.train_weight, true,
                      decided_);
    if (decided_.best_epoch != best) best_parameters_ = state_.parameters;
  }
  [[nodiscard]] const reference::State& decided() const { return decided_; }
  [[nodiscard]] const BoundedState& state() const { return state_; }
  [[nodiscard]] const std::vector<Bounded>& best_parameters() const { return best_parameters_; }

 private:
  const verify::Products& products_;
  const Trial& trial_;
  const Split& split_;
  std::vector<Example> training_, validation_;
  bool maximize_;
  BoundedState state_;
  reference::State decided_;
  Bounded train_loss_;
  std::vector<Bounded> best_parameters_;
};

void compare_all(const std::vector<float>& found, const std::vector<Bounded>& expected, const std::string& what,
                 BoundsTally& tally) {
  tally.compare(static_cast<double>(found.size()), verify::exact(static_cast<double>(expected.size())),
                "number of " + what);
  for (std::size_t k = 0; k < std::min(found.size(), expected.size()); ++k) {
    tally.compare(static_cast<double>(found[k]), expected[k], what + ' ' + std::to_string(k));
  }
}

}  // namespace

void BoundsTally::compare(double found, const Bounded& expected, const std::string& what) {
  ++n_values;
  n_sharp += expected.error < 1e-3 ? 1 : 0;
  if (std::isinf(expected.error) || std::abs(found - expected.value) <= expected.error) return;
  if (n_breaches++ > 0) return;
  first_breach = what + ": " + std::to_string(found) + ", not " + std::to_string(expected.value) + " +- " +
                 std::to_string(expected.error);
}

void compare_with_bounds(const verify::Products& products, const Sweep& sweep, Slot slot, const Outcome& outcome,
                         BoundsTally& tally) {
  const Trial& trial = sweep.trials[slot];
  const TrialState& found = outcome.states[slot];
  const std::string who = "network " + std::to_string(slot) + ", ";
  Analysis analysis(products, sweep, trial);
  for (const EpochRecord& record : outcome.records[slot]) {
    const std::string epoch = " of epoch " + std::to_string(record.epoch);
    analysis.train_epoch();
    tally.compare(record.train_loss, analysis.train_loss(), who + "training loss" + epoch);
    tally.compare(record.val_loss, analysis.validation_loss(), who + "validation loss" + epoch);
    analysis.decide(record);
  }
  const reference::State& decided = analysis.decided();
  const auto whole = [&](auto is, auto expected, const char* what) {
    tally.compare(static_cast<double>(is), verify::exact(static_cast<double>(expected)), who + what);
  };
  whole(found.status, decided.status, "status");
  whole(found.epoch, decided.epoch, "epochs");
  whole(found.step, analysis.state().step, "steps");
  whole(found.best_epoch, decided.best_epoch, "best epoch");
  whole(found.n_rate_drops, decided.n_rate_drops, "drops of the rate");
  const bool has_patience = trial.hyperparameters.n_iter_no_change > 0;
  const bool is_best = has_patience && found.status != TrialStatus::running;
  compare_all(found.parameters, is_best ? analysis.best_parameters() : analysis.state().parameters, who + "parameter",
              tally);
  if (has_patience) compare_all(found.best_parameters, analysis.best_parameters(), who + "best parameter", tally);
  compare_all(found.first_moment, analysis.state().first_moment, who + "first moment", tally);
  compare_all(found.second_moment, analysis.state().second_moment, who + "second moment", tally);
}

}  // namespace shoal::testing
