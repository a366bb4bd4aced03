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
void RaceChecker::block_begins() { shared_.clear(); }
void RaceChecker::atomic_access(const void* address, std::size_t bytes) { access(address, bytes, Kind::atomic); }
void RaceChecker::launch_ends() {
  if (!first_race_.empty()) throw KernelFault(first_race_);
}

RaceChecker::Access RaceChecker::now() {
  const Block& block = Block::current();
  return {block.number(), block.thread(), block.n_barriers(), block.warp().clock(block.lane(), block.lane())};
}

/// Whether what `before` did is visible to the thread that runs now. Transitive.
bool RaceChecker::ordered(const Access& before, const Access& now) {
  if (before.block != now.block) return false;
  if (before.thread == now.thread || before.n_barriers < now.n_barriers) return true;
  if (before.thread / kWarpSize != now.thread / kWarpSize) return false;
  return before.lane_time <= Block::current().warp().clock(now.thread % kWarpSize, before.thread % kWarpSize);
}

void RaceChecker::access(const void* address, std::size_t bytes, Kind kind) {
  const Block* const block = Block::running();
  if (block == nullptr || bytes == 0) return;
  const bool is_shared = block->is_shared(address);
  if (!is_shared && !is_device_memory(address)) return;
  const Access access = now();
  Bytes& known = is_shared ? shared_ : global_;
  for (std::size_t i = 0; i < bytes; ++i) {
    touch(known[static_cast<const std::byte*>(address) + i], kind, access, is_shared);
  }
  n_accesses_ += bytes;
}

void RaceChecker::touch(Byte& byte, Kind kind, const Access& now, bool is_shared) {
  const auto look = [&](std::vector<Access>& earlier, Kind earlier_kind) {
    // An access that is ordered before this one adds nothing: what is not ordered after it is not ordered after this.
    std::erase_if(earlier, [&](const Access& access) { return ordered(access, now); });
    const bool conflict = kind == Kind::write || earlier_kind == Kind::write || kind != earlier_kind;
    if (earlier.empty() || !conflict || !first_race_.empty()) return;
    const Access& other = earlier.front();
    first_race_ = std::string("race in ") + (is_shared ? "shared" : "global") + " memory: a byte is " + name(kind) +
                  " by block " + std::to_string(now.block) + " thread " + std::to_string(now.thread) + " and " +
                  name(earlier_kind) + " by block " + std::to_string(other.block) + " thread " +
                  std::to_string(other.thread) + " with no order between them";
  };
  look(byte.writes, Kind::write);
  if (kind != Kind::read) look(byte.reads, Kind::read);
  if (kind != Kind::atomic) look(byte.atomics, Kind::atomic);
  std::vector<Access>& same = kind == Kind::read ? byte.reads : kind == Kind::write ? byte.writes : byte.atomics;
  if (kind != Kind::write) std::erase_if(same, [&](const Access& access) { return ordered(access, now); });
  same.push_back(now);
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
