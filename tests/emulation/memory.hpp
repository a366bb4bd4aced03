#pragma once

#include <cstddef>
#include <string>

namespace shoal::emulation {

/// Whether all of these bytes lie inside one device allocation.
[[nodiscard]] bool in_device_memory(const void* address, std::size_t bytes);
/// While one exists, device memory may be touched; see protect_device_memory.
class DeviceAccess {
 public:
  DeviceAccess();
  ~DeviceAccess();
  DeviceAccess(const DeviceAccess&) = delete;
  DeviceAccess& operator=(const DeviceAccess&) = delete;
};
/// Throws KernelFault where somebody wrote outside of an allocation; `who` is added to its text.
void check_device_guards(const std::string& who);
[[nodiscard]] std::size_t n_memory_allocations();

}  // namespace shoal::emulation
