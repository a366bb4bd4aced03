#include "fiber.hpp"

#include <new>
#include <sys/mman.h>
#include <utility>
#include <vector>
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace shoal::emulation {
namespace {

constexpr std::size_t kGuardBytes = 4096;
constexpr std::size_t kStackBytes = 128 * 1024;
thread_local Fiber* current = nullptr;

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

/// Stacks that no fiber uses now: mapping one costs more than running a fiber.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool() {
    for (void* stack : free_) munmap(static_cast<char*>(stack) - kGuardBytes, kGuardBytes + kStackBytes);
  }
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  void* take() {
    if (!free_.empty()) {
      void* stack = free_.back();
      free_.pop_back();
      return stack;
    }
    // Below the stack lies a page that nobody may touch.
    void* mapping = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    mprotect(mapping, kGuardBytes, PROT_NONE);
    return static_cast<char*>(mapping) + kGuardBytes;
  }
  void give_back(void* stack) {
#if defined(__SANITIZE_ADDRESS__)
    __asan_unpoison_memory_region(stack, kStackBytes);
#endif
    free_.push_back(stack);
  }

 private:
  std::vector<void*> free_;
};
thread_local StackPool stacks;

}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(stacks.take()) {
  getcontext(&start_);
  start_.uc_stack.ss_sp = stack_;
  start_.uc_stack.ss_size = kStackBytes;
  start_.uc_link = nullptr;
  makecontext(&start_, &Fiber::enter, 0);
}

Fiber::~Fiber() { stacks.give_back(stack_); }

void Fiber::enter() {
  Fiber& fiber = *current;
  finish_switch(nullptr, &fiber.resumer_stack_, &fiber.resumer_stack_bytes_);
  fiber.body_();
  fiber.ended_ = true;
  fiber.leave();
}

void Fiber::resume() {
  current = this;
  void* fake = nullptr;
  start_switch(&fake, stack_, kStackBytes);
  if (_setjmp(resumer_) == 0) {
    if (started_) _longjmp(own_, 1);
    started_ = true;
    setcontext(&start_);
  }
  current = nullptr;
  finish_switch(fake, nullptr, nullptr);
}

void Fiber::leave() {
  // A null place for the fake stack frees it: this side never runs again.
  start_switch(ended_ ? nullptr : &own_fake_stack_, resumer_stack_, resumer_stack_bytes_);
  if (_setjmp(own_) == 0) _longjmp(resumer_, 1);
  finish_switch(own_fake_stack_, &resumer_stack_, &resumer_stack_bytes_);
}

void Fiber::suspend() { leave(); }

void Fiber::abandon() {
  start_switch(nullptr, resumer_stack_, resumer_stack_bytes_);
  _longjmp(resumer_, 1);
}

Fiber* Fiber::running() noexcept { return current; }

}  // namespace shoal::emulation
