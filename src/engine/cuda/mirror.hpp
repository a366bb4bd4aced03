#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "engine/cuda/device_memory.hpp"

namespace shoal::cuda {

/// Floats on the device and their copy on the host, which parts are written to and read from: a million networks then
/// cost one copy, not a million. Each side is brought up to date when it is asked for.
class Mirror {
 public:
  Mirror() = default;
  /// device: outlives it.
  explicit Mirror(std::span<float> device) : device_(device) {}

  /// Up to date; what was never written are zeros.
  [[nodiscard]] std::span<const float> host(const Stream& stream) {
    refresh(stream);
    return host_;
  }
  /// Likewise, to be written.
  [[nodiscard]] std::span<float> changed_host(const Stream& stream) {
    refresh(stream);
    device_is_old_ = true;
    return host_;
  }
  /// Brings the device up to date, which a kernel is about to change. Stream::wait() must come before the next
  /// changed_host().
  void hand_to_device(const Stream& stream) {
    if (device_is_old_) copy_to_device(device_.data(), std::span<const float>(host_), stream);
    device_is_old_ = false;
    host_is_old_ = true;
  }

  [[nodiscard]] float* get() const noexcept { return device_.data(); }
  [[nodiscard]] bool exists() const noexcept { return !device_.empty(); }

 private:
  void refresh(const Stream& stream) {
    // Nothing on the device is worth having before the first write, also where it was handed over: it goes up whole.
    if (host_.empty()) {
      host_.assign(device_.size(), 0.0F);
      host_is_old_ = false;
    }
    if (!host_is_old_) return;
    copy_to_host(std::span(host_), device_.data(), stream);
    stream.wait();
    host_is_old_ = false;
  }

  std::span<float> device_;
  std::vector<float> host_;
  bool host_is_old_ = false;
  bool device_is_old_ = false;
};

}  // namespace shoal::cuda
