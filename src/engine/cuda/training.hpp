#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/device_gang.hpp"
#include "engine/cuda/device_table.hpp"

namespace shoal::cuda {

/// Rows times epochs of a launch at most: what a thread does in well under a second, so that a stop is heard.
inline constexpr std::uint32_t kRowsInLaunch = 1U << 19;

/// Trains gangs launch by launch. What a launch needs beside the gangs lies here and is used again by the next one.
class Training {
 public:
  /// All outlive it; `time` may be null.
  Training(const EngineOptions& options, DeviceTable& table, const Stream& stream, KernelTime* time);

  /// One launch: the next epochs of every gang that has some to train. Appends their records. False if there were none.
  bool run(std::vector<DeviceGang>& gangs, std::vector<EpochRecord>& records);

 private:
  /// What one launch does with a gang; offsets into what is uploaded.
  struct Chunk {
    std::size_t gang = 0;
    std::uint32_t first_epoch = 0, n_epochs = 0;
    std::size_t records = 0;  ///< [epoch][network], learning rates likewise
    std::size_t order = 0, training_weight = 0;
  };

  [[nodiscard]] std::vector<Chunk> next_chunks(const std::vector<DeviceGang>& gangs) const;
  void add_order(const GangKey& key, Chunk& chunk);
  void add_rates(const DeviceGang& gang, Chunk& chunk);
  void upload(std::vector<DeviceGang>& gangs, std::vector<Chunk>& chunks);
  [[nodiscard]] TrainTask task_of(const DeviceGang& gang, const Chunk& chunk);
  void launch(const std::vector<DeviceGang>& gangs, const std::vector<Chunk>& chunks);
  void hand_out(DeviceGang& gang, const Chunk& chunk, std::vector<EpochRecord>& records);

  EngineOptions options_;
  DeviceTable* table_;
  const Stream* stream_;
  KernelTime* time_;
  std::optional<StreamTimer> timer_;  ///< there where time_ is

  std::vector<float> host_rates_;
  std::vector<std::uint32_t> host_orders_;
  std::vector<double> host_training_weights_;
  std::vector<NetworkRecord> host_records_;
  std::vector<TrainTask> host_tasks_;
  DeviceBuffer<float> rates_;
  DeviceBuffer<std::uint32_t> orders_;
  DeviceBuffer<double> training_weights_;
  DeviceBuffer<NetworkRecord> records_;
  DeviceBuffer<TrainTask> tasks_;
  /// Gangs of one launch with the same rows in the same order share them.
  using OrderKey = std::tuple<std::uint32_t, std::uint8_t, std::uint64_t, std::uint32_t, std::uint32_t>;
  std::map<OrderKey, std::pair<std::size_t, std::size_t>> order_offsets_;
};

}  // namespace shoal::cuda
