#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_table.hpp"
#include "engine/cuda/network_shape.hpp"
#include "kernels/cuda/probe.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// One network's pass over rows, nothing trained. Waits for its results.
class Probe {
 public:
  /// Both outlive it.
  Probe(DeviceTable& table, const Stream& stream) : table_(&table), stream_(&stream) {}

  /// Device bytes that prepare() takes.
  [[nodiscard]] std::uint64_t bytes(std::span<const Gang> gangs) const;
  /// Allocates what measure() takes for validation and test rows of any network of these gangs.
  void prepare(std::span<const Gang> gangs);
  /// Gives back what prepare() took.
  void release();

  /// Sums over rows of the table.
  [[nodiscard]] MetricSums measure(const GangKey& key, const Hyperparameters& h, std::span<const float> parameters,
                                   std::span<const std::uint32_t> rows);
  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs);
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows);

 private:
  struct Room {
    std::size_t rows = 0, outputs = 0, layers = 0, weights = 0, memory = 0;
  };
  [[nodiscard]] Room room_for(std::span<const Gang> gangs) const;
  /// Parameters, layers and rules on the device; everything else of the task is empty.
  [[nodiscard]] ProbeTask task_of(const Trial& trial, const NetworkShape& shape, std::span<const float> parameters,
                                  std::size_t n_rows);
  void run(ProbeTask& task, std::uint32_t most_blocks);
  template <class T>
  const T* up(DeviceBuffer<T>& buffer, std::span<const T> from) const;
  [[nodiscard]] float* room(DeviceBuffer<float>& buffer, std::size_t n) const;
  [[nodiscard]] std::vector<float> down(const DeviceBuffer<float>& buffer, std::size_t n) const;

  DeviceTable* table_;
  const Stream* stream_;
  DeviceBuffer<std::uint32_t> row_;
  DeviceBuffer<Layer> layers_;
  DeviceBuffer<float> weights_, inputs_, memory_, z_, a_, outputs_, losses_, gradient_;
};

}  // namespace shoal::cuda
