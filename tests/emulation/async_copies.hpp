#pragma once

#include <cstddef>
#include <functional>
#include <vector>

namespace shoal::emulation {

/// Copies into shared memory that a thread has begun. They read and write when the thread waits for them; until then
/// where they go to is 0xFF.
class AsyncCopies {
 public:
  void begin(void* to, const void* from, std::size_t bytes);
  void commit();
  /// All groups but the last `n_left`, and if that is 0 what no group holds yet. Tells what it has written.
  void finish(std::size_t n_left, const std::function<void(const void* to, std::size_t bytes)>& written);
  [[nodiscard]] bool empty() const noexcept { return groups_.empty() && open_.empty(); }

 private:
  struct Copy {
    void* to;
    const void* from;
    std::size_t bytes;
  };
  std::vector<std::vector<Copy>> groups_;
  std::vector<Copy> open_;
};

}  // namespace shoal::emulation
