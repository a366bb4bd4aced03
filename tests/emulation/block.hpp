#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "fiber.hpp"

namespace shoal::emulation {

/// A kernel did what a GPU does not define: says what, in which block and thread.
class KernelFault : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// One block of CUDA threads, a fiber each. Between two barriers the threads run one after another: in order
/// (schedule 0), reversed (1), or shuffled by `schedule` and the block's number.
class Block {
 public:
  Block(std::uint32_t number, std::uint32_t n_threads, std::uint32_t schedule);

  /// Runs `body` once a thread, to the end. Throws KernelFault where a barrier is not reached by all threads, and what
  /// the body throws. Once a block.
  void run(const std::function<void()>& body);

  /// The block and thread that run now; only inside run().
  [[nodiscard]] static Block& current();
  [[nodiscard]] std::uint32_t thread() const noexcept { return thread_; }
  [[nodiscard]] std::uint32_t number() const noexcept { return number_; }
  [[nodiscard]] std::uint32_t n_threads() const noexcept { return n_threads_; }

  /// __syncthreads.
  void barrier();
  /// Shared memory named by `key`: the same for all threads, 0xFF at first, 16-byte aligned.
  [[nodiscard]] void* shared(const void* key, std::size_t bytes);

 private:
  struct Region {
    const void* key;
    std::size_t bytes;
    std::unique_ptr<std::byte[]> memory;
  };

  [[nodiscard]] std::vector<std::uint32_t> round_order(std::uint32_t round) const;
  [[nodiscard]] KernelFault fault(const std::string& what, std::uint32_t thread) const;

  std::uint32_t number_;
  std::uint32_t n_threads_;
  std::uint32_t schedule_;
  std::uint32_t thread_ = 0;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Region> regions_;
};

}  // namespace shoal::emulation
