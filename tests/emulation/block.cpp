#include "block.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <csignal>
#include <cstddef>
#include <cstdint>
#include <fmt/format.h>
#include <numeric>
#include <optional>
#include <random>
#include <string>

namespace shoal::emulation {
namespace {

/// Where the thread touched memory that is not there.
thread_local std::optional<void*> wild_address;

void on_wild_access(int signal, siginfo_t* info, void*) {
  Fiber* const fiber = Fiber::running();
  if (fiber == nullptr) {  // not a kernel's: it happens again, without us
    static_cast<void>(std::signal(signal, SIG_DFL));
    return;
  }
  wild_address = info->si_addr;
  fiber->abandon();
}

/// Signals come on a stack of their own: a fiber's may be what ran out.
void give_signals_a_stack() {
  static thread_local std::array<std::byte, 64 * 1024> memory;
  stack_t stack{};
  sigaltstack(nullptr, &stack);
  if ((stack.ss_flags & SS_DISABLE) == 0) return;
  stack = {.ss_sp = memory.data(), .ss_flags = 0, .ss_size = memory.size()};
  sigaltstack(&stack, nullptr);
}

}  // namespace

constinit thread_local Block* Block::running_ = nullptr;

/// While a block runs: its threads know it, and a wild access of theirs is a fault.
class Running {
 public:
  explicit Running(Block* block) {
    Block::running_ = block;
    give_signals_a_stack();
    struct sigaction ours {};
    ours.sa_sigaction = on_wild_access;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigaction(SIGSEGV, &ours, &before_);
  }
  ~Running() {
    sigaction(SIGSEGV, &before_, nullptr);
    Block::running_ = nullptr;
  }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;

 private:
  struct sigaction before_ {};
};

Block::Block(std::uint32_t number, std::uint32_t n_threads, std::uint32_t schedule)
    : number_(number), n_threads_(n_threads), schedule_(schedule), waits_(n_threads, Waits::no) {
  for (std::uint32_t first = 0; first < n_threads; first += kWarpSize) {
    warps_.emplace_back(number, first, std::min(kWarpSize, n_threads - first));
  }
}

std::vector<std::uint32_t> Block::round_order(std::uint32_t round) const {
  std::vector<std::uint32_t> order(n_threads_);
  std::iota(order.begin(), order.end(), 0U);
  if (schedule_ == 1) std::ranges::reverse(order);
  if (schedule_ > 1) {
    std::seed_seq seed{schedule_, number_, round};
    std::ranges::shuffle(order, std::minstd_rand(seed));
  }
  return order;
}

void Block::run(const std::function<void()>& body) {
  std::exception_ptr thrown;
  start(body, thrown);
  {
    const Running guard(this);
    for (std::uint32_t round = 0; run_round(round, thrown); ++round) {
    }
  }
  if (thrown) std::rethrow_exception(thrown);
  check_all_ended();
}

void Block::start(const std::function<void()>& body, std::exception_ptr& thrown) {
  for (std::uint32_t t = 0; t < n_threads_; ++t) {
    fibers_.push_back(std::make_unique<Fiber>([&] {
      try {
        body();
      } catch (...) {
        thrown = std::current_exception();
      }
    }));
  }
}

/// Resumes every thread that waits for nothing; false where there is none or one has thrown.
bool Block::run_round(std::uint32_t round, const std::exception_ptr& thrown) {
  bool moved = false;
  for (const std::uint32_t t : round_order(round)) {
    if (waits_[t] != Waits::no) continue;
    moved = true;
    thread_ = t;
    resume(t);
    if (thrown) return false;
    if (fibers_[t]->ended()) {
      waits_[t] = Waits::ended;
      if (!copies_.empty() && !copies_[t].empty())
        throw KernelFault("thread ended before copies that it did not wait for", number_, t);
    }
    check_guards();
  }
  return moved;
}

void Block::resume(std::uint32_t thread) {
  wild_address.reset();
  ++turn_;
  fibers_[thread]->resume();
  if (!wild_address) return;
  throw KernelFault(fmt::format("access to memory at {}, which is not there", *wild_address), number_, thread);
}

void expect_aligned(const void* at, std::size_t bytes) {
  if (reinterpret_cast<std::uintptr_t>(at) % bytes == 0) return;
  const Block& block = Block::current();
  throw KernelFault(fmt::format("access to {} bytes that are not aligned to their number", bytes), block.number(),
                    block.thread());
}

void Block::check_guards() const {
  for (const Region& region : regions_) {
    if (!region.memory.intact()) {
      throw KernelFault("write outside of " + std::to_string(region.memory.size()) + " bytes of shared memory", number_,
                        thread_);
    }
  }
}

/// Nothing moves any more: every thread has ended, or one waits for what another will never do.
void Block::check_all_ended() const {
  const auto first = [&](Waits what) {
    return static_cast<std::uint32_t>(std::ranges::find(waits_, what) - waits_.begin());
  };
  if (const std::uint32_t t = first(Waits::warp); t < n_threads_) throw warps_[t / kWarpSize].absence(t % kWarpSize);
  if (first(Waits::barrier) < n_threads_) {
    throw KernelFault("thread exited while others wait at __syncthreads (" + line_of(barrier_site_) + ")", number_,
                      first(Waits::ended));
  }
}

void Block::barrier(const CallSite& site) {
  if (n_at_barrier_ == 0) barrier_site_ = site;
  if (site.line != barrier_site_.line) {
    throw KernelFault(
        "thread came to __syncthreads at " + line_of(site) + " while others wait at " + line_of(barrier_site_), number_,
        thread_);
  }
  waits_[thread_] = Waits::barrier;
  if (++n_at_barrier_ == n_threads_) {
    std::ranges::fill(waits_, Waits::no);
    n_at_barrier_ = 0;
    ++n_barriers_;
  }
  fibers_[thread_]->suspend();
}

std::uint64_t Block::meet(const Arrival& arrival) {
  const std::uint32_t self = thread_;
  Warp& warp = warps_[self / kWarpSize];
  waits_[self] = Waits::warp;
  for (std::uint32_t lanes = warp.arrive(self % kWarpSize, arrival); lanes != 0; lanes &= lanes - 1) {
    waits_[self - self % kWarpSize + static_cast<std::uint32_t>(std::countr_zero(lanes))] = Waits::no;
  }
  fibers_[self]->suspend();
  return warp.result(self % kWarpSize);
}

AsyncCopies& Block::copies() {
  copies_.resize(n_threads_);
  return copies_[thread_];
}

void* Block::shared(const void* key, std::size_t bytes) {
  for (const Region& region : regions_) {
    if (region.key != key) continue;
    if (region.memory.size() != bytes) throw KernelFault("shared memory asked for with two sizes", number_, thread_);
    return region.memory.data();
  }
  regions_.push_back({key, Guarded(bytes)});
  return regions_.back().memory.data();
}

bool Block::is_shared(const void* address, std::size_t bytes) const {
  return std::ranges::any_of(regions_, [&](const Region& region) { return region.memory.contains(address, bytes); });
}

}  // namespace shoal::emulation
