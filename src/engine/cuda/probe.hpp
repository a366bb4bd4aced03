#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "engine/cuda/device_table.hpp"
#include "engine/cuda/network_shape.hpp"
#include "kernels/cuda/probe.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Floats that networks take and give in a launch of several: 64 MiB.
inline constexpr std::size_t kProbeFloats = std::size_t{1} << 24;

/// What a pass takes of a network.
struct ProbedNetwork {
  GangKey key;
  Hyperparameters hyperparameters;
  std::vector<float> parameters;
};

/// Passes of networks over rows, nothing trained. Waits for its results.
class Probe {
 public:
  /// Both outlive it. most_floats: of several networks that one launch takes.
  Probe(DeviceTable& table, const Stream& stream, std::size_t most_floats = kProbeFloats)
      : table_(&table), stream_(&stream), most_floats_(most_floats) {}

  /// Sums of each network over rows of the table.
  [[nodiscard]] std::vector<MetricSums> measure(std::span<const ProbedNetwork> networks, RowSet set);
  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs);
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows);

 private:
  /// The networks of a launch, their layers and parameters on the device, and tasks that ask for nothing yet.
  struct Batch {
    std::map<Topology, NetworkShape> shapes;
    std::vector<Layer> layers;
    std::vector<float> weights;
    std::vector<ProbeTask> tasks;  ///< one a network
  };
  [[nodiscard]] const std::vector<std::uint32_t>& rows_of(const ProbedNetwork& network, RowSet set) const;
  [[nodiscard]] Batch up_networks(std::span<const ProbedNetwork> networks);
  void measure_batch(std::span<const ProbedNetwork> networks, RowSet set, std::vector<MetricSums>& sums);
  void run(std::vector<ProbeTask>& tasks, std::uint32_t most_blocks);
  template <class T>
  const T* up(DeviceBuffer<T>& buffer, std::span<const T> from) const;
  [[nodiscard]] float* room(DeviceBuffer<float>& buffer, std::size_t n) const;
  [[nodiscard]] std::vector<float> down(const DeviceBuffer<float>& buffer, std::size_t n) const;

  DeviceTable* table_;
  const Stream* stream_;
  std::size_t most_floats_;
  DeviceBuffer<ProbeTask> tasks_;
  DeviceBuffer<std::uint32_t> row_;
  DeviceBuffer<Layer> layers_;
  DeviceBuffer<float> weights_, inputs_, memory_, z_, a_, outputs_, losses_, gradient_;
};

}  // namespace shoal::cuda
