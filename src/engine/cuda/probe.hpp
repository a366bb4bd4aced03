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

  /// Device bytes that prepare() takes.
  [[nodiscard]] std::uint64_t bytes(std::span<const Gang> gangs) const;
  /// Allocates what measure() takes for networks of these gangs.
  void prepare(std::span<const Gang> gangs);
  /// Gives back what was taken.
  void release();

  /// Sums of each network, of a gang that it was prepared for, over rows of the table.
  [[nodiscard]] std::vector<MetricSums> measure(std::span<const ProbedNetwork> networks, RowSet set);
  [[nodiscard]] std::vector<float> predict(const Trial& trial, std::span<const float> parameters,
                                           std::span<const float> inputs);
  [[nodiscard]] Pass pass(const Trial& trial, std::span<const float> parameters, std::span<const std::uint32_t> rows);

 private:
  /// What a launch takes of each buffer.
  struct Room {
    std::size_t tasks = 0, layers = 0, floats = 0, memory = 0;
  };
  /// The networks of a launch, their layers and parameters on the device, and tasks that ask for nothing yet.
  struct Batch {
    std::map<Topology, NetworkShape> shapes;
    std::vector<Layer> layers;
    std::vector<float> weights;
    std::vector<ProbeTask> tasks;  ///< one a network
  };
  [[nodiscard]] Room room_of(const GangKey& key) const;
  [[nodiscard]] Room room_for(std::span<const Gang> gangs) const;
  /// How many of the networks, from the first one on, there is room for.
  [[nodiscard]] std::size_t n_in_launch(std::span<const ProbedNetwork> networks) const;
  [[nodiscard]] Batch up_networks(std::span<const ProbedNetwork> networks);
  void measure_batch(std::span<const ProbedNetwork> networks, RowSet set, std::vector<MetricSums>& sums);
  void run(std::vector<ProbeTask>& tasks, std::uint32_t most_blocks);
  /// The next n of floats_, which has them.
  [[nodiscard]] float* take(std::size_t n);
  [[nodiscard]] std::vector<float> down(const float* from, std::size_t n) const;

  DeviceTable* table_;
  const Stream* stream_;
  std::size_t most_floats_;
  DeviceBuffer<ProbeTask> tasks_;
  DeviceBuffer<std::uint32_t> row_;
  DeviceBuffer<Layer> layers_;
  DeviceBuffer<float> floats_;  ///< all that goes to the device and comes back
  DeviceBuffer<float> memory_;  ///< of blocks whose network is not in shared memory
  std::size_t n_taken_ = 0;     ///< of floats_
};

}  // namespace shoal::cuda
