#include "engine/cpu/cpu_engine.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <map>
#include <string>
#include <thread>

#include "engine/cpu/epoch_orders.hpp"
#include "engine/cpu/minibatch.hpp"
#include "engine/cpu/network_layout.hpp"
#include "engine/definition.hpp"
#include "kernels/math/epoch_decision.hpp"
#include "kernels/math/sum32.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using cpu::AlignedFloats;
using cpu::Minibatch;
using cpu::NetworkLayout;

/// A network at its place.
struct Place {
  std::shared_ptr<const NetworkLayout> layout;
  bool occupied = false;
  Trial trial;
  TrialState state;  ///< its scalars; the vectors live below, in the layout's order
  std::vector<float> class_weights;
  std::vector<double> layer_rates;
  AlignedFloats weights, first_moment, second_moment, best;
};

std::size_t vectors_of(const Gang& gang) {
  return 2 + (has_second_moment(gang.key.solver) ? 1U : 0U) + (gang.keeps_best ? 1U : 0U);
}

bool all_finite(const NetworkLayout& layout, const float* values) {
  for (const cpu::Layer& layer : layout.layers()) {
    for (std::size_t i = 0; i <= layer.n_in; ++i) {
      const float* row = values + layer.offset + i * layer.columns;
      for (std::size_t o = 0; o < layer.n_out; ++o) {
        if (!std::isfinite(row[o])) return false;
      }
    }
  }
  return true;
}

class CpuEngine final : public Engine {
 public:
  CpuEngine(const Dataset& dataset, const EngineOptions& options, const cpu::Kernels& kernels)
      : dataset_(&dataset), options_(options) {
    if (options.precision != Precision::strict) {
      throw UnavailableError("trainer.precision = " + std::string(shoal::name(options.precision)) +
                             ": engine cpu computes in strict precision only");
    }
    const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
    const std::uint32_t n_threads = options.n_threads == 0 ? cores : options.n_threads;
    for (std::uint32_t t = 0; t < n_threads; ++t) workers_.emplace_back(dataset, kernels);
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "cpu"; }
  [[nodiscard]] std::string why_not(const Trial&) const override { return {}; }
  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return 1; }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    return sizeof(Place) + vectors_of(gang) * NetworkLayout(gang.key.topology).n_floats() * sizeof(float);
  }

  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang> gangs) const override {
    std::uint64_t largest = 0;
    std::size_t n_rows = 0;
    for (const Gang& gang : gangs) {
      const std::size_t training = dataset_->splits.at(gang.key.fold).training.size();
      const std::size_t batch = gang.key.batch_size == 0 ? training : static_cast<std::size_t>(gang.key.batch_size);
      const std::size_t rows = std::max<std::size_t>(std::min(batch, training), cpu::kEvaluationRows);
      largest = std::max(largest, Minibatch::bytes(NetworkLayout(gang.key.topology), rows, gang.has_dropout));
      n_rows = std::max(n_rows, training);
    }
    return largest * workers_.size() + cpu::EpochOrders::bytes(n_rows);
  }

  void prepare(std::span<const Gang> gangs) override {
    places_.clear();
    std::map<Topology, std::shared_ptr<const NetworkLayout>> layouts;
    for (const Gang& gang : gangs) {
      std::shared_ptr<const NetworkLayout>& layout = layouts[gang.key.topology];
      if (!layout) layout = std::make_shared<const NetworkLayout>(gang.key.topology);
      if (places_.size() < gang.first_slot + gang.n_slots) places_.resize(gang.first_slot + gang.n_slots);
      for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
        Place& place = places_[slot];
        place.layout = layout;
        place.weights = AlignedFloats(layout->n_floats());
        place.first_moment = AlignedFloats(layout->n_floats());
        if (has_second_moment(gang.key.solver)) place.second_moment = AlignedFloats(layout->n_floats());
        if (gang.keeps_best) place.best = AlignedFloats(layout->n_floats());
      }
    }
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    Place& place = places_.at(slot);
    if (trial.hyperparameters.n_iter_no_change > 0 && place.best.size() == 0) {
      throw Error("engine cpu: place " + std::to_string(slot) + " was not prepared to keep the best parameters");
    }
    place.occupied = true;
    place.trial = trial;
    place.state = state;
    place.layer_rates = layer_rates(trial);
    place.class_weights = class_weights(*dataset_, dataset_->splits.at(trial.fold), trial.hyperparameters.class_weight);
    place.layout->pack(state.parameters, place.weights.data());
    const auto pack = [&](std::vector<float>& from, AlignedFloats& to) {
      if (!from.empty()) place.layout->pack(from, to.data());
      from.clear();
      from.shrink_to_fit();
    };
    if (state.best_parameters.empty() && trial.hyperparameters.n_iter_no_change > 0) {
      place.state.best_parameters = state.parameters;
    }
    pack(place.state.best_parameters, place.best);
    pack(place.state.first_moment, place.first_moment);
    pack(place.state.second_moment, place.second_moment);
    place.state.parameters.clear();
    place.state.parameters.shrink_to_fit();
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>& lost) override {
    std::vector<std::vector<EpochRecord>> found(targets.size());
    std::vector<char> is_lost(targets.size(), 0);
    each_in_parallel(targets.size(), [&](std::size_t i, Minibatch& minibatch) {
      Place& place = occupied(targets[i].slot);
      while (place.state.status == TrialStatus::running && place.state.epoch < targets[i].epoch) {
        if (stop.stop_requested()) return;
        if (!train_epoch(targets[i].slot, place, minibatch, stop, found[i])) {
          place.occupied = false;
          is_lost[i] = 1;
          return;
        }
      }
    });
    for (std::size_t i = 0; i < targets.size(); ++i) {
      records.insert(records.end(), found[i].begin(), found[i].end());
      if (is_lost[i] != 0) lost.push_back(targets[i].slot);
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet rows) override {
    std::vector<MetricSums> sums(slots.size());
    each_in_parallel(slots.size(), [&](std::size_t i, Minibatch& minibatch) {
      const Place& place = occupied(slots[i]);
      const Split& split = dataset_->splits.at(place.trial.fold);
      sums[i] = measure(place, minibatch, rows == RowSet::test ? dataset_->test : split.validation, std::nullopt);
    });
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    const Place& place = places_.at(slot);
    if (!place.occupied) throw Error("engine cpu: there is no network at place " + std::to_string(slot));
    const Hyperparameters& h = place.trial.hyperparameters;
    TrialState state = place.state;
    const auto unpack = [&](const AlignedFloats& from) {
      std::vector<float> canonical(place.layout->n_parameters());
      place.layout->unpack(from.data(), canonical);
      return canonical;
    };
    state.parameters = unpack(place.weights);
    if (h.n_iter_no_change > 0 && state.best_epoch > 0) state.best_parameters = unpack(place.best);
    if (has_first_moment(h)) state.first_moment = unpack(place.first_moment);
    if (has_second_moment(h.solver)) state.second_moment = unpack(place.second_moment);
    return state;
  }

  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    places_[slot].occupied = false;
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    const NetworkLayout layout(trial.topology);
    AlignedFloats weights(layout.n_floats());
    layout.pack(parameters, weights.data());
    Minibatch& minibatch = workers_.front();
    minibatch.shape(layout, cpu::kEvaluationRows, false);
    const auto n_in = static_cast<std::size_t>(trial.topology.n_inputs);
    const std::size_t n_rows = inputs.size() / n_in;
    std::vector<float> outputs;
    for (std::size_t first = 0; first < n_rows; first += cpu::kEvaluationRows) {
      const std::size_t count = std::min<std::size_t>(cpu::kEvaluationRows, n_rows - first);
      minibatch.take_inputs(inputs.subspan(first * n_in, count * n_in), count);
      minibatch.evaluate(weights.data(), trial.hyperparameters);
      for (std::size_t r = 0; r < count; ++r) {
        const std::span<const float> row = minibatch.outputs(r);
        outputs.insert(outputs.end(), row.begin(), row.end());
      }
    }
    return outputs;
  }

  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    const NetworkLayout layout(trial.topology);
    AlignedFloats weights(layout.n_floats());
    layout.pack(parameters, weights.data());
    Minibatch& minibatch = workers_.front();
    minibatch.shape(layout, rows.size(), false);
    const Hyperparameters& h = trial.hyperparameters;
    const Split& split = dataset_->splits.at(trial.fold);
    minibatch.gather(split, h.loss, rows, class_weights(*dataset_, split, h.class_weight));
    minibatch.forward(weights.data(), h, nullptr);
    Pass pass;
    AlignedFloats z;
    for (std::size_t l = 0; l < layout.layers().size(); ++l) {
      const cpu::Layer& layer = layout.layers()[l];
      minibatch.layer_inputs(l, weights.data(), z);
      pass.z.emplace_back();
      pass.a.emplace_back();
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const float* row = z.data() + r * layer.output_stride;
        pass.z.back().insert(pass.z.back().end(), row, row + layer.n_out);
        const std::span<const float> a = minibatch.activations(l + 1, r);
        pass.a.back().insert(pass.a.back().end(), a.begin(), a.end());
      }
    }
    math::Sum32 loss;
    math::Sum32 weight;
    add_row_losses(minibatch, loss, weight);
    pass.loss = loss.total() / weight.total();
    minibatch.backward(weights.data());
    minibatch.finish_gradient(h, weights.data());
    std::vector<float> gradient(layout.n_parameters());
    layout.unpack(minibatch.gradient(), gradient);
    pass.gradient.assign(gradient.begin(), gradient.end());
    return pass;
  }

 private:
  Place& occupied(Slot slot) {
    Place& place = places_.at(slot);
    if (!place.occupied) throw Error("engine cpu: there is no network at place " + std::to_string(slot));
    return place;
  }

  /// Calls work(i, a worker's own minibatch) for i in [0, n), in order of i as workers become free.
  template <class Work>
  void each_in_parallel(std::size_t n, Work work) {
    std::atomic<std::size_t> next = 0;
    std::vector<std::exception_ptr> failures(workers_.size());
    const auto run = [&](std::size_t worker) {
      try {
        for (std::size_t i = next++; i < n; i = next++) work(i, workers_[worker]);
      } catch (...) {
        failures[worker] = std::current_exception();
      }
    };
    {
      std::vector<std::jthread> threads;
      for (std::size_t worker = 1; worker < std::min(workers_.size(), n); ++worker) threads.emplace_back(run, worker);
      run(0);
    }
    for (const std::exception_ptr& failure : failures) {
      if (failure) std::rethrow_exception(failure);
    }
  }

  static void add_row_losses(const Minibatch& minibatch, math::Sum32& loss, math::Sum32& weight) {
    for (std::size_t r = 0; r < minibatch.n_rows(); ++r) {
      const auto row_weight = static_cast<double>(minibatch.row_weight(r));
      loss.add(row_weight * static_cast<double>(minibatch.row_loss(r)));
      weight.add(row_weight);
    }
  }

  MetricSums measure(const Place& place, Minibatch& minibatch, const std::vector<std::uint32_t>& rows,
                     std::optional<Metric> only) const {
    const Loss loss = place.trial.hyperparameters.loss;
    const Split& split = dataset_->splits.at(place.trial.fold);
    MetricCollector collector(*dataset_, split, loss, only);
    minibatch.shape(*place.layout, cpu::kEvaluationRows, false);
    for (std::size_t first = 0; first < rows.size(); first += cpu::kEvaluationRows) {
      const auto block =
          std::span(rows).subspan(first, std::min<std::size_t>(cpu::kEvaluationRows, rows.size() - first));
      minibatch.gather(split, loss, block, {});
      minibatch.evaluate(place.weights.data(), place.trial.hyperparameters);
      for (std::size_t r = 0; r < block.size(); ++r)
        collector.add(block[r], minibatch.row_loss(r), minibatch.outputs(r));
    }
    return collector.sums();
  }

  static void train_minibatch(Place& place, Minibatch& minibatch, const Split& split,
                              std::span<const std::uint32_t> rows, float rate) {
    const Hyperparameters& h = place.trial.hyperparameters;
    const math::Dropout dropout(h.dropout, place.trial.seed, place.state.step);
    minibatch.gather(split, h.loss, rows, place.class_weights);
    minibatch.forward(place.weights.data(), h, h.dropout > 0 ? &dropout : nullptr);
    minibatch.backward(place.weights.data());
    ++place.state.step;
    cpu::Update update{.hyperparameters = &h,
                       .rate = static_cast<double>(rate),
                       .factors = place.layer_rates,
                       .weights = place.weights.data(),
                       .first_moment = has_first_moment(h) ? place.first_moment.data() : nullptr,
                       .second_moment = has_second_moment(h.solver) ? place.second_moment.data() : nullptr};
    if (corrects_bias(h.solver)) {
      place.state.beta_1_power *= h.beta_1;
      place.state.beta_2_power *= h.beta_2;
      update.correction_1 = 1.0 - place.state.beta_1_power;
      update.correction_2 = std::sqrt(1.0 - place.state.beta_2_power);
    }
    minibatch.step(update);
  }

  /// One epoch and its decisions. False where `stop` came in between: the network is then between two epochs and lost.
  bool train_epoch(Slot slot, Place& place, Minibatch& minibatch, const std::stop_token& stop,
                   std::vector<EpochRecord>& records) {
    const Split& split = dataset_->splits.at(place.trial.fold);
    const auto n_rows = static_cast<std::uint32_t>(split.training.size());
    const std::uint32_t batch = rows_in_minibatch(place.trial, n_rows);
    const cpu::EpochOrders::Order order = orders_.get(place.trial, split.training, place.state.epoch);
    const float rate = epoch_rate(place.trial, n_rows, place.state.epoch, place.state.n_rate_drops);
    EpochRecord record{.slot = slot, .epoch = place.state.epoch + 1};
    math::Sum32 loss;
    math::Sum32 weight;
    minibatch.shape(*place.layout, batch, place.trial.hyperparameters.dropout > 0);
    for (std::uint32_t first = 0; first < n_rows; first += batch) {
      if (stop.stop_requested()) return false;
      const auto rows = std::span(*order).subspan(first, std::min(batch, n_rows - first));
      train_minibatch(place, minibatch, split, rows, rate);
      add_row_losses(minibatch, loss, weight);
    }
    record.train_loss = loss.total();
    record.train_weight = weight.total();
    finish_epoch(place, minibatch, split, record);
    records.push_back(record);
    return true;
  }

  void finish_epoch(Place& place, Minibatch& minibatch, const Split& split, EpochRecord& record) const {
    const Hyperparameters& h = place.trial.hyperparameters;
    const MetricSums validation = measure(place, minibatch, split.validation, options_.metric);
    record.val_loss = validation.loss;
    record.val_weight = validation.weight;
    record.metric = options_.metric == Metric::train_loss ? record.train_loss / record.train_weight
                                                          : metric_value(options_.metric, dataset_->task(), validation);
    const bool finite = std::isfinite(record.train_loss) && std::isfinite(record.val_loss) &&
                        all_finite(*place.layout, place.weights.data()) &&
                        (!has_first_moment(h) || all_finite(*place.layout, place.first_moment.data())) &&
                        (!has_second_moment(h.solver) || all_finite(*place.layout, place.second_moment.data()));
    TrialState& state = place.state;
    math::EpochProgress progress{++state.epoch,      state.n_stalled,      state.best_epoch,     state.best_metric,
                                 state.n_rate_drops, state.n_rate_stalled, state.best_train_loss};
    const math::EpochRules rules{static_cast<std::uint32_t>(h.max_iter),
                                 static_cast<std::uint32_t>(h.n_iter_no_change),
                                 h.tol,
                                 options_.maximize,
                                 h.learning_rate == Schedule::adaptive,
                                 h.learning_rate_init};
    const math::EpochDecision decision =
        math::decide_epoch(progress, rules, record.metric, record.train_loss / record.train_weight, finite);
    state.n_stalled = progress.n_stalled;
    state.n_rate_drops = progress.n_rate_drops;
    state.n_rate_stalled = progress.n_rate_stalled;
    state.best_train_loss = progress.best_train_loss;
    state.best_epoch = progress.best_epoch;
    state.best_metric = progress.best_metric;
    state.status = static_cast<TrialStatus>(decision.verdict);
    const std::size_t n = place.layout->n_floats();
    if (decision.is_best) std::copy_n(place.weights.data(), n, place.best.data());
    if (math::takes_best(decision, rules)) std::copy_n(place.best.data(), n, place.weights.data());
  }

  const Dataset* dataset_;
  EngineOptions options_;
  std::vector<Minibatch> workers_;
  std::vector<Place> places_;
  cpu::EpochOrders orders_;
};

}  // namespace

std::unique_ptr<Engine> make_cpu_engine(const Dataset& dataset, const EngineOptions& options,
                                        const cpu::Kernels& kernels) {
  return std::make_unique<CpuEngine>(dataset, options, kernels);
}

EngineInfo cpu_engine_info() {
  const std::uint32_t cores = std::max(1U, std::thread::hardware_concurrency());
  return {
      "cpu", true, std::string(cpu::kernels().target) + ", " + std::to_string(cores) + " threads", {Precision::strict}};
}

}  // namespace shoal
