#pragma once

#include <csignal>
#include <functional>
#include <stop_token>
#include <thread>

namespace shoal::cli {

/// Turns SIGINT and SIGTERM into a stop request while it lives. The first one requests the stop and calls `on_stop`,
/// the second one calls `on_exit` and ends the process with exit code 3 at once. The signals are blocked and taken by a
/// thread of its own, so that nothing runs in a signal handler. Make it before any other thread: threads inherit the
/// blocked signals.
class InterruptWatch {
 public:
  InterruptWatch(std::function<void()> on_stop, std::function<void()> on_exit);
  ~InterruptWatch();
  InterruptWatch(const InterruptWatch&) = delete;
  InterruptWatch& operator=(const InterruptWatch&) = delete;

  [[nodiscard]] std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch();

  std::function<void()> on_stop_;
  std::function<void()> on_exit_;
  std::stop_source stop_;
  sigset_t before_{};
  int signals_ = -1;  ///< signalfd
  int wake_ = -1;     ///< eventfd: the end of the watch
  std::jthread thread_;
};

}  // namespace shoal::cli
