#include "engine/cuda/device_gangs.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "engine/cuda/network_state.hpp"
#include "engine/cuda/supported.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/error.hpp"

namespace shoal::cuda {
namespace {

/// Vectors begin at whole lines of the device's memory.
constexpr std::size_t kLineFloats = 32;
constexpr std::size_t lines(std::size_t n_floats) { return (n_floats + kLineFloats - 1) / kLineFloats * kLineFloats; }

/// Device memory of a block beside its network's.
std::size_t memory_floats(const NetworkShape& shape) {
  return shape.gradient_is_shared() ? 0 : lines(shape.weight_floats);
}

/// A block's kernel that is built for its shape trains a quarter sooner (docs/decisions/block-per-network.md).
constexpr double kShareSaved = 0.25;
constexpr double kUsualEpochs = 1000;  ///< where nobody says

[[noreturn]] void refuse(Slot slot, const char* what) {
  throw Error("engine cuda: place " + std::to_string(slot) + " was not prepared to " + what);
}

}  // namespace

DeviceGangs::DeviceGangs(const EngineOptions& options, const DeviceTable& table, const Stream& stream)
    : stream_(&stream),
      table_(&table),
      maximize_(options.maximize),
      metric_(watched_metric(options.metric)),
      operands_(operands_of(options.precision)),
      choice_(options, table) {}

std::size_t DeviceGangs::n_outputs(const GangKey& key) const {
  if (metric_ != WatchedMetric::by_host) return 0;
  return table_->split(key.fold).validation.size() * static_cast<std::size_t>(key.topology.n_outputs);
}

std::uint64_t DeviceGangs::bytes_per_slot(const Gang& gang) const {
  const NetworkShape shape(gang.key.topology, gang.has_dropout, reads_outputs(metric_), operands_);
  const bool alone = choice_.of(gang) == Way::blocks;
  const std::uint64_t n_slots = std::max(1U, gang.n_slots);
  const std::uint64_t n_columns = alone ? 1 : n_slots;
  const std::uint64_t vectors = 2U + (has_second_moment(gang.key.solver) ? 1U : 0U) + (gang.keeps_best ? 1U : 0U);
  const std::uint64_t n_floats = vectors * lines(shape.n_parameters * n_columns) + (alone ? memory_floats(shape) : 0);
  const auto share = [](std::uint64_t bytes, std::uint64_t n) { return (bytes + n - 1) / n; };
  return sizeof(NetworkRules) + sizeof(NetworkState) + share(n_floats * sizeof(float), n_columns) +
         n_outputs(gang.key) * sizeof(float) + share(shape.layers.size() * sizeof(Layer), n_slots);
}

void DeviceGangs::release() {
  gangs_.clear();
  places_.clear();
  shapes_.clear();
  layers_ = {};
  floats_ = {};
  outputs_ = {};
  device_rules_ = {};
  device_states_ = {};
}

void DeviceGangs::prepare(std::span<const Gang> gangs) {
  release();
  for (const Gang& gang : gangs) add_gang(gang);
  build_block_kernels();
  upload_layers();
  std::size_t n_watched = 0;
  for (DeviceGang& gang : gangs_) {
    gang.first_output = n_watched;
    n_watched += n_outputs(gang.key) * gang.n_slots;
  }
  outputs_.renew(n_watched);
  // Twice the same way: to learn how much it is, and to hand it out.
  std::size_t n_floats = 0;
  for (DeviceGang& gang : gangs_) allot(gang, n_floats);
  floats_.renew(n_floats);
  n_floats = 0;
  for (DeviceGang& gang : gangs_) allot(gang, n_floats);
  rules_.assign(places_.size(), {});
  rules_are_new_ = true;
  states_.assign(places_.size(), {});
  device_rules_.renew(places_.size());
  device_states_.renew(places_.size());
}

void DeviceGangs::add_gang(const Gang& gang) {
  if (places_.size() < gang.first_slot + gang.n_slots) places_.resize(gang.first_slot + gang.n_slots);
  const ThreadKernel* const kernel = choice_.of(gang) == Way::threads ? thread_kernel(gang) : nullptr;
  const std::uint32_t step = kernel == nullptr ? 1 : gang.n_slots;
  const NetworkShape& shape = shapes_
                                  .try_emplace({gang.key.topology, gang.has_dropout}, gang.key.topology,
                                               gang.has_dropout, reads_outputs(metric_), operands_)
                                  .first->second;
  for (std::uint32_t first = 0; first < gang.n_slots; first += step) {
    for (std::uint32_t i = 0; i < step; ++i) places_[gang.first_slot + first + i].gang = gangs_.size();
    DeviceGang part;
    part.key = gang.key;
    part.first_slot = gang.first_slot + first;
    part.n_slots = step;
    part.n_epochs = gang.n_epochs;
    part.keeps_best = gang.keeps_best;
    part.has_dropout = gang.has_dropout;
    part.thread_kernel = kernel;
    part.shape = &shape;
    gangs_.push_back(std::move(part));
  }
}

/// Null where it cannot be built, and the program has none for such networks: blocks give the same bits.
const ThreadKernel* DeviceGangs::thread_kernel(const Gang& gang) {
  const bool weighted = table_->has_row_weights();
  const ThreadKernel* built = nullptr;
  if (has_built_kernel(gang, weighted)) {
    built =
        unless_refused([&] { return &builder_.thread_kernel(gang.key.topology, thread_variant(gang.key, weighted)); });
  }
  return built != nullptr ? built : compiled_thread_kernel(gang.key, weighted);
}

/// For shapes whose networks keep the device busy for so long that a build pays; others have the program's kernel.
void DeviceGangs::build_block_kernels() {
  std::map<const NetworkShape*, double> seconds;
  for (const DeviceGang& gang : gangs_) {
    if (!gang.has_block_alone()) continue;
    const double n_epochs = gang.n_epochs > 0 ? gang.n_epochs : kUsualEpochs;
    seconds[gang.shape] += n_epochs * choice_.of_block(gang.key, *gang.shape).full;
  }
  std::map<const NetworkShape*, const void*> functions;
  for (const auto& [shape, of_shape] : seconds) {
    if (kShareSaved * of_shape < kSecondsOfBuild || !why_no_builder().empty()) continue;
    functions[shape] = unless_refused([&, asked = shape] { return builder_.block_function(*asked); });
  }
  for (DeviceGang& gang : gangs_) {
    if (const auto found = functions.find(gang.shape); found != functions.end()) gang.block_function = found->second;
  }
}

/// build(), or null where it fails, has failed before: what was to be built can be done without.
template <class Build>
auto DeviceGangs::unless_refused(Build build) -> decltype(build()) {
  if (!why_not_built_.empty()) return nullptr;
  try {
    return build();
  } catch (const OutOfMemoryError&) {
    throw;
  } catch (const Error& error) {
    why_not_built_ = error.what();
    return nullptr;
  }
}

std::vector<std::string> DeviceGangs::notes() const {
  if (why_not_built_.empty()) return {};
  return {"engine cuda: no kernels are built for single shapes, which would train sooner: " + why_not_built_};
}

void DeviceGangs::upload_layers() {
  std::vector<Layer> layers;
  std::map<const NetworkShape*, std::size_t> first;
  for (const auto& [key, shape] : shapes_) {
    first[&shape] = layers.size();
    layers.insert(layers.end(), shape.layers.begin(), shape.layers.end());
  }
  layers_.renew(layers.size());
  layers_.upload(layers, *stream_);
  stream_->wait();
  for (DeviceGang& gang : gangs_) gang.layers = layers_.get() + first.at(gang.shape);
}

/// Hands out the gang's parts of floats_ from n_floats on, which grows.
void DeviceGangs::allot(DeviceGang& gang, std::size_t& n_floats) {
  const auto take = [&](std::size_t n) {
    const std::size_t first = n_floats;
    n_floats += lines(n);
    return n_floats <= floats_.size() ? std::span(floats_.get() + first, n) : std::span<float>();
  };
  const std::size_t n = std::size_t{gang.shape->n_parameters} * gang.n_slots;
  gang.weights = {take(n), gang.n_slots};
  gang.first_moment = {take(n), gang.n_slots};
  if (has_second_moment(gang.key.solver)) gang.second_moment = {take(n), gang.n_slots};
  if (gang.keeps_best) gang.best = {take(n), gang.n_slots};
  if (!gang.has_block_alone()) return;
  const NetworkShape& shape = *gang.shape;
  if (!shape.gradient_is_shared()) gang.gradient = take(shape.weight_floats).data();
}

const DeviceGangs::Place& DeviceGangs::place_of(Slot slot) const {
  const Place& place = places_.at(slot);
  if (!place.occupied) throw Error("engine cuda: there is no network at place " + std::to_string(slot));
  return place;
}

void DeviceGangs::place(Slot slot, const Trial& trial, const TrialState& state) {
  const Hyperparameters& h = trial.hyperparameters;
  Place& place = places_.at(slot);
  DeviceGang& gang = gangs_[place.gang];
  const std::uint32_t column = slot - gang.first_slot;
  if (gang_key(trial) != gang.key) refuse(slot, "hold a network of another gang's key");
  if (has_patience(h) && !gang.keeps_best) refuse(slot, "keep the best parameters");
  if (h.dropout > 0 && !gang.has_dropout) refuse(slot, "drop units");
  const std::vector<float> zeros(state.parameters.size(), 0.0F);
  const auto or_zeros = [&](const std::vector<float>& moment) -> std::span<const float> {
    return moment.empty() ? zeros : moment;
  };
  gang.weights.write(column, state.parameters, *stream_);
  if (has_first_moment(h)) gang.first_moment.write(column, or_zeros(state.first_moment), *stream_);
  if (has_second_moment(h.solver)) gang.second_moment.write(column, or_zeros(state.second_moment), *stream_);
  if (has_patience(h)) {
    gang.best.write(column, state.best_parameters.empty() ? state.parameters : state.best_parameters, *stream_);
  }
  place.occupied = true;
  place.hyperparameters = h;
  rules_[slot] = rules_of(trial, maximize_);
  rules_are_new_ = true;
  states_[slot] = network_state(state);
}

TrialState DeviceGangs::read(Slot slot) {
  const Place& place = place_of(slot);
  const Hyperparameters& h = place.hyperparameters;
  DeviceGang& gang = gangs_[place.gang];
  const std::uint32_t column = slot - gang.first_slot;
  TrialState state = trial_state(states_[slot], h.solver);
  state.parameters = gang.weights.read(column, *stream_);
  if (has_first_moment(h)) state.first_moment = gang.first_moment.read(column, *stream_);
  if (has_second_moment(h.solver)) state.second_moment = gang.second_moment.read(column, *stream_);
  if (has_patience(h) && state.best_epoch > 0) state.best_parameters = gang.best.read(column, *stream_);
  return state;
}

void DeviceGangs::free(Slot slot) {
  places_.at(slot).occupied = false;
  states_[slot] = {};
}

std::vector<float> DeviceGangs::weights(Slot slot) {
  DeviceGang& gang = gangs_[place_of(slot).gang];
  return gang.weights.read(slot - gang.first_slot, *stream_);
}

void DeviceGangs::set_targets(std::span<const TrainTarget> targets) {
  for (NetworkState& state : states_) state.target_epoch = 0;
  for (const TrainTarget& target : targets) {
    static_cast<void>(place_of(target.slot));
    states_[target.slot].target_epoch = target.epoch;
  }
}

DeviceGangs::Epochs DeviceGangs::epochs_to_train(const DeviceGang& gang) const {
  Epochs epochs{UINT32_MAX, 0};
  for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
    const NetworkState& state = states_[slot];
    const std::uint32_t target = std::min(state.target_epoch, rules_[slot].epoch.max_iter);
    if (state.verdict != math::EpochVerdict::go_on || state.progress.epoch >= target) continue;
    epochs.begin = std::min(epochs.begin, state.progress.epoch);
    epochs.end = std::max(epochs.end, target);
  }
  return epochs.begin < epochs.end ? epochs : Epochs{};
}

void DeviceGangs::hand_to_device(std::span<const std::size_t> gangs) {
  for (const std::size_t number : gangs) {
    DeviceGang& gang = gangs_[number];
    for (Columns* columns : {&gang.weights, &gang.first_moment, &gang.second_moment, &gang.best}) {
      if (columns->exists()) columns->hand_to_device(*stream_);
    }
  }
  if (rules_are_new_) device_rules_.upload(rules_, *stream_);
  rules_are_new_ = false;
  device_states_.upload(states_, *stream_);
}

math::EpochDecision DeviceGangs::decide(Slot slot, const NetworkRecord& record) {
  NetworkState& state = states_[slot];
  ++state.progress.epoch;
  const math::EpochDecision decision = math::decide_epoch(state.progress, rules_[slot].epoch, record.metric,
                                                          record.train_loss / record.train_weight, record.finite);
  state.verdict = decision.verdict;
  return decision;
}

void DeviceGangs::fill(const DeviceGang& gang, TrainTask& task) const {
  task.shape = gang.shape->on_device(gang.layers);
  task.loss = static_cast<LossKind>(gang.key.loss);
  task.solver = static_cast<SolverKind>(gang.key.solver);
  task.metric = metric_;
  task.shuffle_seed = gang.key.shuffle_seed;
  task.n_networks = gang.n_slots;
  task.rules = device_rules_.get() + gang.first_slot;
  task.states = device_states_.get() + gang.first_slot;
  task.weights = gang.weights.get();
  task.first_moment = gang.first_moment.get();
  task.second_moment = gang.second_moment.get();
  task.best = gang.best.get();
  task.gradient = gang.gradient;
  if (metric_ == WatchedMetric::by_host) task.outputs = outputs_.get() + gang.first_output;
}

}  // namespace shoal::cuda
