#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
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
    std::uint32_t lane_time = 0;
    std::uint16_t thread = 0;
    std::uint8_t bytes = 0;  ///< of the word, a bit each; 0: there is no access
    friend bool operator==(const Access&, const Access&) = default;
  };
  /// Between two barriers of a block. What a word saw at an earlier time of the same block is ordered before this one.
  struct Time {
    std::uint32_t memory = 0;  ///< number of the launch whose global, or of the block whose shared memory it is
    std::uint32_t block = 0, n_barriers = 0;
    friend bool operator==(const Time&, const Time&) = default;
  };
  static constexpr std::size_t kKinds = 3;
  /// What few words need.
  struct Crowd {
    std::array<std::vector<Access>, kKinds> earlier;  ///< than the last of a kind, at the word's time
    struct Thread {
      std::uint32_t block = 0, thread = 0;
    };
    std::array<Thread, kKinds> other{};  ///< one of those that touched Word::other_bytes
  };
  /// Accesses to a word that may still be without order to later ones. Less than a line of the cache, since every
  /// access comes here.
  struct Word {
    Time time;
    std::array<Access, kKinds> last{};               ///< of a kind, at the word's time
    std::array<std::uint8_t, kKinds> everywhere{};   ///< bytes that two warps touched: whoever comes meets one of them
    std::array<std::uint8_t, kKinds> other_bytes{};  ///< that earlier blocks of the launch touched
    std::unique_ptr<Crowd> crowd;

    void advance(const Time& now);
    void add(std::size_t kind, const Access& now);
  };
  /// Memory is told from other memory by pieces of this size: allocations begin at multiples of it.
  static constexpr std::size_t kPieceBytes = 256;
  static constexpr std::size_t kWordBytes = 4;
  struct Piece {
    bool is_shared = false;
    std::array<Word, kPieceBytes / kWordBytes> words;
  };
  struct Known {
    std::uintptr_t number = 0;
    Piece* piece = nullptr;
  };

  [[nodiscard]] static bool ordered(const Access& before, const Access& now);
  /// Null: neither shared nor device memory.
  [[nodiscard]] Piece* piece_of(const Block& block, const void* address);
  [[nodiscard]] Piece* find_piece(const Block& block, const void* address);
  void touch(Word& word, const Time& time, Kind kind, const Access& now);
  void look(const Word& word, Kind kind, Kind earlier, const Access& now);
  void report(const Word& word, Kind kind, const Access& now, Kind earlier, const Crowd::Thread& other);

  std::unordered_map<std::uintptr_t, Piece> pieces_;       ///< by address / kPieceBytes; used again by later launches
  std::array<Known, 1024> known_{};                        ///< to the running block, by the low bits of their numbers
  std::uint32_t n_memories_ = 0, launch_ = 0, block_ = 0;  ///< launches and blocks are numbered in one row
  std::string first_race_;
  std::uint64_t n_accesses_ = 0;
};

}  // namespace shoal::emulation
