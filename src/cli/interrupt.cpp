#include "cli/interrupt.hpp"

#include <array>
#include <cerrno>
#include <cstdint>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>
#include <utility>

#include "cli/commands.hpp"
#include "shoal/error.hpp"

namespace shoal::cli {

InterruptWatch::InterruptWatch(std::function<void()> on_stop, std::function<void()> on_exit)
    : on_stop_(std::move(on_stop)), on_exit_(std::move(on_exit)) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &set, &before_);
  signals_ = ::signalfd(-1, &set, SFD_CLOEXEC);
  wake_ = ::eventfd(0, EFD_CLOEXEC);
  if (signals_ < 0 || wake_ < 0) throw Error("cannot watch for signals: too many open files");
  thread_ = std::jthread([this] { watch(); });
}

InterruptWatch::~InterruptWatch() {
  const std::uint64_t one = 1;
  while (::write(wake_, &one, sizeof one) < 0 && errno == EINTR) {
  }
  thread_.join();
  ::close(signals_);
  ::close(wake_);
  pthread_sigmask(SIG_SETMASK, &before_, nullptr);
}

void InterruptWatch::watch() {
  std::array<pollfd, 2> sources{
      {{.fd = signals_, .events = POLLIN, .revents = 0}, {.fd = wake_, .events = POLLIN, .revents = 0}}};
  while (true) {
    if (::poll(sources.data(), sources.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (sources[1].revents != 0) return;
    signalfd_siginfo information{};
    if (::read(signals_, &information, sizeof information) != sizeof information) continue;
    if (!stop_.request_stop()) {
      on_exit_();
      ::_exit(kStopped);
    }
    on_stop_();
  }
}

}  // namespace shoal::cli
