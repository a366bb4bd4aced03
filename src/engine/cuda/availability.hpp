#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace shoal::cuda {

/// What the CUDA runtime said about driver and devices.
struct DriverAnswer {
  int driver_version = 0;  ///< cudaDriverGetVersion: 1000 major + 10 minor, 0 where there is no driver
  int built_version = 0;   ///< CUDART_VERSION
  int status = 0;          ///< of cudaGetDeviceCount
  int n_devices = 0;       ///< where the status is 0
  std::string error = {};  ///< the status in words
};
/// Why no device can be asked; empty if one can.
[[nodiscard]] std::string why_no_device(const DriverAnswer& answer);

struct Capability {
  int major = 0, minor = 0;
  friend auto operator<=>(const Capability&, const Capability&) = default;
};

/// What a build holds for one architecture.
struct Architecture {
  /// 80 runs on 8.0 and later minors, 100f likewise with features of its family, 90a on 9.0 alone.
  enum class Reach : char { generic, family, specific };
  Capability capability;
  Reach reach = Reach::generic;
  bool binary = false;
  bool ptx = false;
};
/// CMAKE_CUDA_ARCHITECTURES, with commas: `75-real,90a-real,120`.
[[nodiscard]] std::vector<Architecture> parse_architectures(std::string_view list);

/// Why no code of the build runs on such a device; empty if some does.
[[nodiscard]] std::string why_no_code(std::span<const Architecture> built, Capability device);

}  // namespace shoal::cuda
