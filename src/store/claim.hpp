#pragma once

#include <filesystem>
#include <string_view>

namespace shoal::store {

inline constexpr std::string_view kLockFile = ".lock";

/// The right to write a run directory: an exclusive flock, given back when the process ends in whatever way.
class Claim {
 public:
  /// Error where another process has it.
  explicit Claim(const std::filesystem::path& directory);
  ~Claim();
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

 private:
  int descriptor_ = -1;
};

/// Whether some process has it. Needs no right to write.
[[nodiscard]] bool is_claimed(const std::filesystem::path& directory);

}  // namespace shoal::store
