#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

namespace shoal::emulation {

enum class Backing : std::uint8_t { heap, pages };

/// Memory that starts as 0xFF (NaN in every float format) between two guards, whose bytes show a write outside in
/// every build; AddressSanitizer stops reads too. 256-byte aligned, as cudaMalloc gives. In pages of its own nobody can
/// touch it after its end, nor while it is locked.
class Guarded {
 public:
  static constexpr std::size_t kAlignment = 256;
  static constexpr std::size_t kGuardBytes = 256;

  explicit Guarded(std::size_t bytes, Backing backing = Backing::heap);

  [[nodiscard]] std::byte* data() const noexcept { return raw_.get() + kGuardBytes; }
  [[nodiscard]] std::size_t size() const noexcept { return bytes_; }
  [[nodiscard]] bool contains(const void* first, std::size_t n = 1) const noexcept {
    const auto* const at = static_cast<const std::byte*>(first);
    return at >= data() && at <= data() + bytes_ && n <= static_cast<std::size_t>(data() + bytes_ - at);
  }
  [[nodiscard]] bool intact() const noexcept;
  /// Takes the right to read and write it, or gives it back. Of pages only.
  void lock(bool locked) const;

 private:
  struct Free {
    std::size_t bytes;
    Backing backing;
    void operator()(std::byte* memory) const;
  };

  std::size_t bytes_;
  std::unique_ptr<std::byte, Free> raw_;
};

}  // namespace shoal::emulation
