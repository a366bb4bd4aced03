#include "engine/reference/reference_engine.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <optional>
#include <utility>

#include "engine/definition.hpp"
#include "engine/reference/reference.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using reference::Example;
using reference::State;

/// Of a training row.
constexpr double kSecondsPerParameter = 5e-9;

class ReferenceEngine final : public Engine {
 public:
  ReferenceEngine(const Dataset& dataset, const EngineOptions& options) : dataset_(dataset), options_(options) {}

  [[nodiscard]] std::string_view name() const noexcept override { return "reference"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return {}; }
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return 1; }
  [[nodiscard]] std::vector<Prediction> predictions(const Gang& gang) const override {
    const EpochRows rows = epoch_rows(gang.key, dataset_);
    const double seconds = kSecondsPerParameter * static_cast<double>(gang.key.topology.n_parameters()) *
                           (rows.n_training + rows.n_validation / 3.0) * gang.n_slots;
    return {{"reference", seconds, seconds, 0}};
  }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    const std::uint64_t vectors = (has_second_moment(gang.key.solver) ? 3U : 2U) + (gang.keeps_best ? 1U : 0U);
    return gang.key.topology.n_parameters() * vectors * sizeof(double) + sizeof(Place);
  }

  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    std::uint64_t largest = 0;
    for (const Gang& gang : gangs) {
      const Topology& topology = gang.key.topology;
      const std::uint64_t n_rows = dataset_.splits.at(gang.key.fold).training.size();
      const auto wanted = static_cast<std::uint64_t>(gang.key.batch_size);
      const std::uint64_t row_bytes =
          static_cast<std::uint64_t>(topology.n_inputs + topology.n_outputs) * sizeof(double) + sizeof(Example);
      largest = std::max(largest, (wanted == 0 ? n_rows : std::min(wanted, n_rows)) * row_bytes +
                                      topology.n_parameters() * sizeof(double) + n_rows * sizeof(std::uint32_t));
    }
    return largest;
  }

  void prepare(std::span<const Gang> gangs) override {
    std::size_t n_places = 0;
    for (const Gang& gang : gangs) n_places = std::max<std::size_t>(n_places, gang.first_slot + gang.n_slots);
    places_.clear();
    places_.resize(n_places);
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    places_.at(slot) = Place{trial, reference::widened(state)};
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    for (const TrainTarget& target : targets) {
      std::optional<Place>& place = places_.at(target.slot);
      while (place && place->state.status == TrialStatus::running && place->state.epoch < target.epoch) {
        if (stop.stop_requested()) return;
        if (!train_one_epoch(target.slot, *place, stop, records)) {
          place.reset();
          lost.push_back(target.slot);
        }
      }
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet rows) override {
    std::vector<MetricSums> all;
    for (const Slot slot : slots) {
      const Place& place = occupied(slot);
      const std::span<const std::uint32_t> wanted =
          rows == RowSet::test ? std::span(dataset_.test) : std::span(split_of(place.trial).validation);
      all.push_back(measure(place, wanted, std::nullopt));
    }
    return all;
  }

  [[nodiscard]] TrialState read(Slot slot) const override { return reference::rounded(occupied(slot).state); }

  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    places_[slot].reset();
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    const std::vector<double> w(parameters.begin(), parameters.end());
    const auto n_inputs = static_cast<std::size_t>(trial.topology.n_inputs);
    std::vector<float> outputs;
    for (std::size_t begin = 0; begin + n_inputs <= inputs.size(); begin += n_inputs) {
      const std::span<const float> row = inputs.subspan(begin, n_inputs);
      const reference::Trace trace = reference::forward(trial.topology, w, {.inputs = {row.begin(), row.end()}});
      for (const double value : reference::prediction(trial.hyperparameters.loss, trace.z.back())) {
        outputs.push_back(static_cast<float>(value));
      }
    }
    return outputs;
  }

  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    const Hyperparameters& h = trial.hyperparameters;
    const std::vector<double> w(parameters.begin(), parameters.end());
    Pass result;
    result.z.resize(trial.topology.n_layers());
    result.a.resize(trial.topology.n_layers());
    std::vector<Example> examples;
    const std::vector<float> weights = class_weights_of(trial);
    for (const std::uint32_t row : rows) {
      const Example& example = examples.emplace_back(training_example(trial, weights, row));
      const reference::Trace trace = reference::forward(trial.topology, w, example);
      for (std::size_t l = 0; l < result.z.size(); ++l) {
        result.z[l].insert(result.z[l].end(), trace.z[l].begin(), trace.z[l].end());
        result.a[l].insert(result.a[l].end(), trace.a[l].begin(), trace.a[l].end());
      }
    }
    reference::Gradient gradient = reference::gradient(trial.topology, h, w, examples);
    result.loss = gradient.loss / gradient.weight;
    result.gradient = std::move(gradient.objective);
    return result;
  }

 private:
  struct Place {
    Trial trial;
    State state;
  };

  [[nodiscard]] const Split& split_of(const Trial& trial) const { return dataset_.splits.at(trial.fold); }

  [[nodiscard]] const Place& occupied(Slot slot) const {
    const std::optional<Place>& place = places_.at(slot);
    if (!place) throw Error("slot " + std::to_string(slot) + " of the reference engine is empty");
    return *place;
  }

  /// Scaled in float, as every engine gets its inputs, then widened.
  [[nodiscard]] Example example_of(const Trial& trial, std::uint32_t row) const {
    const Split& split = split_of(trial);
    const std::span<const float> unscaled = dataset_.row(row);
    Example example;
    for (std::size_t i = 0; i < unscaled.size(); ++i) {
      const float scaled = std::isnan(unscaled[i]) ? split.inputs.fill[i]
                                                   : (unscaled[i] - split.inputs.offset[i]) * split.inputs.factor[i];
      example.inputs.push_back(static_cast<double>(scaled));
    }
    std::vector<float> targets(static_cast<std::size_t>(trial.topology.n_outputs));
    fill_target(dataset_, split, trial.hyperparameters.loss, row, targets);
    example.targets.assign(targets.begin(), targets.end());
    if (!dataset_.weights.empty()) example.weight = static_cast<double>(dataset_.weights[row]);
    return example;
  }

  [[nodiscard]] std::vector<float> class_weights_of(const Trial& trial) const {
    return class_weights(dataset_, split_of(trial), trial.hyperparameters.class_weight);
  }

  [[nodiscard]] Example training_example(const Trial& trial, std::span<const float> weights, std::uint32_t row) const {
    Example example = example_of(trial, row);
    example.weight = static_cast<double>(training_weight(dataset_, weights, row));
    return example;
  }

  /// Metric sums over rows. Losses stay in double; what is counted and ranked is the rounded output.
  [[nodiscard]] MetricSums measure(const Place& place, std::span<const std::uint32_t> rows,
                                   std::optional<Metric> only) const {
    const Loss loss = place.trial.hyperparameters.loss;
    MetricCollector collector(dataset_, split_of(place.trial), loss, only);
    double loss_sum = 0;
    for (const std::uint32_t row : rows) {
      const Example example = example_of(place.trial, row);
      const reference::Trace trace = reference::forward(place.trial.topology, place.state.parameters, example);
      const double row_loss = reference::row_loss(place.trial.hyperparameters, trace.z.back(), example.targets);
      const std::vector<double> outputs = reference::prediction(loss, trace.z.back());
      loss_sum += example.weight * row_loss;
      collector.add(row, static_cast<float>(row_loss), std::vector<float>(outputs.begin(), outputs.end()));
    }
    MetricSums sums = collector.sums();
    sums.loss = loss_sum;
    return sums;
  }

  /// False if `stop` came first and the network is lost.
  [[nodiscard]] bool train_one_epoch(Slot slot, Place& place, const std::stop_token& stop,
                                     std::vector<EpochRecord>& records) const {
    const Trial& trial = place.trial;
    const std::vector<std::uint32_t>& training = split_of(trial).training;
    const auto n_rows = static_cast<std::uint32_t>(training.size());
    const std::uint32_t epoch = place.state.epoch;
    const float rate = epoch_rate(trial, n_rows, epoch, place.state.n_rate_drops);
    const std::vector<float> weights = class_weights_of(trial);
    const std::optional<reference::EpochSums> sums = reference::train_epoch(
        trial, epoch_order(trial, n_rows, epoch),
        [&](std::uint32_t position) { return training_example(trial, weights, training[position]); },
        static_cast<double>(rate), stop, place.state);
    if (!sums) return false;
    const MetricSums validation = measure(place, split_of(trial).validation, options_.metric);
    const double train_loss = sums->loss / sums->weight;
    const double metric =
        options_.metric == Metric::train_loss ? train_loss : metric_value(options_.metric, dataset_.task(), validation);
    const bool finite = std::isfinite(train_loss) && std::isfinite(validation.loss) && std::isfinite(metric);
    reference::decide(trial.hyperparameters, options_.maximize, metric, train_loss, finite, place.state);
    records.push_back({slot, place.state.epoch, sums->loss, sums->weight, validation.loss, validation.weight, metric});
    return true;
  }

  const Dataset& dataset_;
  EngineOptions options_;
  std::vector<std::optional<Place>> places_;
};

}  // namespace

std::unique_ptr<Engine> make_reference_engine(const Dataset& dataset, const EngineOptions& options) {
  return std::make_unique<ReferenceEngine>(dataset, options);
}

EngineInfo reference_engine_info() {
  return {.name = "reference",
          .available = true,
          .detail = "plain loops in double, one network at a time; what the others are compared with",
          .precisions = {Precision::strict}};
}

}  // namespace shoal
