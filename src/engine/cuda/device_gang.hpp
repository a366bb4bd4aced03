#pragma once

#include <cstdint>
#include <vector>

#include "engine/cuda/columns.hpp"
#include "engine/cuda/device_memory.hpp"
#include "kernels/cuda/thread_per_network.cuh"
#include "shoal/engine.hpp"

namespace shoal::cuda {

/// The networks of one gang: on the device as training needs them, on the host what decides about them.
class DeviceGang {
 public:
  /// Allocates. Throws Error where no kernel has the gang's shape.
  explicit DeviceGang(const Gang& gang);

  void place(std::uint32_t index, const Trial& trial, const TrialState& state, bool maximize, const Stream& stream);
  [[nodiscard]] TrialState read(std::uint32_t index, const Stream& stream);
  void free(std::uint32_t index);

  [[nodiscard]] const Gang& gang() const noexcept { return gang_; }
  [[nodiscard]] const GangKey& key() const noexcept { return gang_.key; }
  [[nodiscard]] std::uint32_t size() const noexcept { return gang_.n_slots; }
  [[nodiscard]] std::size_t shape() const noexcept { return shape_; }
  [[nodiscard]] bool occupied(std::uint32_t index) const { return members_[index].occupied; }
  [[nodiscard]] const Hyperparameters& hyperparameters(std::uint32_t index) const {
    return members_[index].hyperparameters;
  }
  /// Parameter p of a network lies at weights(index)[p * size()]. Brings the device up to date.
  [[nodiscard]] const float* weights(std::uint32_t index, const Stream& stream);

  /// No member trains until it is given a target again.
  void clear_targets();
  void set_target(std::uint32_t index, std::uint32_t epoch) { rules_[index].target_epoch = epoch; }
  /// Epochs that some member is to train now; `end` is one behind the last.
  struct Epochs {
    std::uint32_t begin = 0, end = 0;
  };
  [[nodiscard]] Epochs epochs_to_train() const;

  /// Brings the device up to date; training is about to change it.
  void upload(const Stream& stream);
  /// What `task` needs of a gang.
  void fill(TrainTask& task) const;
  void download_states(const Stream& stream) { device_states_.download(states_, stream); }
  void count_steps(std::uint32_t index, std::uint64_t n) { members_[index].step += n; }

 private:
  struct Member {
    bool occupied = false;
    std::uint64_t step = 0;
    Hyperparameters hyperparameters;
  };

  Gang gang_;
  std::size_t shape_;
  std::size_t n_parameters_;
  Columns weights_, velocity_, best_;
  std::vector<Member> members_;
  std::vector<NetworkRules> rules_;
  std::vector<NetworkState> states_;
  DeviceBuffer<NetworkRules> device_rules_;
  DeviceBuffer<NetworkState> device_states_;
};

}  // namespace shoal::cuda
