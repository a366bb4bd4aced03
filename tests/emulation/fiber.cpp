#include "fiber.hpp"

#include <new>
#include <sys/mman.h>
#include <utility>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace shoal::emulation {
namespace {

constexpr std::size_t kGuardBytes = 4096;
constexpr std::size_t kStackBytes = 128 * 1024;
thread_local Fiber* entering = nullptr;

void start_switch([[maybe_unused]] void** fake, [[maybe_unused]] const void* stack,
                  [[maybe_unused]] std::size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}
void finish_switch([[maybe_unused]] void* fake, [[maybe_unused]] const void** stack,
                   [[maybe_unused]] std::size_t* bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __sanitizer_finish_switch_fiber(fake, stack, bytes);
#endif
}

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)) {
  mapping_ = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  mprotect(mapping_, kGuardBytes, PROT_NONE);
  getcontext(&own_);
  own_.uc_stack.ss_sp = static_cast<char*>(mapping_) + kGuardBytes;
  own_.uc_stack.ss_size = kStackBytes;
  own_.uc_link = nullptr;
  makecontext(&own_, &Fiber::enter, 0);
}

Fiber::~Fiber() {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(own_.uc_stack.ss_sp, kStackBytes);
#endif
  munmap(mapping_, kGuardBytes + kStackBytes);
}

void Fiber::enter() {
  Fiber& fiber = *entering;
  finish_switch(nullptr, &fiber.resumer_stack_, &fiber.resumer_stack_bytes_);
  fiber.body_();
  fiber.ended_ = true;
  fiber.leave();
}

void Fiber::resume() {
  entering = this;
  void* fake = nullptr;
  start_switch(&fake, own_.uc_stack.ss_sp, kStackBytes);
  swapcontext(&resumer_, &own_);
  finish_switch(fake, nullptr, nullptr);
}

void Fiber::leave() {
  // A null place for the fake stack frees it: this side never runs again.
  start_switch(ended_ ? nullptr : &own_fake_stack_, resumer_stack_, resumer_stack_bytes_);
  swapcontext(&own_, &resumer_);
  finish_switch(own_fake_stack_, &resumer_stack_, &resumer_stack_bytes_);
}

void Fiber::suspend() { leave(); }

}  // namespace shoal::emulation
