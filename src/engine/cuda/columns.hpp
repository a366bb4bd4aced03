#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"

namespace shoal::cuda {

/// A [parameter][network] array of a gang on the device and its copy on the host, which single networks are written to
/// and read from: a million networks then cost one copy, not a million. Each side is brought up to date when it is
/// asked for.
class Columns {
 public:
  Columns() = default;
  /// device: [n_parameters][n_columns], outlives it.
  Columns(std::span<float> device, std::size_t n_columns) : n_columns_(n_columns), device_(device) {}

  /// Values of one network; a network that was never written holds zeros.
  void write(std::uint32_t column, std::span<const float> values, const Stream& stream);
  /// n_parameters floats.
  [[nodiscard]] std::vector<float> read(std::uint32_t column, const Stream& stream);
  /// Brings the device up to date, which a kernel is about to change. Stream::wait() must come before the next write().
  void hand_to_device(const Stream& stream);

  [[nodiscard]] float* get() const noexcept { return device_.data(); }
  [[nodiscard]] bool exists() const noexcept { return !device_.empty(); }

 private:
  void refresh_host(const Stream& stream);

  std::size_t n_columns_ = 1;
  std::span<float> device_;
  std::vector<float> host_;
  bool host_is_old_ = false;
  bool device_is_old_ = false;
};

}  // namespace shoal::cuda
