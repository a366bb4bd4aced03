#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "engine/cuda/cuda_engine.hpp"
#include "engine/cuda/device_gangs.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/host_metric.hpp"
#include "engine/cuda/kernel_choice.hpp"
#include "engine/cuda/task_launches.hpp"

namespace shoal::cuda {

/// 64 MiB: room for what 32 gangs in different epochs train in a launch.
inline constexpr std::size_t kOrderRowsInLaunch = std::size_t{1} << 24;

/// The beginning and the end of a launch.
struct LaunchTimer {
  Event begin{true}, end{true};
};

/// Trains gangs launch by launch. What a launch needs beside the gangs lies here and is used again by the next one.
/// prepare() allocates it for any launch of a chunk's gangs; run() allocates nothing on the device.
class Training {
 public:
  /// All outlive it; `time` may be null. order_rows: of all the epoch orders of a launch at most, but for one gang's
  /// alone. Gangs whose orders find no room wait for the next launch.
  Training(const EngineOptions& options, DeviceTable& table, const Stream& stream, KernelTime* time,
           std::size_t order_rows = kOrderRowsInLaunch);

  /// Device bytes that prepare() takes for one place of a gang, and for what all gangs share.
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const;
  [[nodiscard]] std::uint64_t shared_bytes(std::span<const Gang> gangs) const;
  /// `made`: of the same gangs, which may have blocks where threads were planned.
  void prepare(std::span<const Gang> gangs, const DeviceGangs& made);
  /// Gives back what prepare() took.
  void release();

  /// One launch: the next epochs of the gangs that have some to train. Appends their records. False if there were none.
  bool run(DeviceGangs& gangs, std::vector<EpochRecord>& records);

 private:
  /// What the launches of a round do with a gang; offsets into what is uploaded.
  struct Chunk {
    std::size_t gang = 0;
    std::uint32_t first_epoch = 0, n_epochs = 0;
    double epoch_seconds = 0;  ///< predicted of an epoch of the longest network
    std::size_t records = 0;   ///< [epoch][network], learning rates likewise
    std::size_t order = 0, training_weight = 0;
  };
  /// The most that a launch may need.
  struct Room {
    std::size_t records = 0, order_rows = 0, order_weights = 0, tasks = 0;
  };
  using WayOf = std::function<Way(const Gang&)>;
  [[nodiscard]] Room room_for(std::span<const Gang> gangs, const WayOf& way_of) const;
  [[nodiscard]] std::uint32_t most_epochs(const Gang& gang, Way way) const;
  [[nodiscard]] std::vector<Chunk> next_chunks(const DeviceGangs& gangs) const;
  /// False where there is no room for it.
  [[nodiscard]] bool add_order(const DeviceGang& gang, Chunk& chunk);
  void add_rates(const DeviceGangs& gangs, Chunk& chunk);
  void upload(DeviceGangs& gangs, std::vector<Chunk>& chunks);
  [[nodiscard]] TrainTask task_of(const DeviceGangs& gangs, const Chunk& chunk);
  void launch(const DeviceGangs& gangs, const std::vector<Chunk>& chunks);
  void decide(DeviceGangs& gangs, const std::vector<Chunk>& chunks);
  void hand_out(const DeviceGangs& gangs, const Chunk& chunk, std::vector<EpochRecord>& records) const;

  WatchedMetric metric_;
  Operands operands_;
  KernelChoice choice_;
  DeviceTable* table_;
  const Stream* stream_;
  KernelTime* time_;
  std::size_t most_order_rows_;
  std::optional<LaunchTimer> timer_;  ///< there where time_ is

  std::vector<float> host_rates_;
  std::vector<std::uint32_t> host_orders_;
  std::vector<double> host_training_weights_;
  std::vector<NetworkRecord> host_records_;
  TaskLaunches launches_;
  std::vector<TrainTask> host_tasks_;
  std::vector<math::EpochDecision> host_decisions_;
  DeviceBuffer<float> rates_;
  DeviceBuffer<std::uint32_t> orders_;
  DeviceBuffer<double> training_weights_;
  DeviceBuffer<NetworkRecord> records_;
  DeviceBuffer<math::EpochDecision> decisions_;  ///< likewise, where the host decides
  DeviceBuffer<TrainTask> tasks_;
  HostMetric host_metric_;
  /// Gangs of one launch with the same rows in the same order share them; those with a thread a network also have the
  /// sums of their weights.
  using OrderKey = std::tuple<std::uint32_t, std::uint8_t, std::uint64_t, std::uint32_t, std::uint32_t, bool>;
  std::map<OrderKey, std::pair<std::size_t, std::size_t>> order_offsets_;
};

}  // namespace shoal::cuda
