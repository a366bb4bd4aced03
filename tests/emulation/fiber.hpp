#pragma once

#include <csetjmp>
#include <cstddef>
#include <functional>
#include <memory>

namespace shoal::emulation {

/// A function on its own stack, which runs until it suspends itself. AddressSanitizer is told of every switch.
/// Resumed and destroyed by one thread; a fiber that is destroyed before its end does not unwind its stack.
class Fiber {
 public:
  explicit Fiber(std::function<void()> body);
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  /// Runs until the body suspends or ends. The body must not throw. Not from within a fiber, nor after the end.
  void resume();
  /// Back to who resumed; called by the body.
  void suspend();
  /// Back to who resumed and never here again; for a signal handler that interrupted the body.
  [[noreturn]] void abandon();
  /// The one whose body runs now; null: none.
  [[nodiscard]] static Fiber* running() noexcept;
  [[nodiscard]] bool ended() const noexcept { return ended_; }

 private:
  friend class StackPool;
  /// A stack, and where its fiber goes on. ucontext begins on it; from then on jumps switch, since swapcontext costs a
  /// system call each time. After a body's end it waits for another fiber's: to begin anew costs two.
  struct Stack {
    void* memory = nullptr;
    jmp_buf place{};
    bool begun = false;
  };

  static void enter();
  void leave();

  std::function<void()> body_;
  std::unique_ptr<Stack> stack_;
  jmp_buf resumer_{};
  bool ended_ = false;
  // What AddressSanitizer keeps of both sides of a switch.
  void* own_fake_stack_ = nullptr;
  const void* resumer_stack_ = nullptr;
  std::size_t resumer_stack_bytes_ = 0;
};

}  // namespace shoal::emulation
