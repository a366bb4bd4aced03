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
  static constexpr std::size_t kKinds = 3;
  /// A thread's access to a word. One number, since it is written, read and compared more often than anything else.
  class Access {
   public:
    Access() = default;
    Access(std::uint32_t lane_time, std::uint32_t thread, std::uint32_t bytes)
        : packed_(std::uint64_t{lane_time} << 32U | std::uint64_t{thread} << 8U | bytes) {}

    [[nodiscard]] Access with_bytes(std::uint32_t bytes) const {
      Access access;
      access.packed_ = (packed_ & ~std::uint64_t{0xFF}) | bytes;
      return access;
    }
    [[nodiscard]] std::uint32_t lane_time() const { return static_cast<std::uint32_t>(packed_ >> 32U); }
    [[nodiscard]] std::uint32_t thread() const { return static_cast<std::uint32_t>(packed_ >> 8U) & 0xFFFFU; }
    /// Of the word, a bit each; 0: there is no access.
    [[nodiscard]] std::uint32_t bytes() const { return static_cast<std::uint32_t>(packed_) & 0xFFU; }
    friend bool operator==(const Access&, const Access&) = default;

   private:
    std::uint64_t packed_ = 0;
  };
  /// What few words need.
  struct Crowd {
    std::array<std::vector<Access>, kKinds> earlier;  ///< than the last of a kind, at the word's moment
    struct Thread {
      std::uint32_t block = 0, thread = 0;
    };
    std::array<Thread, kKinds> elsewhere{};  ///< one of those that touched Word::elsewhere
  };
  /// Accesses to a word that may still be without order to later ones. Less than a line of the cache, since every
  /// access comes here.
  struct Word {
    std::array<Access, kKinds> last{};  ///< of a kind, at the word's moment
    std::uint32_t moment = 0;  ///< a moment lies between two barriers of a block; numbered from 1 in all launches
    std::uint32_t crowd = 0;   ///< in crowds_; 0: none
    std::array<std::uint8_t, kKinds> everywhere{};  ///< bytes that two warps touched: whoever comes meets one of them
    std::array<std::uint8_t, kKinds> elsewhere{};   ///< bytes that earlier blocks of the launch touched
  };
  /// Memory is told from other memory by pieces of this size: allocations begin at multiples of it.
  static constexpr std::size_t kPieceBytes = 256;
  static constexpr std::size_t kWordBytes = 4;
  struct Piece {
    bool is_shared = false;
    std::array<Word, kPieceBytes / kWordBytes> words;
  };
  static constexpr std::size_t kKnown = 1024;
  struct Known {
    std::uintptr_t number = 0;
    Piece* piece = nullptr;
  };

  void begin_turn(const Block& block);
  [[nodiscard]] bool ordered(const Access& before) const;
  /// Null: neither shared nor device memory.
  [[nodiscard]] Piece* piece_of(const Block& block, std::uintptr_t address);
  [[nodiscard]] Piece* find_piece(const Block& block, std::uintptr_t address);
  void access_any(std::uintptr_t first, std::size_t bytes, Kind kind);
  void touch(Word& word, bool is_shared, Kind kind, Access now);
  void advance(Word& word, bool is_shared);
  void look(const Word& word, bool is_shared, Kind kind, Kind earlier, Access now);
  void add(Word& word, std::size_t kind, Access now);
  [[nodiscard]] Crowd& crowd_of(Word& word);
  void report(bool is_shared, Kind kind, Kind earlier, const Crowd::Thread& other);

  std::unordered_map<std::uintptr_t, Piece> pieces_;  ///< by address / kPieceBytes; used again by later launches
  std::vector<Crowd> crowds_;
  std::array<Known, kKnown> known_{};  ///< to the running block, by the low bits of their numbers
  Access turns_;                       ///< to no byte, of the thread whose turn it is
  const Warp* warp_ = nullptr;         ///< that thread's
  std::uint64_t turn_ = 0;
  std::uint32_t n_barriers_ = 0;
  std::uint32_t moment_ = 0, first_of_block_ = 0, first_of_launch_ = 0;
  std::vector<std::uint32_t> block_of_;  ///< of each moment of the launch
  std::string first_race_;
  std::uint64_t n_accesses_ = 0;
};

}  // namespace shoal::emulation
