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

std::size_t index(RaceChecker::Kind kind) { return static_cast<std::size_t>(kind); }

}  // namespace

RaceChecker::RaceChecker() {
  checker = this;
  set_observer(this);
}

RaceChecker::~RaceChecker() {
  checker = nullptr;
  set_observer(nullptr);
}

void RaceChecker::launch_begins() {
  launch_ = ++n_memories_;
  first_race_.clear();
  // Nothing of earlier launches matters: a test of hundreds of networks would fill the memory with what it remembers.
  if (pieces_.size() > kMostPieces) pieces_.clear();
}
void RaceChecker::block_begins() {
  block_ = ++n_memories_;
  known_.fill({});
}
void RaceChecker::atomic_access(const void* address, std::size_t bytes) { access(address, bytes, Kind::atomic); }
void RaceChecker::copy_access(const void* address, std::size_t bytes, bool writes) {
  access(address, bytes, writes ? Kind::write : Kind::read);
}
void RaceChecker::launch_ends() {
  if (!first_race_.empty()) throw KernelFault(first_race_);
}

/// Whether what `before` did is visible to the thread that runs now, both between the same barriers. Transitive.
bool RaceChecker::ordered(const Access& before, const Access& now) {
  if (before.thread == now.thread) return true;
  if (before.thread / kWarpSize != now.thread / kWarpSize) return false;
  return before.lane_time <= Block::current().warp().clock(now.thread % kWarpSize, before.thread % kWarpSize);
}

/// Forgets what is ordered before `now`: all of the same block. Blocks run one after another, so what others left
/// stays.
void RaceChecker::Word::advance(const Time& now) {
  const bool same_memory = time.memory == now.memory;
  for (std::size_t kind = 0; kind < kKinds; ++kind) {
    if (!same_memory) other_bytes[kind] = 0;
    if (same_memory && time.block != now.block && last[kind].bytes != 0) {
      if (crowd == nullptr) crowd = std::make_unique<Crowd>();
      for (const Access& access : crowd->earlier[kind]) other_bytes[kind] |= access.bytes;
      other_bytes[kind] |= last[kind].bytes;
      crowd->other[kind] = {time.block, last[kind].thread};
    }
    last[kind].bytes = everywhere[kind] = 0;
    if (crowd != nullptr) crowd->earlier[kind].clear();
  }
  time = now;
}

/// What is not ordered after an access is not ordered after those before it either, so only the last one of a thread
/// counts; and of two warps no more than one access each.
void RaceChecker::Word::add(std::size_t kind, const Access& now) {
  constexpr std::size_t kMany = 64;
  Access& before = last[kind];
  if ((now.bytes & ~everywhere[kind]) == 0) return;
  if (before.bytes != 0 && (before.thread != now.thread || before.bytes != now.bytes)) {
    if (crowd == nullptr) crowd = std::make_unique<Crowd>();
    std::vector<Access>& earlier = crowd->earlier[kind];
    if (earlier.size() >= kMany && earlier.size() == earlier.capacity()) {
      std::erase_if(earlier, [&](const Access& access) { return access.bytes == now.bytes && ordered(access, now); });
    }
    earlier.push_back(before);
    if (before.thread / kWarpSize != now.thread / kWarpSize) {
      everywhere[kind] = static_cast<std::uint8_t>(everywhere[kind] | (before.bytes & now.bytes));
    }
  }
  before = now;
}

RaceChecker::Piece* RaceChecker::piece_of(const Block& block, const void* address) {
  const std::uintptr_t number = reinterpret_cast<std::uintptr_t>(address) / kPieceBytes;
  Known& known = known_[number % known_.size()];
  if (known.number != number) known = {number, find_piece(block, address)};
  return known.piece;
}

RaceChecker::Piece* RaceChecker::find_piece(const Block& block, const void* address) {
  const bool is_shared = block.is_shared(address);
  if (!is_shared && !is_device_memory(address)) return nullptr;
  Piece& piece = pieces_[reinterpret_cast<std::uintptr_t>(address) / kPieceBytes];
  piece.is_shared = is_shared;
  return &piece;
}

void RaceChecker::access(const void* address, std::size_t bytes, Kind kind) {
  const Block* const block = Block::running();
  if (block == nullptr || bytes == 0) return;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  Access access{block->warp().clock(block->lane(), block->lane()), static_cast<std::uint16_t>(block->thread()), 0};
  for (std::uintptr_t at = first; at < first + bytes;) {
    Piece* const piece = piece_of(*block, reinterpret_cast<const void*>(at));
    if (piece == nullptr) return;
    const std::uintptr_t end = std::min(first + bytes, at / kWordBytes * kWordBytes + kWordBytes);
    access.bytes = static_cast<std::uint8_t>(((1U << (end - at)) - 1U) << at % kWordBytes);
    touch(piece->words[at % kPieceBytes / kWordBytes],
          {piece->is_shared ? block_ : launch_, block->number(), block->n_barriers()}, kind, access);
    n_accesses_ += end - at;
    at = end;
  }
}

void RaceChecker::touch(Word& word, const Time& time, Kind kind, const Access& now) {
  if (word.time != time) {
    word.advance(time);
  } else if (word.last[index(kind)] == now) {
    return;  // whoever came since was without order to that one
  }
  for (const Kind earlier : {Kind::read, Kind::write, Kind::atomic}) {
    const bool may_meet = kind == Kind::write || kind != earlier;
    const std::size_t e = index(earlier);
    if (may_meet && ((word.last[e].bytes | word.other_bytes[e]) != 0)) look(word, kind, earlier, now);
  }
  word.add(index(kind), now);
}

/// Whether the word has an access of kind `earlier` that meets `now` in a byte without order.
void RaceChecker::look(const Word& word, Kind kind, Kind earlier, const Access& now) {
  const std::size_t e = index(earlier);
  const auto meets = [&](const Access& access) { return (access.bytes & now.bytes) != 0 && !ordered(access, now); };
  if ((word.other_bytes[e] & now.bytes) != 0) return report(word, kind, now, earlier, word.crowd->other[e]);
  if (meets(word.last[e])) return report(word, kind, now, earlier, {word.time.block, word.last[e].thread});
  if (word.crowd == nullptr) return;
  const auto found = std::ranges::find_if(word.crowd->earlier[e], meets);
  if (found != word.crowd->earlier[e].end()) report(word, kind, now, earlier, {word.time.block, found->thread});
}

void RaceChecker::report(const Word& word, Kind kind, const Access& now, Kind earlier, const Crowd::Thread& other) {
  if (!first_race_.empty()) return;
  first_race_ = std::string("race in ") + (word.time.memory == block_ ? "shared" : "global") + " memory: a byte is " +
                name(kind) + " by block " + std::to_string(word.time.block) + " thread " + std::to_string(now.thread) +
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
