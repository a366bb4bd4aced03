#pragma once

#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <stdexcept>
#include <string>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/engine.hpp"
#include "shoal/error.hpp"

namespace shoal::toy {

/// A table of `n_training` and 10 validation rows: two inputs, one regression target.
inline Dataset dataset(std::uint32_t n_training = 90, std::uint32_t n_folds = 1) {
  Dataset d;
  d.name = "toy.csv";
  d.preprocessing.task = Task::regression;
  d.preprocessing.n_inputs = 2;
  d.preprocessing.target_names = {"y"};
  d.n_rows = n_training + 10;
  d.inputs.resize(d.n_rows * 2);
  d.targets.resize(d.n_rows);
  for (std::uint32_t fold = 0; fold < n_folds; ++fold) {
    Split& split = d.splits.emplace_back();
    for (std::uint32_t row = 0; row < d.n_rows; ++row) {
      (row < n_training ? split.training : split.validation).push_back(row);
    }
  }
  return d;
}

/// A 2-h-1 network; its id is `t` and its number in 7 digits.
inline Trial trial(std::uint64_t number, std::int32_t hidden = 4, std::int32_t max_iter = 10) {
  Trial t;
  const std::string digits = std::to_string(number);
  t.id = "t" + std::string(digits.size() < 7 ? 7 - digits.size() : 0, '0') + digits;
  t.number = number;
  t.setting = number;
  t.seed = number;
  t.topology = {2, {hidden}, {Activation::relu}, 1};
  t.hyperparameters.max_iter = max_iter;
  return t;
}

/// Validation loss of a network with seed s after epoch e: falls to its least at epoch 3 + s % 5, then rises; so
/// patience has something to do. Seeds with s % 13 == 12 are not finite from epoch 4 on.
inline double val_loss(std::uint64_t seed, std::uint32_t epoch) {
  if (seed % 13 == 12 && epoch >= 4) return std::numeric_limits<double>::quiet_NaN();
  const auto turn = static_cast<double>(3 + seed % 5);
  return 1.0 + static_cast<double>(seed % 7) + 0.25 * std::abs(static_cast<double>(epoch) - turn);
}
/// Falls with every epoch.
inline double train_loss(std::uint64_t seed, std::uint32_t epoch) {
  return 2.0 + static_cast<double>(seed % 7) + 1.0 / static_cast<double>(epoch);
}

/// An engine whose networks are a formula of seed and epoch. Refuses what the interface forbids; counts what was asked.
class ToyEngine final : public Engine {
 public:
  ToyEngine(const Dataset& dataset, std::uint32_t gang_size) : dataset_(&dataset), gang_size_(gang_size) {}

  std::uint64_t slot_bytes = 1000;          ///< of a place; twice that where it keeps the best
  std::uint64_t workspace = 5000;           ///< and 10 bytes a gang
  std::int32_t refused_hidden = -1;         ///< networks of this many hidden units are refused
  std::optional<std::uint64_t> stop_after;  ///< request `stop_source` after this many network-epochs
  std::stop_source stop_source;
  Slot n_in_company = 1;                ///< first places of gangs that are called at once
  std::size_t room = SIZE_MAX;          ///< places; for more there is no memory, whatever bytes_per_slot() says
  std::optional<std::uint64_t> device;  ///< what device_bytes() says
  bool stalls = false;                  ///< train() does nothing: a broken engine
  std::uint64_t n_epochs = 0, n_train_calls = 0, n_prepares = 0;
  std::uint32_t most_epochs_a_call = 0;
  std::set<Slot> first_call;  ///< places of the first call of train()
  std::size_t most_places = 0, most_networks_a_call = 0;

  [[nodiscard]] std::string_view name() const noexcept override { return "toy"; }
  [[nodiscard]] std::string why_not(const Trial& trial) const override {
    return trial.topology.hidden_layer_sizes.front() == refused_hidden ? "it dislikes this width" : "";
  }
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return gang_size_; }
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const override {
    return {{"toy_kernel", 0.5 * gang.n_slots, 0.25, 0.125}, {"slow_kernel", 2.0 * gang.n_slots, 2, 0.125}};
  }
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    return gang.keeps_best ? 2 * slot_bytes : slot_bytes;
  }
  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    return workspace + 10 * gangs.size();
  }

  [[nodiscard]] std::optional<std::uint64_t> device_bytes() const override { return device; }

  void prepare(std::span<const Gang> gangs) override {
    ++n_prepares;
    places_.clear();
    for (const Gang& gang : gangs) {
      if (gang.first_slot != places_.size()) throw std::logic_error("places have holes or overlap");
      for (std::uint32_t i = 0; i < gang.n_slots; ++i) places_.push_back({gang, {}, {}, false});
    }
    if (places_.size() > room) throw OutOfMemoryError("no memory for " + std::to_string(places_.size()) + " places");
    most_places = std::max(most_places, places_.size());
  }
  [[nodiscard]] Slot company(const Gang& gang) const override { return gang.first_slot / n_in_company * n_in_company; }
  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    Place& place = places_.at(slot);
    if (place.taken) throw std::logic_error("the place is taken");
    if (place.gang.key != gang_key(trial)) throw std::logic_error("the gang has another key");
    if (trial.hyperparameters.n_iter_no_change > 0 && !place.gang.keeps_best) throw std::logic_error("no best here");
    place.trial = trial;
    place.state = state;
    place.taken = true;
  }
  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    ++n_train_calls;
    most_networks_a_call = std::max(most_networks_a_call, targets.size());
    std::set<Slot> seen;
    for (const TrainTarget& target : targets) {
      Place& place = taken(target.slot);
      if (!seen.insert(target.slot).second) throw std::logic_error("a place is named twice");
      if (n_train_calls == 1) first_call.insert(target.slot);
      const std::uint32_t before = place.state.epoch;
      while (!stalls && place.state.status == TrialStatus::running && place.state.epoch < target.epoch) {
        if (stop.stop_requested()) {
          place.taken = false;
          lost.push_back(target.slot);
          break;
        }
        train_epoch(target.slot, place, records);
      }
      most_epochs_a_call = std::max(most_epochs_a_call, place.state.epoch - before);
    }
  }
  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet) override {
    std::vector<MetricSums> all;
    for (const Slot slot : slots) {
      const Place& place = taken(slot);
      const double loss = toy::val_loss(place.trial.seed, kept_epoch(place));
      MetricSums sums;
      sums.loss = 10 * loss;
      sums.weight = 10;
      sums.n_rows = 10;
      sums.squared_error = {10 * loss};
      sums.absolute_error = {5 * loss};
      sums.target_sum = {0};
      sums.target_squares = {100};
      all.push_back(sums);
    }
    return all;
  }
  [[nodiscard]] TrialState read(Slot slot) const override {
    if (!places_.at(slot).taken) throw std::logic_error("the place is empty");
    return places_[slot].state;
  }
  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    places_[slot].taken = false;
    return state;
  }
  [[nodiscard]] std::vector<float> predict(const Trial&, std::span<const float>, std::span<const float>) override {
    return {};
  }
  [[nodiscard]] Pass pass(const Trial&, std::span<const float>, std::span<const std::uint32_t>) override { return {}; }

 private:
  struct Place {
    Gang gang;
    Trial trial;
    TrialState state;
    bool taken = false;
  };

  Place& taken(Slot slot) {
    if (!places_.at(slot).taken) throw std::logic_error("the place is empty");
    return places_[slot];
  }
  /// After how many epochs a network had the parameters that it has: every one adds 1.
  static std::uint32_t kept_epoch(const Place& place) {
    return static_cast<std::uint32_t>(
        std::lround(place.state.parameters.at(0) - initial_state(place.trial).parameters.at(0)));
  }
  void train_epoch(Slot slot, Place& place, std::vector<EpochRecord>& records) {
    TrialState& state = place.state;
    const Hyperparameters& h = place.trial.hyperparameters;
    ++state.epoch;
    state.step += 1;
    state.parameters.at(0) += 1;
    const double loss = toy::val_loss(place.trial.seed, state.epoch);
    records.push_back(
        {slot, state.epoch, 90 * toy::train_loss(place.trial.seed, state.epoch), 90, 10 * loss, 10, loss});
    if (std::isnan(loss)) {
      state.status = TrialStatus::diverged;
    } else {
      const bool is_best = state.best_epoch == 0 || loss < state.best_metric;
      state.n_stalled = is_best ? 0 : state.n_stalled + 1;
      if (h.n_iter_no_change > 0 && is_best) {
        state.best_epoch = state.epoch;
        state.best_metric = loss;
        state.best_parameters = state.parameters;
      }
      if (h.n_iter_no_change > 0 && state.n_stalled > static_cast<std::uint32_t>(h.n_iter_no_change)) {
        state.status = TrialStatus::stopped;
      } else if (state.epoch >= static_cast<std::uint32_t>(h.max_iter)) {
        state.status = TrialStatus::finished;
      }
      if (h.n_iter_no_change > 0 && state.status != TrialStatus::running) state.parameters = state.best_parameters;
    }
    if (++n_epochs == stop_after) stop_source.request_stop();
  }

  const Dataset* dataset_;
  std::uint32_t gang_size_;
  std::vector<Place> places_;
};

}  // namespace shoal::toy
