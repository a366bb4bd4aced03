#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_table.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// One network's pass over rows, nothing trained. Waits for its results.
class Probe {
 public:
  /// Both outlive it.
  Probe(DeviceTable& table, const Stream& stream) : table_(&table), stream_(&stream) {}

  /// Sums over rows of the table. Parameter p lies on the device at weights[p * stride].
  [[nodiscard]] MetricSums measure(const GangKey& key, const float* weights, std::uint32_t stride,
                                   std::span<const std::uint32_t> rows);
  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs);
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows);

 private:
  template <class T>
  const T* up(DeviceBuffer<T>& buffer, std::span<const T> from) const;
  [[nodiscard]] float* room(DeviceBuffer<float>& buffer, std::size_t n) const;
  [[nodiscard]] std::vector<float> down(const DeviceBuffer<float>& buffer, std::size_t n) const;

  DeviceTable* table_;
  const Stream* stream_;
  DeviceBuffer<std::uint32_t> row_;
  DeviceBuffer<float> weights_, inputs_, z_, a_, outputs_, losses_, gradient_;
};

}  // namespace shoal::cuda
