#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <vector>

#include "async_copies.hpp"
#include "fiber.hpp"
#include "guarded.hpp"
#include "kernel_fault.hpp"
#include "warp.hpp"

namespace shoal::emulation {

/// One block of CUDA threads, a fiber each. Between two meetings (barriers, shuffles, votes) the threads run one after
/// another: in order (schedule 0), reversed (1), or shuffled by `schedule` and the block's number.
class Block {
 public:
  Block(std::uint32_t number, std::uint32_t n_threads, std::uint32_t schedule);

  /// Runs `body` once a thread, to the end. Throws KernelFault where a meeting is not reached by all threads that it
  /// needs, shared memory was overrun or memory was touched that is not there, and what the body throws. Once a block.
  void run(const std::function<void()>& body);

  /// The block that runs now, null outside of run().
  [[nodiscard]] static Block* running() noexcept { return running_; }
  [[nodiscard]] static Block& current() { return *running(); }
  [[nodiscard]] std::uint32_t thread() const noexcept { return thread_; }
  /// How often a thread of the block has begun or gone on.
  [[nodiscard]] std::uint64_t turn() const noexcept { return turn_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint32_t n_threads() const noexcept { return n_threads_; }
  [[nodiscard]] std::uint32_t lane() const noexcept { return thread_ % kWarpSize; }
  [[nodiscard]] const Warp& warp() const { return warps_[thread_ / kWarpSize]; }

  /// __syncthreads, at one place for all threads.
  void barrier(const CallSite& site = CallSite::current());
  [[nodiscard]] std::uint32_t n_barriers() const noexcept { return n_barriers_; }  ///< that all threads have passed
  /// __syncwarp, shuffles and votes.
  std::uint64_t meet(const Arrival& arrival);

  /// The copies that the thread has begun.
  [[nodiscard]] AsyncCopies& copies();

  /// Shared memory named by `key`: the same for all threads, 0xFF at first.
  [[nodiscard]] void* shared(const void* key, std::size_t bytes);
  [[nodiscard]] bool is_shared(const void* address, std::size_t bytes = 1) const;

 private:
  friend class Running;
  static constinit thread_local Block* running_;

  enum class Waits : std::uint8_t { no, barrier, warp, ended };
  struct Region {
    const void* key;
    Guarded memory;
  };

  [[nodiscard]] std::vector<std::uint32_t> round_order(std::uint32_t round) const;
  void start(const std::function<void()>& body, std::exception_ptr& thrown);
  bool run_round(std::uint32_t round, const std::exception_ptr& thrown);
  void resume(std::uint32_t thread);
  void check_guards() const;
  void check_all_ended() const;

  std::uint32_t number_;
  std::uint32_t n_threads_;
  std::uint32_t schedule_;
  std::uint32_t thread_ = 0;
  std::uint64_t turn_ = 0;
  std::uint32_t n_at_barrier_ = 0;
  CallSite barrier_site_{};  ///< of who came first
  std::uint32_t n_barriers_ = 0;
  std::vector<Waits> waits_;
  std::vector<Warp> warps_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Region> regions_;
  std::vector<AsyncCopies> copies_;  ///< of each thread; empty: none has begun one
};

}  // namespace shoal::emulation
