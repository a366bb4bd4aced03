#include "fiber.hpp"

#include <new>
#include <sys/mman.h>
#include <ucontext.h>
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

}  // namespace

/// Stacks that no fiber uses now: mapping one costs more than running a fiber.
class StackPool {
 public:
  StackPool() = default;
  ~StackPool() {
    for (const auto& stack : free_) munmap(static_cast<char*>(stack->memory) - kGuardBytes, kGuardBytes + kStackBytes);
  }
  StackPool(const StackPool&) = delete;
  StackPool& operator=(const StackPool&) = delete;

  std::unique_ptr<Fiber::Stack> take() {
    if (!free_.empty()) {
      std::unique_ptr<Fiber::Stack> stack = std::move(free_.back());
      free_.pop_back();
      return stack;
    }
    // Below the stack lies a page that nobody may touch.
    void* mapping = mmap(nullptr, kGuardBytes + kStackBytes, PROT_READ | PROT_WRITE,
                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (mapping == MAP_FAILED) throw std::bad_alloc();
    mprotect(mapping, kGuardBytes, PROT_NONE);
    auto stack = std::make_unique<Fiber::Stack>();
    stack->memory = static_cast<char*>(mapping) + kGuardBytes;
    return stack;
  }
  /// ended: the body has, so another can take its place.
  void give_back(std::unique_ptr<Fiber::Stack> stack, bool ended) {
    stack->begun = stack->begun && ended;
#if defined(__SANITIZE_ADDRESS__)
    stack->begun = false;  // AddressSanitizer was told that the fiber is no more
    __asan_unpoison_memory_region(stack->memory, kStackBytes);
#endif
    free_.push_back(std::move(stack));
  }

 private:
  std::vector<std::unique_ptr<Fiber::Stack>> free_;
};

namespace {
thread_local StackPool stacks;
}  // namespace

Fiber::Fiber(std::function<void()> body) : body_(std::move(body)), stack_(stacks.take()) {}

Fiber::~Fiber() { stacks.give_back(std::move(stack_), ended_); }

/// One body after another.
void Fiber::enter() {
  finish_switch(nullptr, &current->resumer_stack_, &current->resumer_stack_bytes_);
  for (;;) {
    current->body_();
    current->ended_ = true;
    current->leave();
  }
}

void Fiber::resume() {
  current = this;
  void* fake = nullptr;
  start_switch(&fake, stack_->memory, kStackBytes);
  if (_setjmp(resumer_) == 0) {
    if (stack_->begun) _longjmp(stack_->place, 1);
    stack_->begun = true;
    ucontext_t start{};
    getcontext(&start);
    start.uc_stack.ss_sp = stack_->memory;
    start.uc_stack.ss_size = kStackBytes;
    start.uc_link = nullptr;
    makecontext(&start, &Fiber::enter, 0);
    setcontext(&start);
  }
  current = nullptr;
  finish_switch(fake, nullptr, nullptr);
}

/// Comes back for the fiber that runs then, which has the stack after this one where this one has ended.
void Fiber::leave() {
  // A null place for the fake stack frees it: this side never runs again.
  start_switch(ended_ ? nullptr : &own_fake_stack_, resumer_stack_, resumer_stack_bytes_);
  if (_setjmp(stack_->place) == 0) _longjmp(resumer_, 1);
  finish_switch(current->own_fake_stack_, &current->resumer_stack_, &current->resumer_stack_bytes_);
}

void Fiber::suspend() { leave(); }

void Fiber::abandon() {
  start_switch(nullptr, resumer_stack_, resumer_stack_bytes_);
  _longjmp(resumer_, 1);
}

Fiber* Fiber::running() noexcept { return current; }

}  // namespace shoal::emulation
