#include "engine/cuda/training.hpp"

#include <algorithm>
#include <utility>

#include "engine/cuda/supported.hpp"
#include "engine/definition.hpp"
#include "kernels/cuda/take_decisions.cuh"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {

Training::Training(const EngineOptions& options, DeviceTable& table, const Stream& stream, KernelTime* time,
                   std::size_t order_rows)
    : metric_(watched_metric(options.metric)),
      operands_(operands_of(options.precision)),
      choice_(options, table),
      table_(&table),
      stream_(&stream),
      time_(time),
      most_order_rows_(order_rows),
      host_metric_(options.metric, table, stream) {
  if (time != nullptr) timer_.emplace();
}

bool Training::run(DeviceGangs& gangs, std::vector<EpochRecord>& records) {
  std::vector<Chunk> chunks = next_chunks(gangs);
  if (chunks.empty()) return false;
  upload(gangs, chunks);
  launch(gangs, chunks);
  gangs.download_states();
  host_records_.resize(host_rates_.size());
  records_.download(host_records_, *stream_);
  stream_->wait();
  if (time_ != nullptr) time_->milliseconds += timer_->end.milliseconds_since(timer_->begin);
  if (metric_ == WatchedMetric::by_host) decide(gangs, chunks);
  for (const Chunk& chunk : chunks) hand_out(gangs, chunk, records);
  return true;
}

/// Epochs of a launch at most, were the gang alone there. What the host decides, it decides before the next epoch.
std::uint32_t Training::most_epochs(const Gang& gang, Way way) const {
  if (metric_ == WatchedMetric::by_host) return 1;
  if (way == Way::threads) return epochs_in_launch(choice_.of_threads(gang.key, 1).alone);
  const NetworkShape shape(gang.key.topology, gang.has_dropout, reads_outputs(metric_), operands_);
  return epochs_in_launch(choice_.of_block(gang.key, shape).alone);
}

Training::Room Training::room_for(std::span<const Gang> gangs, const WayOf& way_of) const {
  Room room;
  std::size_t longest_order = 0;
  for (const Gang& gang : gangs) {
    const Way way = way_of(gang);
    const std::size_t n_epochs = most_epochs(gang, way);
    const bool alone = way == Way::blocks;
    room.records += gang.n_slots * n_epochs;
    room.tasks += alone ? gang.n_slots : (gang.n_slots + kNetworksInBlock - 1) / kNetworksInBlock;
    if (gang.key.shuffle == Shuffle::per_trial) continue;
    // Gangs may be in different epochs, and each of a gang's networks that have blocks alone.
    const std::size_t n_orders = alone ? gang.n_slots : 1;
    const std::size_t order = n_epochs * table_->n_training(gang.key.fold);
    room.order_weights += 2 * n_orders * n_epochs;
    room.order_rows += n_orders * order;
    longest_order = std::max(longest_order, order);
  }
  room.order_rows = std::min(room.order_rows, std::max(most_order_rows_, longest_order));
  return room;
}

std::uint64_t Training::bytes_per_slot(const Gang& gang) const {
  const std::uint64_t of_decision = metric_ == WatchedMetric::by_host ? sizeof(math::EpochDecision) : 0;
  return most_epochs(gang, choice_.of(gang)) * (sizeof(float) + sizeof(NetworkRecord) + of_decision);
}

std::uint64_t Training::shared_bytes(std::span<const Gang> gangs) const {
  const Room room = room_for(gangs, [this](const Gang& gang) { return choice_.of(gang); });
  return room.order_rows * sizeof(std::uint32_t) + room.order_weights * sizeof(double) + room.tasks * sizeof(TrainTask);
}

void Training::prepare(std::span<const Gang> gangs, const DeviceGangs& made) {
  const Room room = room_for(gangs, [&](const Gang& gang) { return made.way_of(gang.first_slot); });
  rates_.renew(room.records);
  records_.renew(room.records);
  if (metric_ == WatchedMetric::by_host) decisions_.renew(room.records);
  orders_.renew(room.order_rows);
  training_weights_.renew(room.order_weights);
  tasks_.renew(room.tasks);
}

void Training::release() {
  rates_ = {};
  records_ = {};
  decisions_ = {};
  orders_ = {};
  training_weights_ = {};
  tasks_ = {};
}

std::vector<Training::Chunk> Training::next_chunks(const DeviceGangs& gangs) const {
  std::vector<Chunk> chunks;
  double all = 0;
  for (std::size_t k = 0; k < gangs.all().size(); ++k) {
    const DeviceGang& gang = gangs.all()[k];
    const DeviceGangs::Epochs epochs = gangs.epochs_to_train(gang);
    if (epochs.begin == epochs.end) continue;
    const EpochSeconds epoch =
        gang.has_block_alone() ? choice_.of_block(gang.key, *gang.shape) : choice_.of_threads(gang.key, gang.n_slots);
    all += epoch.full;
    chunks.push_back({.gang = k,
                      .first_epoch = epochs.begin,
                      .n_epochs = std::min(epochs.end - epochs.begin, epochs_in_launch(epoch.alone)),
                      .epoch_seconds = epoch.alone});
  }
  const std::uint32_t most = metric_ == WatchedMetric::by_host ? 1 : epochs_in_launch(all);
  for (Chunk& chunk : chunks) chunk.n_epochs = std::min(chunk.n_epochs, most);
  return chunks;
}

bool Training::add_order(const DeviceGang& gang, Chunk& chunk) {
  const GangKey& key = gang.key;
  const bool for_threads = !gang.has_block_alone();
  if (key.shuffle == Shuffle::per_trial) return true;  // the network draws its own
  const std::vector<std::uint32_t>& training = table_->split(key.fold).training;
  const OrderKey order_key{key.fold,         static_cast<std::uint8_t>(key.shuffle),
                           key.shuffle_seed, chunk.first_epoch,
                           chunk.n_epochs,   for_threads};
  const auto found = order_offsets_.find(order_key);
  if (found != order_offsets_.end()) {
    std::tie(chunk.order, chunk.training_weight) = found->second;
    return true;
  }
  if (host_orders_.size() + chunk.n_epochs * training.size() > orders_.size()) return false;
  chunk.order = host_orders_.size();
  chunk.training_weight = host_training_weights_.size();
  order_offsets_.emplace(order_key, std::pair(chunk.order, chunk.training_weight));
  Trial trial;  // what fill_epoch_order reads of one
  trial.hyperparameters.shuffle = key.shuffle;
  trial.shuffle_seed = key.shuffle_seed;
  std::vector<std::uint32_t> order(training.size());
  for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
    fill_epoch_order(trial, chunk.first_epoch + e, order);
    for (std::uint32_t& row : order) row = training[row];
    host_orders_.insert(host_orders_.end(), order.begin(), order.end());
    if (!for_threads) continue;
    host_training_weights_.push_back(table_->weight_of(order));
    host_training_weights_.push_back(table_->balanced_weight_of(key.fold, order));
  }
  return true;
}

void Training::add_rates(const DeviceGangs& gangs, Chunk& chunk) {
  const DeviceGang& gang = gangs.all()[chunk.gang];
  const std::uint32_t n_rows = table_->n_training(gang.key.fold);
  chunk.records = host_rates_.size();
  Trial trial;  // what epoch_rate reads of one
  for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
    for (Slot slot = gang.first_slot; slot < gang.first_slot + gang.n_slots; ++slot) {
      trial.hyperparameters = gangs.hyperparameters(slot);
      host_rates_.push_back(gangs.occupied(slot) ? epoch_rate(trial, n_rows, chunk.first_epoch + e) : 0.0F);
    }
  }
}

void Training::upload(DeviceGangs& gangs, std::vector<Chunk>& chunks) {
  host_orders_.clear();
  host_training_weights_.clear();
  host_rates_.clear();
  order_offsets_.clear();
  std::vector<Chunk> with_room;
  std::vector<std::size_t> in_use;
  for (Chunk& chunk : chunks) {
    if (!add_order(gangs.all()[chunk.gang], chunk)) continue;
    add_rates(gangs, chunk);
    in_use.push_back(chunk.gang);
    with_room.push_back(chunk);
  }
  chunks = std::move(with_room);
  gangs.hand_to_device(in_use);
  orders_.upload(host_orders_, *stream_);
  training_weights_.upload(host_training_weights_, *stream_);
  rates_.upload(host_rates_, *stream_);
  records_.clear(*stream_, host_rates_.size());
}

TrainTask Training::task_of(const DeviceGangs& gangs, const Chunk& chunk) {
  const DeviceGang& gang = gangs.all()[chunk.gang];
  const DeviceTable::Fold& fold = table_->fold(gang.key.fold);
  Trial trial;  // what rows_in_minibatch reads of one
  trial.hyperparameters.batch_size = gang.key.batch_size;
  TrainTask task;
  gangs.fill(gang, task);
  task.rows = table_->rows(gang.key.fold);
  task.training = fold.training.get();
  if (gang.key.shuffle != Shuffle::per_trial) {
    task.order = orders_.get() + chunk.order;
    task.training_weight = training_weights_.get() + chunk.training_weight;
  }
  task.validation = fold.validation.get();
  task.validation_weight = fold.validation_weight;
  task.n_training = table_->n_training(gang.key.fold);
  task.n_validation = static_cast<std::uint32_t>(table_->split(gang.key.fold).validation.size());
  task.batch = rows_in_minibatch(trial, task.n_training);
  task.first_epoch = chunk.first_epoch;
  task.n_epochs = chunk.n_epochs;
  task.rates = rates_.get() + chunk.records;
  task.records = records_.get() + chunk.records;
  task.decisions = decisions_.get() + chunk.records;
  return task;
}

void Training::launch(const DeviceGangs& gangs, const std::vector<Chunk>& chunks) {
  launches_.clear();
  for (const Chunk& chunk : chunks) {
    const DeviceGang& gang = gangs.all()[chunk.gang];
    const double seconds = chunk.n_epochs * chunk.epoch_seconds;
    TrainTask task = task_of(gangs, chunk);
    if (gang.has_block_alone()) {
      launches_.add(gang, task, seconds);
      continue;
    }
    for (; task.first_network < gang.n_slots; task.first_network += kNetworksInBlock) {
      task.n_in_block = std::min(kNetworksInBlock, gang.n_slots - task.first_network);
      launches_.add(gang, task, seconds);
      if (task.outputs != nullptr) task.outputs += gangs.n_outputs(gang.key) * task.n_in_block;
    }
  }
  launches_.order(host_tasks_);
  tasks_.upload(host_tasks_, *stream_);
  if (timer_) timer_->begin.record(*stream_);
  launches_.launch(operands_, tasks_.get(), *stream_);
  if (timer_) timer_->end.record(*stream_);
}

/// What the launches left open: the metric of every network, the decision, and what it means for the parameters.
void Training::decide(DeviceGangs& gangs, const std::vector<Chunk>& chunks) {
  std::vector<WatchedBlock> blocks;
  for (const Chunk& chunk : chunks) {
    const DeviceGang& gang = gangs.all()[chunk.gang];
    for (std::uint32_t first = 0; first < gang.n_slots; first += kNetworksInBlock) {
      blocks.push_back({&gang.key, std::min(kNetworksInBlock, gang.n_slots - first),
                        gang.first_output + gangs.n_outputs(gang.key) * first,
                        host_records_.data() + chunk.records + first});
    }
  }
  host_metric_.measure(gangs.outputs(), blocks);
  host_decisions_.assign(host_records_.size(), {});
  for (const Chunk& chunk : chunks) {
    const DeviceGang& gang = gangs.all()[chunk.gang];
    for (std::uint32_t i = 0; i < gang.n_slots; ++i) {
      const NetworkRecord& record = host_records_[chunk.records + i];
      if (record.ran != 0) host_decisions_[chunk.records + i] = gangs.decide(gang.first_slot + i, record);
    }
  }
  decisions_.upload(host_decisions_, *stream_);
  launch_take_decisions(tasks_.get(), static_cast<std::uint32_t>(host_tasks_.size()), stream_->get());
}

void Training::hand_out(const DeviceGangs& gangs, const Chunk& chunk, std::vector<EpochRecord>& records) const {
  const DeviceGang& gang = gangs.all()[chunk.gang];
  const double validation_weight = table_->fold(gang.key.fold).validation_weight;
  for (std::uint32_t i = 0; i < gang.n_slots; ++i) {
    for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
      const NetworkRecord& record = host_records_[chunk.records + static_cast<std::size_t>(e) * gang.n_slots + i];
      if (record.ran == 0) continue;
      records.push_back({gang.first_slot + i, chunk.first_epoch + e + 1, record.train_loss, record.train_weight,
                         record.val_loss, validation_weight, record.metric});
    }
  }
}

}  // namespace shoal::cuda
