#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Outputs that are copied at a time, of several blocks: 64 MiB.
inline constexpr std::size_t kOutputsInCopy = std::size_t{1} << 24;

/// Networks whose outputs for the validation rows lie together on the device: [row][output][network].
struct WatchedBlock {
  const GangKey* key = nullptr;
  std::uint32_t n_networks = 0;
  std::size_t first_output = 0;      ///< of all outputs
  NetworkRecord* records = nullptr;  ///< [network], of the epoch
};

/// Computes the watched metric where no kernel does.
class HostMetric {
 public:
  /// table and stream outlive it. most_outputs: of several blocks that are copied at a time.
  HostMetric(Metric metric, const DeviceTable& table, const Stream& stream, std::size_t most_outputs = kOutputsInCopy)
      : metric_(metric), table_(&table), stream_(&stream), most_outputs_(most_outputs) {}

  /// Of the networks that ran. Blocks in the order of their outputs. Waits for them.
  void measure(const DeviceBuffer<float>& outputs, std::span<const WatchedBlock> blocks);

 private:
  [[nodiscard]] std::size_t end_of(const WatchedBlock& block) const;
  void measure(const WatchedBlock& block, const float* outputs);

  Metric metric_;
  const DeviceTable* table_;
  const Stream* stream_;
  std::size_t most_outputs_;
  std::vector<float> host_outputs_;
  std::vector<float> row_;
};

}  // namespace shoal::cuda
