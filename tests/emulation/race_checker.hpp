#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <unordered_map>
#include <vector>

#include "runtime.hpp"

namespace shoal::emulation {

/// Finds two threads that touch a byte without order between them, one of them writing and not both atomically. Order
/// comes from __syncthreads within a block, from __syncwarp within a warp, and from nothing between blocks of a launch
/// (a kernel that orders blocks by its own flags is a race here). Shuffles and votes order no memory.
///
/// It sees the accesses of sources that are compiled with -fsanitize=thread: their calls of __tsan_* end here instead
/// of in ThreadSanitizer's library, which knows nothing of fibers. While it exists it is the program's only checker.
class RaceChecker final : public Observer {
 public:
  RaceChecker();
  ~RaceChecker() override;
  RaceChecker(const RaceChecker&) = delete;
  RaceChecker& operator=(const RaceChecker&) = delete;

  void launch_begins() override;
  void block_begins() override;
  void atomic_access(const void* address, std::size_t bytes) override;
  void launch_ends() override;

  enum class Kind : std::uint8_t { read, write, atomic };
  void access(const void* address, std::size_t bytes, Kind kind);
  /// Bytes looked at so far: a test that finds no race must have looked.
  [[nodiscard]] std::uint64_t n_accesses() const noexcept { return n_accesses_; }

 private:
  struct Access {
    std::uint32_t block, thread, n_barriers, lane_time;
  };
  /// What was done to a byte and is not yet ordered before something later that was done to it.
  struct Byte {
    std::vector<Access> reads, writes, atomics;
  };
  using Bytes = std::unordered_map<const std::byte*, Byte>;

  static Access now();
  static bool ordered(const Access& before, const Access& now);
  void touch(Byte& byte, Kind kind, const Access& now, bool is_shared);

  Bytes global_, shared_;
  std::string first_race_;
  std::uint64_t n_accesses_ = 0;
};

}  // namespace shoal::emulation
