#include "engine/cuda/training.hpp"

#include <algorithm>

#include "engine/definition.hpp"

namespace shoal::cuda {

Training::Training(const EngineOptions& options, DeviceTable& table, const Stream& stream, KernelTime* time)
    : options_(options), table_(&table), stream_(&stream), time_(time) {
  if (time != nullptr) timer_.emplace();
}

bool Training::run(std::vector<DeviceGang>& gangs, std::vector<EpochRecord>& records) {
  std::vector<Chunk> chunks = next_chunks(gangs);
  if (chunks.empty()) return false;
  upload(gangs, chunks);
  launch(gangs, chunks);
  for (const Chunk& chunk : chunks) gangs[chunk.gang].download_states(*stream_);
  host_records_.resize(host_rates_.size());
  records_.download(host_records_, *stream_);
  stream_->wait();
  if (time_ != nullptr) time_->milliseconds += timer_->milliseconds();
  for (const Chunk& chunk : chunks) hand_out(gangs[chunk.gang], chunk, records);
  return true;
}

std::vector<Training::Chunk> Training::next_chunks(const std::vector<DeviceGang>& gangs) const {
  std::vector<Chunk> chunks;
  for (std::size_t k = 0; k < gangs.size(); ++k) {
    const DeviceGang::Epochs epochs = gangs[k].epochs_to_train();
    if (epochs.begin == epochs.end) continue;
    const std::uint32_t n_rows = std::max(1U, table_->n_training(gangs[k].key().fold));
    const std::uint32_t most = std::clamp(kRowsInLaunch / n_rows, 1U, 64U);
    chunks.push_back({.gang = k, .first_epoch = epochs.begin, .n_epochs = std::min(most, epochs.end - epochs.begin)});
  }
  return chunks;
}

void Training::add_order(const GangKey& key, Chunk& chunk) {
  const auto [found, is_new] = order_offsets_.try_emplace(
      {key.fold, static_cast<std::uint8_t>(key.shuffle), key.shuffle_seed, chunk.first_epoch, chunk.n_epochs},
      std::pair(host_orders_.size(), host_training_weights_.size()));
  std::tie(chunk.order, chunk.training_weight) = found->second;
  if (!is_new) return;
  const std::vector<std::uint32_t>& training = table_->split(key.fold).training;
  Trial trial;  // what fill_epoch_order reads of one
  trial.hyperparameters.shuffle = key.shuffle;
  trial.shuffle_seed = key.shuffle_seed;
  std::vector<std::uint32_t> order(training.size());
  for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
    fill_epoch_order(trial, chunk.first_epoch + e, order);
    for (std::uint32_t& row : order) row = training[row];
    host_orders_.insert(host_orders_.end(), order.begin(), order.end());
    host_training_weights_.push_back(table_->weight_of(order));
  }
}

void Training::add_rates(const DeviceGang& gang, Chunk& chunk) {
  const std::uint32_t n_rows = table_->n_training(gang.key().fold);
  chunk.records = host_rates_.size();
  Trial trial;  // what epoch_rate reads of one
  for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
    for (std::uint32_t i = 0; i < gang.size(); ++i) {
      trial.hyperparameters = gang.hyperparameters(i);
      host_rates_.push_back(gang.occupied(i) ? epoch_rate(trial, n_rows, chunk.first_epoch + e) : 0.0F);
    }
  }
}

void Training::upload(std::vector<DeviceGang>& gangs, std::vector<Chunk>& chunks) {
  host_orders_.clear();
  host_training_weights_.clear();
  host_rates_.clear();
  order_offsets_.clear();
  for (Chunk& chunk : chunks) {
    DeviceGang& gang = gangs[chunk.gang];
    add_order(gang.key(), chunk);
    add_rates(gang, chunk);
    gang.upload(*stream_);
  }
  orders_.grow(host_orders_.size());
  orders_.upload(host_orders_, *stream_);
  training_weights_.grow(host_training_weights_.size());
  training_weights_.upload(host_training_weights_, *stream_);
  rates_.grow(host_rates_.size());
  rates_.upload(host_rates_, *stream_);
  records_.grow(host_rates_.size());
  records_.clear(*stream_);
}

TrainTask Training::task_of(const DeviceGang& gang, const Chunk& chunk) {
  const std::uint32_t fold_index = gang.key().fold;
  const DeviceTable::Fold& fold = table_->fold(fold_index);
  Trial trial;  // what rows_in_minibatch reads of one
  trial.hyperparameters.batch_size = gang.key().batch_size;
  TrainTask task;
  gang.fill(task);
  task.rows = table_->rows(fold_index);
  task.order = orders_.get() + chunk.order;
  task.training_weight = training_weights_.get() + chunk.training_weight;
  task.validation = fold.validation.get();
  task.validation_weight = fold.validation_weight;
  task.n_training = table_->n_training(fold_index);
  task.n_validation = static_cast<std::uint32_t>(table_->split(fold_index).validation.size());
  task.batch = rows_in_minibatch(trial, task.n_training);
  task.first_epoch = chunk.first_epoch;
  task.n_epochs = chunk.n_epochs;
  task.watches_train_loss = options_.metric == Metric::train_loss;
  task.rates = rates_.get() + chunk.records;
  task.records = records_.get() + chunk.records;
  return task;
}

/// One launch a shape, a block for every kNetworksInBlock places.
void Training::launch(const std::vector<DeviceGang>& gangs, const std::vector<Chunk>& chunks) {
  host_tasks_.clear();
  std::vector<std::pair<std::size_t, std::uint32_t>> launches;  // shape, blocks
  for (std::size_t shape = 0; shape < shapes().size(); ++shape) {
    const std::size_t before = host_tasks_.size();
    for (const Chunk& chunk : chunks) {
      const DeviceGang& gang = gangs[chunk.gang];
      if (gang.shape() != shape) continue;
      TrainTask task = task_of(gang, chunk);
      for (std::uint32_t first = 0; first < gang.size(); first += kNetworksInBlock) {
        task.first_network = first;
        host_tasks_.push_back(task);
      }
    }
    launches.emplace_back(shape, static_cast<std::uint32_t>(host_tasks_.size() - before));
  }
  tasks_.grow(host_tasks_.size());
  tasks_.upload(host_tasks_, *stream_);
  if (timer_) timer_->begin(*stream_);
  std::size_t first = 0;
  for (const auto& [shape, n_blocks] : launches) {
    if (n_blocks > 0) launch_train(shape, tasks_.get() + first, n_blocks, stream_->get());
    first += n_blocks;
  }
  if (timer_) timer_->end(*stream_);
}

void Training::hand_out(DeviceGang& gang, const Chunk& chunk, std::vector<EpochRecord>& records) {
  const double validation_weight = table_->fold(gang.key().fold).validation_weight;
  const std::uint32_t n_rows = table_->n_training(gang.key().fold);
  Trial trial;
  trial.hyperparameters.batch_size = gang.key().batch_size;
  const std::uint32_t batch = rows_in_minibatch(trial, n_rows);
  for (std::uint32_t i = 0; i < gang.size(); ++i) {
    if (!gang.occupied(i)) continue;
    for (std::uint32_t e = 0; e < chunk.n_epochs; ++e) {
      const NetworkRecord& record = host_records_[chunk.records + static_cast<std::size_t>(e) * gang.size() + i];
      if (record.ran == 0) continue;
      records.push_back({gang.gang().first_slot + i, chunk.first_epoch + e + 1, record.train_loss,
                         host_training_weights_[chunk.training_weight + e], record.val_loss, validation_weight,
                         record.metric});
      gang.count_steps(i, (n_rows + batch - 1) / batch);
    }
  }
}

}  // namespace shoal::cuda
