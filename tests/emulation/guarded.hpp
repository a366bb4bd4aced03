#pragma once

#include <cstddef>
#include <cstring>
#include <memory>
#include <new>

namespace shoal::emulation {

/// Memory that starts as 0xFF (NaN in every float format) between two guards, whose bytes show a write outside in
/// every build. 256-byte aligned, as cudaMalloc gives.
class Guarded {
 public:
  static constexpr std::size_t kAlignment = 256;
  static constexpr std::size_t kGuardBytes = 256;

  explicit Guarded(std::size_t bytes)
      : bytes_(bytes),
        raw_(static_cast<std::byte*>(::operator new(bytes + 2 * kGuardBytes, std::align_val_t(kAlignment)))) {
    std::memset(raw_.get(), kGuard, bytes + 2 * kGuardBytes);
    std::memset(data(), 0xFF, bytes);
  }

  [[nodiscard]] std::byte* data() const noexcept { return raw_.get() + kGuardBytes; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
  [[nodiscard]] bool contains(const void* first, std::size_t n = 1) const noexcept {
    const auto* const at = static_cast<const std::byte*>(first);
    return at >= data() && at <= data() + bytes_ && n <= static_cast<std::size_t>(data() + bytes_ - at);
  }
  [[nodiscard]] bool intact() const noexcept { return clean(raw_.get()) && clean(data() + bytes_); }

 private:
  static constexpr unsigned char kGuard = 0xF5;

  static bool clean(const std::byte* guard) noexcept {
    // Equal to itself shifted by one byte, and the first byte is right.
    return guard[0] == std::byte{kGuard} && std::memcmp(guard, guard + 1, kGuardBytes - 1) == 0;
  }
  struct Free {
    void operator()(std::byte* memory) const { ::operator delete(memory, std::align_val_t(kAlignment)); }
  };

  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> raw_;
};

}  // namespace shoal::emulation
