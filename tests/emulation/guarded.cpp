#include "guarded.hpp"

#include <cstring>
#include <new>
#include <sys/mman.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace shoal::emulation {
namespace {

constexpr unsigned char kGuard = 0xF5;

std::byte* allocate(std::size_t bytes, Backing backing) {
  if (backing == Backing::heap) {
    return static_cast<std::byte*>(::operator new(bytes, std::align_val_t(Guarded::kAlignment)));
  }
  void* const memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<std::byte*>(memory);
}

void poison([[maybe_unused]] const std::byte* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(memory, bytes);
#endif
}

void unpoison([[maybe_unused]] const std::byte* memory, [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(memory, bytes);
#endif
}

#if !defined(__SANITIZE_ADDRESS__)
bool clean(const std::byte* guard) noexcept {
  // Equal to itself shifted by one byte, and the first byte is right.
  return guard[0] == std::byte{kGuard} && std::memcmp(guard, guard + 1, Guarded::kGuardBytes - 1) == 0;
}
#endif

}  // namespace

Guarded::Guarded(std::size_t bytes, Backing backing)
    : bytes_(bytes), raw_(allocate(bytes + 2 * kGuardBytes, backing), Free{bytes + 2 * kGuardBytes, backing}) {
  std::memset(raw_.get(), kGuard, bytes + 2 * kGuardBytes);
  std::memset(data(), 0xFF, bytes);
  poison(raw_.get(), kGuardBytes);
  poison(data() + bytes, kGuardBytes);
}

bool Guarded::intact() const noexcept {
#if defined(__SANITIZE_ADDRESS__)
  return true;  // nobody came past it
#else
  return clean(raw_.get()) && clean(data() + bytes_);
#endif
}

void Guarded::lock(bool locked) const {
  mprotect(raw_.get(), raw_.get_deleter().bytes, locked ? PROT_NONE : PROT_READ | PROT_WRITE);
}

void Guarded::Free::operator()(std::byte* memory) const {
  unpoison(memory, bytes);
  if (backing == Backing::pages) {
    munmap(memory, bytes);
  } else {
    ::operator delete(memory, std::align_val_t(kAlignment));
  }
}

}  // namespace shoal::emulation
