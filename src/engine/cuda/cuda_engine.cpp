#include "engine/cuda/cuda_engine.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <tuple>

#include "engine/cuda/device_memory.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "kernels/math/sum32.hpp"
#include "shoal/error.hpp"

namespace shoal {
namespace {

using cuda::DeviceBuffer;
using cuda::Stream;

/// Rows times epochs of a launch at most: what a thread does in well under a second.
constexpr std::uint32_t kRowsInLaunch = 1U << 19;

std::size_t shape_of_topology(const Topology& t) {
  const std::span<const cuda::ShapeSize> all = cuda::shapes();
  if (t.hidden_layer_sizes.size() != 2) return all.size();
  const auto equal = [](std::uint32_t a, std::int32_t b) { return static_cast<std::int64_t>(a) == b; };
  return static_cast<std::size_t>(std::ranges::find_if(all,
                                                       [&](const cuda::ShapeSize& s) {
                                                         return equal(s.n_inputs, t.n_inputs) &&
                                                                equal(s.n_hidden_1, t.hidden_layer_sizes[0]) &&
                                                                equal(s.n_hidden_2, t.hidden_layer_sizes[1]) &&
                                                                equal(s.n_outputs, t.n_outputs);
                                                       }) -
                                  all.begin());
}

bool has_velocity(const Trial& trial) { return trial.hyperparameters.momentum > 0; }
bool has_patience(const Trial& trial) { return trial.hyperparameters.n_iter_no_change > 0; }

/// A fold's rows on the device.
struct Fold {
  DeviceBuffer<float> offset, factor, fill, targets;
  DeviceBuffer<std::uint32_t> validation;
  double validation_weight = 0;
};

/// The host's half of a place.
struct Place {
  std::size_t gang = 0;
  std::uint32_t index = 0;  ///< in the gang
  bool occupied = false;
  Trial trial;
  TrialState state;  ///< its scalars
};

struct DeviceGang {
  Gang gang;
  std::size_t shape = 0;
  std::size_t n_parameters = 0;
  DeviceBuffer<float> weights, velocity, best;
  DeviceBuffer<cuda::NetworkRules> rules;
  DeviceBuffer<cuda::NetworkState> states;
  std::vector<cuda::NetworkRules> host_rules;
  std::vector<cuda::NetworkState> host_states;
};

/// What one launch needs of a gang, in order of upload.
struct Chunk {
  std::size_t gang = 0;
  std::uint32_t first_epoch = 0, n_epochs = 0;
  std::size_t rates = 0, records = 0, order = 0, training_weight = 0;  ///< offsets
};

class CudaEngine final : public Engine {
 public:
  CudaEngine(const Dataset& dataset, const EngineOptions& options) : dataset_(&dataset), options_(options) {
    if (options.precision != Precision::strict) {
      throw UnavailableError("trainer.precision = " + std::string(shoal::name(options.precision)) +
                             ": engine cuda computes in strict precision only");
    }
    inputs_ = cuda::uploaded(std::span<const float>(dataset.inputs), stream_);
    row_weights_ = cuda::uploaded(std::span<const float>(dataset.weights), stream_);
    stream_.wait();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "cuda"; }

  [[nodiscard]] std::string why_not(const Trial& trial) const override {
    const Hyperparameters& h = trial.hyperparameters;
    if (shape_of_topology(trial.topology) == cuda::shapes().size()) {
      std::string known;
      for (const cuda::ShapeSize& s : cuda::shapes()) {
        known += (known.empty() ? "" : ", ") + std::to_string(s.n_inputs) + "-" + std::to_string(s.n_hidden_1) + "-" +
                 std::to_string(s.n_hidden_2) + "-" + std::to_string(s.n_outputs);
      }
      return "engine cuda has kernels for the shapes " + known + " only";
    }
    if (h.solver != Solver::sgd) return "engine cuda does not do solver = " + std::string(shoal::name(h.solver));
    if (h.loss != Loss::squared_error && h.loss != Loss::half_squared_error) {
      return "engine cuda does not do loss = " + std::string(shoal::name(h.loss));
    }
    if (options_.metric != Metric::val_loss && options_.metric != Metric::train_loss) {
      return "engine cuda does not compute metric " + std::string(shoal::name(options_.metric)) +
             ", only val_loss and train_loss";
    }
    return {};
  }

  [[nodiscard]] std::uint32_t gang_size(const GangKey&) const override { return cuda::kNetworksInBlock; }

  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const override {
    const std::uint64_t vectors = gang.keeps_best ? 3 : 2;
    return vectors * gang.key.topology.n_parameters() * sizeof(float) + sizeof(cuda::NetworkRules) +
           sizeof(cuda::NetworkState) + 64 * (sizeof(float) + sizeof(cuda::NetworkRecord));
  }

  [[nodiscard]] std::uint64_t workspace_bytes(std::span<const Gang>) const override {
    const std::uint64_t table = (dataset_->inputs.size() + dataset_->weights.size()) * sizeof(float);
    const std::uint64_t fold =
        dataset_->n_rows * (static_cast<std::uint64_t>(dataset_->n_targets()) + 1) * sizeof(float);
    const std::uint64_t orders = std::max<std::uint64_t>(kRowsInLaunch, dataset_->n_rows) * sizeof(std::uint32_t);
    return table + dataset_->splits.size() * (fold + orders);
  }

  void prepare(std::span<const Gang> gangs) override {
    places_.clear();
    gangs_.clear();
    for (const Gang& gang : gangs) {
      DeviceGang g;
      g.gang = gang;
      g.shape = shape_of_topology(gang.key.topology);
      if (g.shape == cuda::shapes().size()) throw Error("engine cuda: a gang has a shape without a kernel");
      g.n_parameters = gang.key.topology.n_parameters();
      const std::size_t n_floats = g.n_parameters * gang.n_slots;
      g.weights = DeviceBuffer<float>(n_floats);
      g.velocity = DeviceBuffer<float>(n_floats);
      if (gang.keeps_best) g.best = DeviceBuffer<float>(n_floats);
      g.rules = DeviceBuffer<cuda::NetworkRules>(gang.n_slots);
      g.states = DeviceBuffer<cuda::NetworkState>(gang.n_slots);
      g.host_rules.resize(gang.n_slots);
      g.host_states.resize(gang.n_slots);
      if (places_.size() < gang.first_slot + gang.n_slots) places_.resize(gang.first_slot + gang.n_slots);
      for (std::uint32_t i = 0; i < gang.n_slots; ++i) {
        places_[gang.first_slot + i].gang = gangs_.size();
        places_[gang.first_slot + i].index = i;
      }
      static_cast<void>(fold(gang.key.fold));
      gangs_.push_back(std::move(g));
    }
  }

  void place(Slot slot, const Trial& trial, const TrialState& state) override {
    Place& place = places_.at(slot);
    DeviceGang& g = gangs_.at(place.gang);
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    if (has_patience(trial) && g.best.size() == 0) {
      throw Error("engine cuda: place " + std::to_string(slot) + " was not prepared to keep the best parameters");
    }
    const std::size_t n = g.gang.n_slots;
    g.weights.upload_column(state.parameters, place.index, n, stream_);
    const std::vector<float> zeros(g.n_parameters, 0.0F);
    const bool moves = state.first_moment.size() == g.n_parameters;
    g.velocity.upload_column(moves ? state.first_moment : zeros, place.index, n, stream_);
    if (has_patience(trial)) {
      const bool known = !state.best_parameters.empty();
      g.best.upload_column(known ? state.best_parameters : state.parameters, place.index, n, stream_);
    }
    stream_.wait();
    const Hyperparameters& h = trial.hyperparameters;
    g.host_rules[place.index] = {static_cast<float>(h.momentum),
                                 static_cast<float>(h.alpha),
                                 0,
                                 has_velocity(trial),
                                 h.nesterovs_momentum,
                                 {static_cast<std::uint32_t>(h.max_iter),
                                  static_cast<std::uint32_t>(h.n_iter_no_change), h.tol, options_.maximize}};
    g.host_states[place.index] = {{state.epoch, state.n_stalled, state.best_epoch, state.best_metric},
                                  static_cast<math::EpochVerdict>(state.status)};
    place.occupied = true;
    place.trial = trial;
    place.state = state;
    for (std::vector<float>* vector : {&place.state.parameters, &place.state.first_moment, &place.state.second_moment,
                                       &place.state.best_parameters}) {
      *vector = {};
    }
  }

  void train(std::span<const TrainTarget> targets, std::stop_token stop, std::vector<EpochRecord>& records,
             std::vector<Slot>&) override {
    for (DeviceGang& g : gangs_) {
      for (cuda::NetworkRules& rules : g.host_rules) rules.target_epoch = 0;
    }
    for (const TrainTarget& target : targets) {
      const Place& place = occupied(target.slot);
      gangs_[place.gang].host_rules[place.index].target_epoch = target.epoch;
    }
    // Launches end between epochs, so that a stop loses no network.
    while (!stop.stop_requested()) {
      const std::vector<Chunk> chunks = next_chunks();
      if (chunks.empty()) return;
      run(chunks, records);
    }
  }

  [[nodiscard]] std::vector<MetricSums> evaluate(std::span<const Slot> slots, RowSet set) override {
    std::vector<MetricSums> sums;
    for (const Slot slot : slots) {
      const Place& place = occupied(slot);
      const DeviceGang& g = gangs_[place.gang];
      const Split& split = dataset_->splits.at(place.trial.fold);
      const std::vector<std::uint32_t>& rows = set == RowSet::test ? dataset_->test : split.validation;
      cuda::ProbeTask task = probe_task(place.trial, static_cast<std::uint32_t>(rows.size()));
      const auto device_rows = cuda::uploaded(std::span<const std::uint32_t>(rows), stream_);
      const auto n_out = static_cast<std::size_t>(place.trial.topology.n_outputs);
      DeviceBuffer<float> outputs(rows.size() * n_out);
      DeviceBuffer<float> losses(rows.size());
      task.rows = rows_of(place.trial.fold);
      task.row = device_rows.get();
      task.weights = g.weights.get() + place.index;
      task.stride = g.gang.n_slots;
      task.outputs = outputs.get();
      task.row_loss = losses.get();
      cuda::launch_probe(g.shape, task, stream_.get());
      const std::vector<float> host_outputs = to_host(outputs);
      const std::vector<float> host_losses = to_host(losses);
      MetricCollector collector(*dataset_, split, place.trial.hyperparameters.loss, std::nullopt);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        collector.add(rows[r], host_losses[r], std::span(host_outputs).subspan(r * n_out, n_out));
      }
      sums.push_back(collector.sums());
    }
    return sums;
  }

  [[nodiscard]] TrialState read(Slot slot) const override {
    const Place& place = places_.at(slot);
    if (!place.occupied) throw Error("engine cuda: there is no network at place " + std::to_string(slot));
    const DeviceGang& g = gangs_[place.gang];
    TrialState state = place.state;
    const auto column = [&](const DeviceBuffer<float>& from, std::vector<float>& to) {
      to.resize(g.n_parameters);
      from.download_column(to, place.index, g.gang.n_slots, stream_);
    };
    column(g.weights, state.parameters);
    if (has_velocity(place.trial)) column(g.velocity, state.first_moment);
    if (has_patience(place.trial) && state.best_epoch > 0) column(g.best, state.best_parameters);
    stream_.wait();
    return state;
  }

  TrialState take(Slot slot) override {
    TrialState state = read(slot);
    Place& place = places_[slot];
    place.occupied = false;
    gangs_[place.gang].host_states[place.index] = {};
    return state;
  }

  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs) override {
    const std::size_t shape = shape_or_throw(trial);
    const std::size_t n_rows = inputs.size() / static_cast<std::size_t>(trial.topology.n_inputs);
    const auto weights = cuda::uploaded(parameters, stream_);
    const auto rows = cuda::uploaded(inputs, stream_);
    DeviceBuffer<float> outputs(n_rows * static_cast<std::size_t>(trial.topology.n_outputs));
    cuda::ProbeTask task = probe_task(trial, static_cast<std::uint32_t>(n_rows));
    task.rows.inputs = rows.get();
    task.weights = weights.get();
    task.outputs = outputs.get();
    cuda::launch_probe(shape, task, stream_.get());
    return to_host(outputs);
  }

  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters,
                          std::span<const std::uint32_t> rows) override {
    const std::size_t shape = shape_or_throw(trial);
    std::size_t n_units = 0;
    for (std::size_t l = 0; l < trial.topology.n_layers(); ++l) {
      n_units += static_cast<std::size_t>(trial.topology.fan_out(l));
    }
    const auto weights = cuda::uploaded(parameters, stream_);
    const auto device_rows = cuda::uploaded(rows, stream_);
    DeviceBuffer<float> z(rows.size() * n_units);
    DeviceBuffer<float> a(rows.size() * n_units);
    DeviceBuffer<float> losses(rows.size());
    DeviceBuffer<float> gradient(parameters.size());
    cuda::ProbeTask task = probe_task(trial, static_cast<std::uint32_t>(rows.size()));
    task.rows = rows_of(trial.fold);
    task.row = device_rows.get();
    task.weights = weights.get();
    task.alpha = static_cast<float>(trial.hyperparameters.alpha);
    task.z = z.get();
    task.a = a.get();
    task.row_loss = losses.get();
    task.gradient = gradient.get();
    cuda::launch_probe(shape, task, stream_.get());
    Pass pass;
    pass.z = by_layer(trial.topology, to_host(z), rows.size(), n_units);
    pass.a = by_layer(trial.topology, to_host(a), rows.size(), n_units);
    const std::vector<float> host_gradient = to_host(gradient);
    pass.gradient.assign(host_gradient.begin(), host_gradient.end());
    math::Sum32 loss;
    math::Sum32 weight;
    const std::vector<float> host_losses = to_host(losses);
    for (std::size_t r = 0; r < rows.size(); ++r) {
      loss.add(row_weight(rows[r]) * static_cast<double>(host_losses[r]));
      weight.add(row_weight(rows[r]));
    }
    pass.loss = loss.total() / weight.total();
    return pass;
  }

 private:
  const Place& occupied(Slot slot) const {
    const Place& place = places_.at(slot);
    if (!place.occupied) throw Error("engine cuda: there is no network at place " + std::to_string(slot));
    return place;
  }

  std::size_t shape_or_throw(const Trial& trial) const {
    if (const std::string why = why_not(trial); !why.empty()) throw Error(why);
    return shape_of_topology(trial.topology);
  }

  double row_weight(std::uint32_t row) const {
    return dataset_->weights.empty() ? 1.0 : static_cast<double>(dataset_->weights[row]);
  }

  double weight_of(std::span<const std::uint32_t> rows) const {
    math::Sum32 sum;
    for (const std::uint32_t row : rows) sum.add(row_weight(row));
    return sum.total();
  }

  std::vector<float> to_host(const DeviceBuffer<float>& buffer) const {
    std::vector<float> host(buffer.size());
    buffer.download(host, stream_);
    stream_.wait();
    return host;
  }

  static std::vector<std::vector<double>> by_layer(const Topology& topology, const std::vector<float>& units,
                                                   std::size_t n_rows, std::size_t n_units) {
    std::vector<std::vector<double>> layers(topology.n_layers());
    std::size_t first = 0;
    for (std::size_t l = 0; l < layers.size(); ++l) {
      const auto n = static_cast<std::size_t>(topology.fan_out(l));
      for (std::size_t r = 0; r < n_rows; ++r) {
        const auto row = std::span(units).subspan(r * n_units + first, n);
        layers[l].insert(layers[l].end(), row.begin(), row.end());
      }
      first += n;
    }
    return layers;
  }

  /// Uploaded at first use. Targets are scaled here by the function that every engine shares.
  const Fold& fold(std::uint32_t index) {
    const auto [found, is_new] = folds_.try_emplace(index);
    Fold& fold = found->second;
    if (!is_new) return fold;
    const Split& split = dataset_->splits.at(index);
    const auto n_out = static_cast<std::size_t>(dataset_->n_targets());
    std::vector<float> targets(dataset_->n_rows * n_out);
    for (std::size_t r = 0; r < dataset_->n_rows; ++r) {
      fill_target(*dataset_, split, Loss::squared_error, static_cast<std::uint32_t>(r),
                  std::span(targets).subspan(r * n_out, n_out));
    }
    fold.targets = cuda::uploaded(std::span<const float>(targets), stream_);
    fold.offset = cuda::uploaded(std::span<const float>(split.inputs.offset), stream_);
    fold.factor = cuda::uploaded(std::span<const float>(split.inputs.factor), stream_);
    fold.fill = cuda::uploaded(std::span<const float>(split.inputs.fill), stream_);
    fold.validation = cuda::uploaded(std::span<const std::uint32_t>(split.validation), stream_);
    fold.validation_weight = weight_of(split.validation);
    stream_.wait();
    return fold;
  }

  cuda::Rows rows_of(std::uint32_t index) {
    const Fold& f = fold(index);
    return {inputs_.get(), f.targets.get(), row_weights_.get(), f.offset.get(), f.factor.get(), f.fill.get()};
  }

  static cuda::ProbeTask probe_task(const Trial& trial, std::uint32_t n_rows) {
    cuda::ProbeTask task;
    task.n_rows = n_rows;
    task.half_loss = trial.hyperparameters.loss == Loss::half_squared_error;
    task.act_1 = static_cast<cuda::Act>(trial.topology.activation(0));
    task.act_2 = static_cast<cuda::Act>(trial.topology.activation(1));
    return task;
  }

  const Place& place_of(const DeviceGang& g, std::uint32_t i) const { return places_[g.gang.first_slot + i]; }

  /// For every gang with something to train: the epochs that the next launch runs.
  std::vector<Chunk> next_chunks() const {
    std::vector<Chunk> chunks;
    for (std::size_t k = 0; k < gangs_.size(); ++k) {
      const DeviceGang& g = gangs_[k];
      std::uint32_t first = UINT32_MAX;
      std::uint32_t last = 0;
      for (std::uint32_t i = 0; i < g.gang.n_slots; ++i) {
        const std::uint32_t epoch = g.host_states[i].progress.epoch;
        const std::uint32_t target = std::min(g.host_rules[i].target_epoch, g.host_rules[i].epoch.max_iter);
        if (g.host_states[i].verdict != math::EpochVerdict::go_on || epoch >= target) continue;
        first = std::min(first, epoch);
        last = std::max(last, target);
      }
      if (first >= last) continue;
      const auto n_rows = static_cast<std::uint32_t>(dataset_->splits.at(g.gang.key.fold).training.size());
      const std::uint32_t most = std::clamp(kRowsInLaunch / std::max(1U, n_rows), 1U, 64U);
      chunks.push_back({.gang = k, .first_epoch = first, .n_epochs = std::min(most, last - first)});
    }
    return chunks;
  }

  /// The table's rows for the epochs of a chunk, one upload for all gangs that share them.
  void add_order(Chunk& chunk) {
    const DeviceGang& g = gangs_[chunk.gang];
    const GangKey& key = g.gang.key;
    const auto [found, is_new] = order_offsets_.try_emplace(
        {key.fold, static_cast<std::uint8_t>(key.shuffle), key.shuffle_seed, chunk.first_epoch, chunk.n_epochs},
        std::pair(host_orders_.size(), host_training_weights_.size()));
    std::tie(chunk.order, chunk.training_weight) = found->second;
    if (!is_new) return;
    const std::vector<std::uint32_t>& training = dataset_->splits.at(key.fold).training;
    Trial trial;  // what fill_epoch_order reads of one
    trial.hyperparameters.shuffle = key.shuffle;
    trial.shuffle_seed = key.shuffle_seed;
    std::vector<std::uint32_t> order(training.size());
    for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
      fill_epoch_order(trial, chunk.first_epoch + e, order);
      for (std::uint32_t& row : order) row = training[row];
      host_orders_.insert(host_orders_.end(), order.begin(), order.end());
      host_training_weights_.push_back(weight_of(order));
    }
  }

  void add_rates(Chunk& chunk) {
    const DeviceGang& g = gangs_[chunk.gang];
    const auto n_rows = static_cast<std::uint32_t>(dataset_->splits.at(g.gang.key.fold).training.size());
    chunk.rates = chunk.records = host_rates_.size();
    for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
      for (std::uint32_t i = 0; i < g.gang.n_slots; ++i) {
        const Place& place = place_of(g, i);
        host_rates_.push_back(place.occupied ? epoch_rate(place.trial, n_rows, chunk.first_epoch + e) : 0.0F);
      }
    }
  }

  cuda::TrainTask task_of(const Chunk& chunk) {
    const DeviceGang& g = gangs_[chunk.gang];
    const GangKey& key = g.gang.key;
    const Split& split = dataset_->splits.at(key.fold);
    const Fold& f = fold(key.fold);
    Trial trial;  // what rows_in_minibatch reads of one
    trial.hyperparameters.batch_size = key.batch_size;
    cuda::TrainTask task;
    task.rows = rows_of(key.fold);
    task.order = orders_.get() + chunk.order;
    task.training_weight = training_weights_.get() + chunk.training_weight;
    task.validation = f.validation.get();
    task.validation_weight = f.validation_weight;
    task.n_training = static_cast<std::uint32_t>(split.training.size());
    task.n_validation = static_cast<std::uint32_t>(split.validation.size());
    task.batch = rows_in_minibatch(trial, task.n_training);
    task.first_epoch = chunk.first_epoch;
    task.n_epochs = chunk.n_epochs;
    task.n_networks = g.gang.n_slots;
    task.half_loss = key.loss == Loss::half_squared_error;
    task.watches_train_loss = options_.metric == Metric::train_loss;
    task.act_1 = static_cast<cuda::Act>(key.topology.activation(0));
    task.act_2 = static_cast<cuda::Act>(key.topology.activation(1));
    task.rates = rates_.get() + chunk.rates;
    task.rules = g.rules.get();
    task.states = g.states.get();
    task.weights = g.weights.get();
    task.velocity = g.velocity.get();
    task.best = g.best.get();
    task.records = records_.get() + chunk.records;
    return task;
  }

  void upload(std::vector<Chunk>& chunks) {
    host_orders_.clear();
    host_training_weights_.clear();
    host_rates_.clear();
    order_offsets_.clear();
    for (Chunk& chunk : chunks) {
      add_order(chunk);
      add_rates(chunk);
      DeviceGang& g = gangs_[chunk.gang];
      g.rules.upload(g.host_rules, stream_);
      g.states.upload(g.host_states, stream_);
    }
    orders_.grow(host_orders_.size());
    orders_.upload(host_orders_, stream_);
    training_weights_.grow(host_training_weights_.size());
    training_weights_.upload(host_training_weights_, stream_);
    rates_.grow(host_rates_.size());
    rates_.upload(host_rates_, stream_);
    records_.grow(host_rates_.size());
    host_records_.assign(host_rates_.size(), {});
    records_.upload(host_records_, stream_);
  }

  /// One launch a shape, a block for every kNetworksInBlock places.
  void launch(const std::vector<Chunk>& chunks) {
    host_tasks_.clear();
    std::vector<std::pair<std::size_t, std::uint32_t>> launches;  // shape, blocks
    for (std::size_t shape = 0; shape < cuda::shapes().size(); ++shape) {
      const std::size_t before = host_tasks_.size();
      for (const Chunk& chunk : chunks) {
        if (gangs_[chunk.gang].shape != shape) continue;
        cuda::TrainTask task = task_of(chunk);
        for (; task.first_network < task.n_networks; task.first_network += cuda::kNetworksInBlock) {
          host_tasks_.push_back(task);
        }
      }
      launches.emplace_back(shape, static_cast<std::uint32_t>(host_tasks_.size() - before));
    }
    tasks_.grow(host_tasks_.size());
    tasks_.upload(host_tasks_, stream_);
    std::size_t first = 0;
    for (const auto& [shape, n_blocks] : launches) {
      if (n_blocks > 0) cuda::launch_train(shape, tasks_.get() + first, n_blocks, stream_.get());
      first += n_blocks;
    }
  }

  void run(std::vector<Chunk> chunks, std::vector<EpochRecord>& records) {
    upload(chunks);
    launch(chunks);
    for (const Chunk& chunk : chunks) gangs_[chunk.gang].states.download(gangs_[chunk.gang].host_states, stream_);
    records_.download(host_records_, stream_);
    stream_.wait();
    for (const Chunk& chunk : chunks) take_over(chunk, records);
  }

  /// Brings the host's half of a gang up to date and hands out its records.
  void take_over(const Chunk& chunk, std::vector<EpochRecord>& records) {
    const DeviceGang& g = gangs_[chunk.gang];
    const std::uint32_t n = g.gang.n_slots;
    const double validation_weight = fold(g.gang.key.fold).validation_weight;
    const auto n_rows = static_cast<std::uint32_t>(dataset_->splits.at(g.gang.key.fold).training.size());
    for (std::uint32_t i = 0; i < n; ++i) {
      Place& place = places_[g.gang.first_slot + i];
      if (!place.occupied) continue;
      const std::uint32_t batch = rows_in_minibatch(place.trial, n_rows);
      for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
        const cuda::NetworkRecord& record = host_records_[chunk.records + static_cast<std::size_t>(e) * n + i];
        if (record.ran == 0) continue;
        records.push_back({g.gang.first_slot + i, chunk.first_epoch + e + 1, record.train_loss,
                           host_training_weights_[chunk.training_weight + e], record.val_loss, validation_weight,
                           record.metric});
        place.state.step += (n_rows + batch - 1) / batch;
      }
      const cuda::NetworkState& state = g.host_states[i];
      place.state.epoch = state.progress.epoch;
      place.state.n_stalled = state.progress.n_stalled;
      place.state.best_epoch = state.progress.best_epoch;
      place.state.best_metric = state.progress.best_metric;
      place.state.status = static_cast<TrialStatus>(state.verdict);
    }
  }

  using OrderKey = std::tuple<std::uint32_t, std::uint8_t, std::uint64_t, std::uint32_t, std::uint32_t>;

  const Dataset* dataset_;
  EngineOptions options_;
  Stream stream_;
  DeviceBuffer<float> inputs_, row_weights_, rates_;
  DeviceBuffer<std::uint32_t> orders_;
  DeviceBuffer<double> training_weights_;
  DeviceBuffer<cuda::NetworkRecord> records_;
  DeviceBuffer<cuda::TrainTask> tasks_;
  std::vector<float> host_rates_;
  std::vector<std::uint32_t> host_orders_;
  std::vector<double> host_training_weights_;
  std::vector<cuda::NetworkRecord> host_records_;
  std::vector<cuda::TrainTask> host_tasks_;
  std::map<OrderKey, std::pair<std::size_t, std::size_t>> order_offsets_;
  std::map<std::uint32_t, Fold> folds_;
  std::vector<DeviceGang> gangs_;
  std::vector<Place> places_;
};

}  // namespace

std::unique_ptr<Engine> make_cuda_engine(const Dataset& dataset, const EngineOptions& options) {
  return std::make_unique<CudaEngine>(dataset, options);
}

}  // namespace shoal
