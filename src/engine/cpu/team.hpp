#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <vector>

namespace shoal::cpu {

/// Threads that share the work of one network, the caller being one of them. They begin and end a share together, some
/// thousand times a second, so that they look for a while before they sleep.
class Team {
 public:
  explicit Team(std::size_t n_threads = 1) {
    try {
      for (std::size_t i = 1; i < n_threads; ++i) threads_.emplace_back([this, i] { follow(i); });
    } catch (...) {
      dismiss();  // else those that are there are waited for
      throw;
    }
  }
  ~Team() { dismiss(); }
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  [[nodiscard]] std::size_t size() const noexcept { return threads_.size() + 1; }

  /// Calls work(i, thread) for i in [0, n), in order of i as threads become free, and returns when all are done. `work`
  /// throws nothing.
  template <class Work>
  void each(std::size_t n, const Work& work) {
    if (threads_.empty() || n < 2) {
      for (std::size_t i = 0; i < n; ++i) work(i, std::size_t{0});
      return;
    }
    next_.store(0, std::memory_order_relaxed);
    n_ = n;
    work_ = &work;
    call_ = [](const void* of, std::size_t i, std::size_t thread) noexcept {
      (*static_cast<const Work*>(of))(i, thread);
    };
    begin();
    share(0);
    await(n_busy_, [](std::uint32_t busy) { return busy == 0; });
  }

 private:
  void dismiss() {
    work_ = nullptr;
    begin();
  }
  void begin() {
    n_busy_.store(static_cast<std::uint32_t>(threads_.size()), std::memory_order_relaxed);
    round_.fetch_add(1, std::memory_order_release);
    round_.notify_all();
  }
  void share(std::size_t thread) {
    for (std::size_t i = next_++; i < n_; i = next_++) call_(work_, i, thread);
  }
  void follow(std::size_t thread) {
    for (std::uint32_t done = 0;; ++done) {
      await(round_, [done](std::uint32_t round) { return round != done; });
      if (work_ == nullptr) return;
      share(thread);
      if (n_busy_.fetch_sub(1, std::memory_order_acq_rel) == 1) n_busy_.notify_one();
    }
  }
  template <class Condition>
  static void await(const std::atomic<std::uint32_t>& value, Condition holds) {
    constexpr int kLooks = 20'000;  // some ten microseconds, as long as a sleeping thread takes to wake
    for (int i = 0; i < kLooks; ++i) {
      if (holds(value.load(std::memory_order_acquire))) return;
    }
    for (std::uint32_t seen = value.load(std::memory_order_acquire); !holds(seen);
         seen = value.load(std::memory_order_acquire)) {
      value.wait(seen, std::memory_order_acquire);
    }
  }

  // What every share writes, apart from what it only reads.
  alignas(128) std::atomic<std::size_t> next_ = 0;
  alignas(128) std::atomic<std::uint32_t> n_busy_ = 0;
  alignas(128) std::atomic<std::uint32_t> round_ = 0;
  std::size_t n_ = 0;
  const void* work_ = nullptr;
  void (*call_)(const void*, std::size_t, std::size_t) noexcept = nullptr;
  std::vector<std::jthread> threads_;
};

}  // namespace shoal::cpu
