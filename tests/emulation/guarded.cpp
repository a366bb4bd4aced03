#include "guarded.hpp"

#include <algorithm>
#include <cstring>
#include <new>
#include <sys/mman.h>
#include <unistd.h>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif

namespace shoal::emulation {
namespace {

constexpr unsigned char kGuard = 0xF5;

/// A file of 0xFF: pages that are private copies of it cost nothing until they are touched, and most of an engine's
/// workspace never is.
class Poison {
 public:
  static constexpr std::size_t kBytes = std::size_t{1} << 20;

  Poison() : file_(memfd_create("poison", MFD_CLOEXEC)) {
    if (file_ < 0 || ftruncate(file_, kBytes) != 0) throw std::bad_alloc();
    void* const memory = mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    std::memset(memory, 0xFF, kBytes);
    munmap(memory, kBytes);
  }

  [[nodiscard]] std::byte* pages(std::size_t bytes) const {
    void* const memory = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    auto* const first = static_cast<std::byte*>(memory);
    for (std::size_t done = 0; done < bytes; done += kBytes) {
      const std::size_t part = std::min(kBytes, bytes - done);
      if (mmap(first + done, part, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, file_, 0) == MAP_FAILED) {
        munmap(memory, bytes);
        throw std::bad_alloc();
      }
    }
    return first;
  }

 private:
  int file_;
};

std::byte* allocate(std::size_t bytes, Backing backing) {
  static const Poison poison;
  if (backing == Backing::pages) return poison.pages(bytes);
  auto* const memory = static_cast<std::byte*>(::operator new(bytes, std::align_val_t(Guarded::kAlignment)));
  std::memset(memory, 0xFF, bytes);
  return memory;
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
  std::memset(raw_.get(), kGuard, kGuardBytes);
  std::memset(data() + bytes, kGuard, kGuardBytes);
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
