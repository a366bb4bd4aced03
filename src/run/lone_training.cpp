#include "run/lone_training.hpp"

#include <algorithm>
#include <chrono>
#include <limits>
#include <span>
#include <utility>

#include "shoal/error.hpp"
#include "train/takeover.hpp"
#include "train/trial_result.hpp"

namespace shoal::run {
namespace {

constexpr Slot kSlot = 0;
constexpr std::chrono::milliseconds kShortPiece{50};

}  // namespace

Alone::Alone(Engine& engine, const Trial& trial, const TrialState& state) : engine_(&engine) {
  const Hyperparameters& h = trial.hyperparameters;
  const Gang gang{gang_key(trial), kSlot, 1, has_patience(h), h.dropout > 0};
  engine.prepare(std::span(&gang, 1));
  engine.place(kSlot, trial, state);
}

bool Alone::train(std::uint32_t until, const std::stop_token& stop) {
  const TrainTarget target{kSlot, until};
  std::vector<EpochRecord> records;
  std::vector<Slot> lost;
  engine_->train(std::span(&target, 1), stop, records, lost);
  if (!lost.empty()) return false;
  const TrialState reached = state();
  return reached.status != TrialStatus::running || reached.epoch >= until;
}

MetricValues Alone::test(Task task) const {
  return train::metrics_of(task, engine_->evaluate(std::span(&kSlot, 1), RowSet::test).at(0));
}

TrialState Alone::state() const { return engine_->read(kSlot); }

Ancestry ancestry_of(const store::RunDirectory& directory, const std::string& id) {
  Ancestry ancestry{id, {}};
  std::uint32_t end = std::numeric_limits<std::uint32_t>::max();
  for (;;) {
    // A parent may have become a copy itself, before and after it was copied.
    std::vector<Takeover> lineage = directory.lineage(ancestry.root);
    std::erase_if(lineage, [&](const Takeover& takeover) { return takeover.epoch >= end; });
    if (lineage.empty()) break;
    end = lineage.back().epoch;
    // How one that is still in training came about is not stored yet.
    if (const std::string& parent = lineage.back().parent; !directory.has(parent)) {
      throw InputError(
          Diagnostic{directory.path().string(), 0, "",
                     ancestry.root + " is a copy of " + parent + ", which has not ended: resume the run first"});
    }
    ancestry.root = lineage.back().parent;
    ancestry.takeovers.push_back(std::move(lineage.back()));
  }
  std::ranges::reverse(ancestry.takeovers);
  return ancestry;
}

Trial trial_named(const Trials& trials, const std::string& id) {
  const std::string setting = id.substr(0, id.find('.'));
  const std::uint64_t n_a_setting = trials.size() / std::max<std::uint64_t>(1, trials.n_settings());
  for (std::uint64_t number = 0; number < trials.size(); number += n_a_setting) {
    if (setting_id(trials.at(number)) != setting) continue;
    for (std::uint64_t i = 0; i < n_a_setting; ++i) {
      if (Trial trial = trials.at(number + i); trial.id == id) return trial;
    }
  }
  throw Error("the sweep has no trial " + id);
}

Lineage lineage_of(const Trials& trials, const store::RunDirectory& directory, const std::string& id) {
  Ancestry ancestry = ancestry_of(directory, id);
  Trial own = trial_named(trials, id);
  Trial root = ancestry.root == id ? own : trial_named(trials, ancestry.root);
  return {std::move(own), std::move(root), std::move(ancestry.takeovers)};
}

std::optional<LoneNetwork> train_alone(Engine& engine, const InitialParameters& initial_parameters, Lineage lineage,
                                       std::uint32_t until, const std::stop_token& stop, const Pauses& pauses) {
  using Clock = std::chrono::steady_clock;
  initial_parameters.give(lineage.root);
  LoneNetwork network{lineage.root, initial_state(lineage.root), lineage.root.id, 0};
  network.trial.id = lineage.own.id;
  network.trial.number = lineage.own.number;
  network.trial.setting = lineage.own.setting;
  if (pauses.from) network.state = *pauses.from;
  Clock::time_point saved = Clock::now();
  std::uint32_t n_epochs = 1;  // at a time, where somebody saves
  const auto train = [&](std::uint32_t end) {
    Alone alone(engine, network.trial, network.state);
    ++network.n_segments;
    for (;;) {
      const Clock::time_point began = Clock::now();
      if (!alone.train(pauses.save ? std::min(end, network.state.epoch + n_epochs) : end, stop)) {
        if (pauses.save) pauses.save(network);
        return false;
      }
      network.state = alone.state();
      if (network.state.status != TrialStatus::running || network.state.epoch >= end) return true;
      if (Clock::now() - began < kShortPiece) n_epochs *= 2;
      if (Clock::now() - saved < std::chrono::duration<double>(pauses.every_s)) continue;
      pauses.save(network);
      saved = Clock::now();
    }
  };
  for (const Takeover& takeover : lineage.takeovers) {
    if (takeover.epoch >= until) break;
    if (pauses.from && takeover.epoch <= pauses.from->epoch) {
      TrialState passed = network.state;  // which has gone on already
      train::go_on_with(takeover.changes, network.trial, passed);
      continue;
    }
    if (!train(takeover.epoch)) return std::nullopt;
    if (network.state.status != TrialStatus::running) return network;
    train::go_on_with(takeover.changes, network.trial, network.state);
  }
  if (!train(until)) return std::nullopt;
  return network;
}

std::optional<LoneNetwork> train_again(Engine& engine, const InitialParameters& initial_parameters,
                                       const Trials& trials, const store::RunDirectory& directory,
                                       const std::string& id, const std::stop_token& stop) {
  std::optional<LoneNetwork> network = train_alone(engine, initial_parameters, lineage_of(trials, directory, id),
                                                   directory.curve(id).back().epoch, stop);
  const bool was_pruned = directory.status(id) == TrialStatus::pruned;
  if (network && was_pruned && train::has_better_epoch(network->trial, network->state)) {
    network->state.parameters = network->state.best_parameters;
  }
  return network;
}

}  // namespace shoal::run
