#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "engine/cuda/columns.hpp"
#include "engine/cuda/device_memory.hpp"
#include "engine/cuda/device_table.hpp"
#include "engine/cuda/kernel_builder.hpp"
#include "engine/cuda/kernel_choice.hpp"
#include "engine/cuda/network_shape.hpp"
#include "kernels/cuda/training.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// Networks that one kernel trains together: the threads of blocks, or one network that has a block alone.
struct DeviceGang {
  GangKey key;
  Slot first_slot = 0;
  std::uint32_t n_slots = 0;
  std::uint32_t n_epochs = 0;  ///< as Gang's
  bool keeps_best = false, has_dropout = false;
  const ThreadKernel* thread_kernel = nullptr;  ///< null: a block alone
  const void* block_function = nullptr;         ///< of a kernel that is built for `shape`; null: the program's
  const NetworkShape* shape = nullptr;
  const Layer* layers = nullptr;  ///< the shape's, on the device
  Columns weights, first_moment, second_moment, best;
  float* gradient = nullptr;     ///< block alone: where it is not in shared memory
  std::size_t first_output = 0;  ///< of those that the host measures

  [[nodiscard]] bool has_block_alone() const noexcept { return thread_kernel == nullptr; }
};

/// The gangs of a chunk, with what training needs of them on the device and what decides about them on the host.
class DeviceGangs {
 public:
  /// `stream` and `table` outlive it.
  DeviceGangs(const EngineOptions& options, const DeviceTable& table, const Stream& stream);

  /// Device bytes that prepare() takes for one place of a gang.
  [[nodiscard]] std::uint64_t bytes_per_slot(const Gang& gang) const;
  /// Allocates, all at once.
  void prepare(std::span<const Gang> gangs);
  /// Gives back what prepare() took.
  void release();

  /// As Engine's.
  [[nodiscard]] std::vector<std::string> notes() const;

  void place(Slot slot, const Trial& trial, const TrialState& state);
  [[nodiscard]] TrialState read(Slot slot);
  void free(Slot slot);
  [[nodiscard]] std::vector<float> weights(Slot slot);
  [[nodiscard]] const GangKey& key(Slot slot) const { return gangs_[place_of(slot).gang].key; }
  [[nodiscard]] const Hyperparameters& hyperparameters(Slot slot) const { return places_[slot].hyperparameters; }
  [[nodiscard]] bool occupied(Slot slot) const { return places_[slot].occupied; }
  /// Who trains the network at a place.
  [[nodiscard]] Way way_of(Slot slot) const {
    return gangs_[places_[slot].gang].has_block_alone() ? Way::blocks : Way::threads;
  }

  /// Others train no more until they are given a target again.
  void set_targets(std::span<const TrainTarget> targets);
  /// Epochs that some member is to train now; `end` is one behind the last.
  struct Epochs {
    std::uint32_t begin = 0, end = 0;
  };
  [[nodiscard]] Epochs epochs_to_train(const DeviceGang& gang) const;

  [[nodiscard]] std::span<const DeviceGang> all() const noexcept { return gangs_; }
  /// Brings the device up to date; training is about to change these gangs.
  void hand_to_device(std::span<const std::size_t> gangs);
  /// What `task` needs of a gang.
  void fill(const DeviceGang& gang, TrainTask& task) const;
  void download_states() { device_states_.download(states_, *stream_); }
  /// Where the metric is the host's: outputs of the validation rows, of a gang block by block (TrainTask::outputs).
  [[nodiscard]] const DeviceBuffer<float>& outputs() const noexcept { return outputs_; }
  /// Outputs of one network of a gang; 0 where a kernel computes the metric.
  [[nodiscard]] std::size_t n_outputs(const GangKey& key) const;
  /// What a kernel left to be decided at the end of the epoch that `record` tells of.
  [[nodiscard]] math::EpochDecision decide(Slot slot, const NetworkRecord& record);

 private:
  struct Place {
    std::size_t gang = 0;
    bool occupied = false;
    Hyperparameters hyperparameters;
  };
  [[nodiscard]] const Place& place_of(Slot slot) const;
  void add_gang(const Gang& gang);
  [[nodiscard]] const ThreadKernel* thread_kernel(const Gang& gang);
  void build_block_kernels();
  template <class Build>
  [[nodiscard]] auto unless_refused(Build build) -> decltype(build());
  void upload_layers();
  void allot(DeviceGang& gang, std::size_t& n_floats);

  const Stream* stream_;
  const DeviceTable* table_;
  bool maximize_;
  WatchedMetric metric_;
  Operands operands_;
  KernelChoice choice_;
  KernelBuilder builder_;      ///< of kernels that gangs have
  std::string why_not_built_;  ///< what the first one failed with; no other is tried then
  std::vector<DeviceGang> gangs_;
  std::vector<Place> places_;
  std::map<std::pair<Topology, bool>, NetworkShape> shapes_;  ///< by topology and whether units are dropped
  DeviceBuffer<Layer> layers_;
  DeviceBuffer<float> floats_;  ///< everything of the gangs that is made of floats, but
  DeviceBuffer<float> outputs_;
  std::vector<NetworkRules> rules_;
  std::vector<NetworkState> states_;
  DeviceBuffer<NetworkRules> device_rules_;
  DeviceBuffer<NetworkState> device_states_;
  bool rules_are_new_ = false;
};

}  // namespace shoal::cuda
