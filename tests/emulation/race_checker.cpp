#include "race_checker.hpp"

#include <algorithm>

namespace shoal::emulation {
namespace {

RaceChecker* checker = nullptr;

const char* name(RaceChecker::Kind kind) {
  switch (kind) {
    case RaceChecker::Kind::read:
      return "read";
    case RaceChecker::Kind::write:
      return "written";
    case RaceChecker::Kind::atomic:
      return "changed atomically";
  }
  return "";
}

/// Of one launch to the next.
constexpr std::size_t kMostPieces = 4096;
constexpr std::uint32_t kNoBarriers = ~std::uint32_t{0};

std::size_t index(RaceChecker::Kind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

RaceChecker::RaceChecker() : crowds_(1) {
  checker = this;
  set_observer(this);
}

RaceChecker::~RaceChecker() {
  checker = nullptr;
  set_observer(nullptr);
}

void RaceChecker::launch_begins() {
  first_of_launch_ = moment_ + 1;
  block_of_.clear();
  first_race_.clear();
  // Nothing of earlier launches matters: a test of hundreds of networks would fill the memory with what it remembers.
  if (pieces_.size() <= kMostPieces) return;
  pieces_.clear();
  crowds_.resize(1);
}
void RaceChecker::block_begins() {
  first_of_block_ = moment_ + 1;
  turn_ = 0;
  n_barriers_ = kNoBarriers;
  known_.fill({});
}
void RaceChecker::atomic_access(const void* address, std::size_t bytes) { access(address, bytes, Kind::atomic); }
void RaceChecker::copy_access(const void* address, std::size_t bytes, bool writes) {
  access(address, bytes, writes ? Kind::write : Kind::read);
}
void RaceChecker::launch_ends() {
  if (!first_race_.empty()) throw KernelFault(first_race_);
}

/// Neither the thread's clock nor the barriers it has passed change before the next one.
void RaceChecker::begin_turn(const Block& block) {
  turn_ = block.turn();
  warp_ = &block.warp();
  turns_ = {warp_->clock(block.lane(), block.lane()), block.thread(), 0};
  if (block.n_barriers() == n_barriers_) return;
  n_barriers_ = block.n_barriers();
  ++moment_;
  block_of_.push_back(block.number());
}

/// Whether what `before` did is visible to the thread that runs now, both at the same moment. Transitive.
bool RaceChecker::ordered(const Access& before) const {
  if (before.thread() == turns_.thread()) return true;
  if (before.thread() / kWarpSize != turns_.thread() / kWarpSize) return false;
  return before.lane_time() <= warp_->clock(turns_.thread() % kWarpSize, before.thread() % kWarpSize);
}

RaceChecker::Crowd& RaceChecker::crowd_of(Word& word) {
  if (word.crowd == 0) {
    word.crowd = static_cast<std::uint32_t>(crowds_.size());
    crowds_.emplace_back();
  }
  return crowds_[word.crowd];
}

/// Forgets what is ordered before this moment: all of the same block. Blocks run one after another, so what others left
/// stays.
void RaceChecker::advance(Word& word, bool is_shared) {
  const bool same_memory = word.moment >= (is_shared ? first_of_block_ : first_of_launch_);
  const bool same_block = word.moment >= first_of_block_;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    const Access& last = word.last[kind];
    if (!same_memory) word.elsewhere[kind] = 0;
    if (same_memory && !same_block && last.bytes() != 0) {
      Crowd& crowd = crowd_of(word);
      std::uint32_t bytes = last.bytes();
      for (const Access& access : crowd.earlier[kind]) bytes |= access.bytes();
      word.elsewhere[kind] = static_cast<std::uint8_t>(word.elsewhere[kind] | bytes);
      crowd.elsewhere[kind] = {block_of_[word.moment - first_of_launch_], last.thread()};
    }
    if (word.crowd != 0) crowds_[word.crowd].earlier[kind].clear();
  }
  word.last = {};
  word.everywhere = {};
  word.moment = moment_;
}

/// What is not ordered after an access is not ordered after those before it either, so only the last one of a thread
/// counts; and of two warps no more than one access each.
inline void RaceChecker::add(Word& word, std::size_t kind, Access now) {
  constexpr std::size_t kMany = 64;
  const Access before = word.last[kind];
  if ((now.bytes() & ~word.everywhere[kind]) == 0) return;
  if (before.bytes() != 0 && (before.thread() != now.thread() || before.bytes() != now.bytes())) {
    std::vector<Access>& earlier = crowd_of(word).earlier[kind];
    if (earlier.size() >= kMany && earlier.size() == earlier.capacity()) {
      std::erase_if(earlier, [&](const Access& access) { return access.bytes() == now.bytes() && ordered(access); });
    }
    earlier.push_back(before);
    if (before.thread() / kWarpSize != now.thread() / kWarpSize)
      word.everywhere[kind] = static_cast<std::uint8_t>(word.everywhere[kind] | (before.bytes() & now.bytes()));
  }
  word.last[kind] = now;
}

inline RaceChecker::Piece* RaceChecker::piece_of(const Block& block, std::uintptr_t address) {
  const std::uintptr_t number = address / kPieceBytes;
  Known& known = known_[number % known_.size()];
  if (known.number != number) known = {number, find_piece(block, address)};
  return known.piece;
}

RaceChecker::Piece* RaceChecker::find_piece(const Block& block, std::uintptr_t address) {
  const auto* const memory = reinterpret_cast<const void*>(address);
  const bool is_shared = block.is_shared(memory);
  if (!is_shared && !is_device_memory(memory)) return nullptr;
  Piece& piece = pieces_[address / kPieceBytes];
  piece.is_shared = is_shared;
  return &piece;
}

/// Most accesses lie in one word of a known piece, and many repeat the last one.
inline void RaceChecker::access(const void* address, std::size_t bytes, Kind kind) {
  const Block* const block = Block::running();
  if (block == nullptr) return;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  const Known& known = known_[first / kPieceBytes % known_.size()];
  const std::size_t in_word = first % kWordBytes;
  const bool is_known = known.number == first / kPieceBytes;
  if (is_known && known.piece == nullptr) return;
  if (!is_known || block->turn() != turn_ || in_word + bytes > kWordBytes) return access_any(first, bytes, kind);
  n_accesses_ += bytes;
  Word& word = known.piece->words[first % kPieceBytes / kWordBytes];
  const Access now = turns_.with_bytes(((1U << bytes) - 1U) << in_word);
  if (word.moment == moment_ && word.last[index(kind)] == now) return;  // whoever came since was without order to that
  touch(word, known.piece->is_shared, kind, now);
}

void RaceChecker::access_any(std::uintptr_t first, std::size_t bytes, Kind kind) {
  const Block& block = Block::current();
  if (block.turn() != turn_) begin_turn(block);
  for (std::uintptr_t at = first; at < first + bytes;) {
    Piece* const piece = piece_of(block, at);
    if (piece == nullptr) return;
    const std::uintptr_t end = std::min(first + bytes, at / kWordBytes * kWordBytes + kWordBytes);
    const auto of_word = static_cast<std::uint32_t>(((1U << (end - at)) - 1U) << at % kWordBytes);
    touch(piece->words[at % kPieceBytes / kWordBytes], piece->is_shared, kind, turns_.with_bytes(of_word));
    n_accesses_ += end - at;
    at = end;
  }
}

void RaceChecker::touch(Word& word, bool is_shared, Kind kind, Access now) {
  if (word.moment != moment_) advance(word, is_shared);
#pragma GCC unroll 3
  for (std::size_t e = 0; e < kKinds; ++e) {
    const auto earlier = static_cast<Kind>(e);
    const bool may_meet = kind == Kind::write || kind != earlier;
    if (may_meet && (word.last[e].bytes() | word.elsewhere[e]) != 0) look(word, is_shared, kind, earlier, now);
  }
  add(word, index(kind), now);
}

/// Whether the word has an access of kind `earlier` that meets this one in a byte without order.
inline void RaceChecker::look(const Word& word, bool is_shared, Kind kind, Kind earlier, Access now) {
  const std::size_t e = index(earlier);
  const auto meets = [&](const Access& access) { return (access.bytes() & now.bytes()) != 0 && !ordered(access); };
  if ((word.elsewhere[e] & now.bytes()) != 0) return report(is_shared, kind, earlier, crowds_[word.crowd].elsewhere[e]);
  if (meets(word.last[e])) return report(is_shared, kind, earlier, {block_of_.back(), word.last[e].thread()});
  if (word.crowd == 0) return;
  const std::vector<Access>& others = crowds_[word.crowd].earlier[e];
  const auto found = std::ranges::find_if(others, meets);
  if (found != others.end()) report(is_shared, kind, earlier, {block_of_.back(), found->thread()});
}

void RaceChecker::report(bool is_shared, Kind kind, Kind earlier, const Crowd::Thread& other) {
  if (!first_race_.empty()) return;
  first_race_ = std::string("race in ") + (is_shared ? "shared" : "global") + " memory: a byte is " + name(kind) +
                " by block " + std::to_string(block_of_.back()) + " thread " + std::to_string(turns_.thread()) +
                " and " + name(earlier) + " by block " + std::to_string(other.block) + " thread " +
                std::to_string(other.thread) + " with no order between them";
}

namespace {

void seen(const void* address, std::size_t bytes, RaceChecker::Kind kind) {
  if (checker != nullptr) checker->access(address, bytes, kind);
}

}  // namespace
}  // namespace shoal::emulation

// What g++ calls in sources that are compiled with -fsanitize=thread.
// NOLINTBEGIN(bugprone-reserved-identifier)
using Kind = shoal::emulation::RaceChecker::Kind;
extern "C" {
#define SHOAL_ACCESS(bytes)                                                                        \
  void __tsan_read##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::read); }             \
  void __tsan_write##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::write); }           \
  void __tsan_unaligned_read##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::read); }   \
  void __tsan_unaligned_write##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::write); } \
  void __tsan_volatile_read##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::read); }    \
  void __tsan_volatile_write##bytes(void* at) { shoal::emulation::seen(at, bytes, Kind::write); }
SHOAL_ACCESS(1)
SHOAL_ACCESS(2)
SHOAL_ACCESS(4)
SHOAL_ACCESS(8)
SHOAL_ACCESS(16)
void __tsan_read_range(void* at, std::size_t bytes) { shoal::emulation::seen(at, bytes, Kind::read); }
void __tsan_write_range(void* at, std::size_t bytes) { shoal::emulation::seen(at, bytes, Kind::write); }
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
// Host code's own: the guard of a static variable.
unsigned char __tsan_atomic8_load(const volatile unsigned char* at, int) {
  return __atomic_load_n(at, __ATOMIC_ACQUIRE);
}
}
// NOLINTEND(bugprone-reserved-identifier)
