#pragma once

#include <array>
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
  void copy_access(const void* address, std::size_t bytes, bool writes) override;
  void launch_ends() override;

  enum class Kind : std::uint8_t { read, write, atomic };
  void access(const void* address, std::size_t bytes, Kind kind);
  /// Bytes looked at so far: a test that finds no race must have looked.
  [[nodiscard]] std::uint64_t n_accesses() const noexcept { return n_accesses_; }

 private:
  struct Access {
    std::uint32_t block, thread, n_barriers, lane_time;
    std::uint8_t bytes;  ///< of the word, a bit each
  };
  /// Accesses of one kind to a word that may still be without order to later ones. Blocks run one after another, so
  /// all of `own` are of the last block that came and of one time between its barriers.
  struct Accesses {
    std::vector<Access> own;
    Access other{};  ///< stands for all of earlier blocks
    bool has_other = false;

    /// Forgets what a barrier has ordered before `now`.
    void advance(const Access& now);
    /// An access that meets `now` in a byte without order; null: none.
    [[nodiscard]] const Access* unordered(const Access& now) const;
    void add(const Access& now);
  };
  struct Word {
    Accesses reads, writes, atomics;
  };
  /// Memory is told from other memory by pieces of this size: allocations begin at multiples of it.
  static constexpr std::size_t kPieceBytes = 256;
  static constexpr std::size_t kWordBytes = 4;
  struct Piece {
    bool is_shared = false;
    std::array<Word, kPieceBytes / kWordBytes> words;
  };
  using Pieces = std::unordered_map<std::uintptr_t, Piece>;
  struct Known {
    std::uintptr_t number = 0;
    Piece* piece = nullptr;  ///< null: neither shared nor device memory
  };

  [[nodiscard]] static Access now();
  [[nodiscard]] static bool ordered(const Access& before, const Access& now);
  [[nodiscard]] Piece* piece_of(const void* address);
  void touch(Word& word, Kind kind, const Access& now, bool is_shared);

  Pieces global_, shared_;
  std::array<Known, 1024> known_{};  ///< pieces by the low bits of their numbers
  std::string first_race_;
  std::uint64_t n_accesses_ = 0;
};

}  // namespace shoal::emulation
