#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"

namespace shoal::cuda {

/// A [parameter][network] array on the device and its copy on the host, which single networks are written to and read
/// from: a million networks then cost one copy, not a million. Each side is brought up to date when it is asked for.
class Columns {
 public:
  Columns() = default;
  Columns(std::size_t n_rows, std::size_t n_columns) : n_columns_(n_columns), device_(n_rows * n_columns) {}

  /// Values of one network; a network that was never written holds zeros.
  void write(std::uint32_t column, std::span<const float> values, const Stream& stream);
  /// n_rows floats into `values`.
  void read(std::uint32_t column, std::span<float> values, const Stream& stream);
  /// Brings the device up to date. Stream::wait() must come before the next write().
  void flush(const Stream& stream);
  /// A kernel has changed, or will change, the device's side.
  void device_changes() { host_is_old_ = true; }

  [[nodiscard]] float* get() const noexcept { return device_.get(); }
  [[nodiscard]] bool exists() const noexcept { return device_.size() > 0; }

 private:
  void refresh_host(const Stream& stream);

  std::size_t n_columns_ = 0;
  DeviceBuffer<float> device_;
  std::vector<float> host_;
  bool host_is_old_ = false;
  bool device_is_old_ = false;
};

}  // namespace shoal::cuda
