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
  global_.clear();
  first_race_.clear();
}
void RaceChecker::block_begins() {
  shared_.clear();
  known_.fill({});
}
void RaceChecker::atomic_access(const void* address, std::size_t bytes) { access(address, bytes, Kind::atomic); }
void RaceChecker::copy_access(const void* address, std::size_t bytes, bool writes) {
  access(address, bytes, writes ? Kind::write : Kind::read);
}
void RaceChecker::launch_ends() {
  if (!first_race_.empty()) throw KernelFault(first_race_);
}

RaceChecker::Access RaceChecker::now() {
  const Block& block = Block::current();
  return {block.number(), block.thread(), block.n_barriers(), block.warp().clock(block.lane(), block.lane()), 0};
}

/// Whether what `before` did is visible to the thread that runs now. Transitive.
bool RaceChecker::ordered(const Access& before, const Access& now) {
  if (before.block != now.block) return false;
  if (before.thread == now.thread || before.n_barriers < now.n_barriers) return true;
  if (before.thread / kWarpSize != now.thread / kWarpSize) return false;
  return before.lane_time <= Block::current().warp().clock(now.thread % kWarpSize, before.thread % kWarpSize);
}

void RaceChecker::Accesses::advance(const Access& now) {
  if (own.empty()) return;
  if (own.front().block != now.block) {
    std::uint8_t bytes = has_other ? other.bytes : std::uint8_t{0};
    for (const Access& access : own) bytes |= access.bytes;
    other = own.front();
    other.bytes = bytes;
    has_other = true;
    own.clear();
  } else if (own.front().n_barriers < now.n_barriers) {
    own.clear();
  }
}

const RaceChecker::Access* RaceChecker::Accesses::unordered(const Access& now) const {
  if (has_other && (other.bytes & now.bytes) != 0) return &other;
  const auto found = std::ranges::find_if(
      own, [&](const Access& access) { return (access.bytes & now.bytes) != 0 && !ordered(access, now); });
  return found == own.end() ? nullptr : &*found;
}

/// What is not ordered after an access is not ordered after those before it either, so only the last one counts.
void RaceChecker::Accesses::add(const Access& now) {
  constexpr std::size_t kMany = 64;
  if (!own.empty() && own.back().thread == now.thread && own.back().bytes == now.bytes) {
    own.back() = now;
    return;
  }
  if (own.size() >= kMany && own.size() == own.capacity()) {
    std::erase_if(own, [&](const Access& access) { return access.bytes == now.bytes && ordered(access, now); });
  }
  own.push_back(now);
}

RaceChecker::Piece* RaceChecker::piece_of(const void* address) {
  const std::uintptr_t number = reinterpret_cast<std::uintptr_t>(address) / kPieceBytes;
  Known& known = known_[number % known_.size()];
  if (known.number == number) return known.piece;
  const bool is_shared = Block::current().is_shared(address);
  known = {number, nullptr};
  if (is_shared || is_device_memory(address)) {
    known.piece = &(is_shared ? shared_ : global_)[number];
    known.piece->is_shared = is_shared;
  }
  return known.piece;
}

void RaceChecker::access(const void* address, std::size_t bytes, Kind kind) {
  if (Block::running() == nullptr || bytes == 0) return;
  const auto first = reinterpret_cast<std::uintptr_t>(address);
  Access access = now();
  for (std::uintptr_t at = first; at < first + bytes;) {
    Piece* const piece = piece_of(reinterpret_cast<const void*>(at));
    if (piece == nullptr) return;
    const std::uintptr_t end = std::min(first + bytes, at / kWordBytes * kWordBytes + kWordBytes);
    access.bytes = static_cast<std::uint8_t>(((1U << (end - at)) - 1U) << at % kWordBytes);
    touch(piece->words[at % kPieceBytes / kWordBytes], kind, access, piece->is_shared);
    n_accesses_ += end - at;
    at = end;
  }
}

void RaceChecker::touch(Word& word, Kind kind, const Access& now, bool is_shared) {
  const auto look = [&](const Accesses& earlier, Kind earlier_kind) {
    const Access* const other = first_race_.empty() ? earlier.unordered(now) : nullptr;
    if (other == nullptr) return;
    first_race_ = std::string("race in ") + (is_shared ? "shared" : "global") + " memory: a byte is " + name(kind) +
                  " by block " + std::to_string(now.block) + " thread " + std::to_string(now.thread) + " and " +
                  name(earlier_kind) + " by block " + std::to_string(other->block) + " thread " +
                  std::to_string(other->thread) + " with no order between them";
  };
  for (Accesses* accesses : {&word.reads, &word.writes, &word.atomics}) accesses->advance(now);
  look(word.writes, Kind::write);
  if (kind != Kind::read) look(word.reads, Kind::read);
  if (kind != Kind::atomic) look(word.atomics, Kind::atomic);
  (kind == Kind::read ? word.reads : kind == Kind::write ? word.writes : word.atomics).add(now);
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
