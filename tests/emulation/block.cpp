#include "block.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <numeric>
#include <random>

namespace shoal::emulation {
namespace {

thread_local Block* running = nullptr;

}  // namespace

Block::Block(std::uint32_t number, std::uint32_t n_threads, std::uint32_t schedule)
    : number_(number), n_threads_(n_threads), schedule_(schedule) {}

Block& Block::current() { return *running; }

KernelFault Block::fault(const std::string& what, std::uint32_t thread) const {
  return KernelFault(what + " (block " + std::to_string(number_) + ", thread " + std::to_string(thread) + ")");
}

std::vector<std::uint32_t> Block::round_order(std::uint32_t round) const {
  std::vector<std::uint32_t> order(n_threads_);
  std::iota(order.begin(), order.end(), 0U);
  if (schedule_ == 1) std::ranges::reverse(order);
  if (schedule_ > 1) {
    std::seed_seq seed{schedule_, number_, round};
    std::ranges::shuffle(order, std::mt19937(seed));
  }
  return order;
}

void Block::run(const std::function<void()>& body) {
  std::exception_ptr thrown;
  for (std::uint32_t t = 0; t < n_threads_; ++t) {
    fibers_.push_back(std::make_unique<Fiber>([&] {
      try {
        body();
      } catch (...) {
        thrown = std::current_exception();
      }
    }));
  }
  running = this;
  for (std::uint32_t round = 0;; ++round) {
    for (const std::uint32_t t : round_order(round)) {
      thread_ = t;
      fibers_[t]->resume();
      if (thrown) break;
    }
    if (thrown) break;
    // Every thread has now reached a barrier or its end: all of them must have done the same.
    const auto ended = [](const auto& fiber) { return fiber->ended(); };
    const auto n_ended = static_cast<std::uint32_t>(std::ranges::count_if(fibers_, ended));
    if (n_ended == n_threads_) break;
    if (n_ended > 0) {
      const auto first = std::ranges::find_if(fibers_, ended) - fibers_.begin();
      running = nullptr;
      throw fault("thread exited while others wait at __syncthreads", static_cast<std::uint32_t>(first));
    }
  }
  running = nullptr;
  if (thrown) std::rethrow_exception(thrown);
}

void Block::barrier() { fibers_[thread_]->suspend(); }

void* Block::shared(const void* key, std::size_t bytes) {
  for (const Region& region : regions_) {
    if (region.key != key) continue;
    if (region.bytes != bytes) throw fault("shared memory asked for with two sizes", thread_);
    return region.memory.get();
  }
  // A heap block of exactly this size: AddressSanitizer sees the first byte behind it.
  regions_.push_back({key, bytes, std::make_unique<std::byte[]>(bytes)});
  std::memset(regions_.back().memory.get(), 0xFF, bytes);
  return regions_.back().memory.get();
}

}  // namespace shoal::emulation
