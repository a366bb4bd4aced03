#include "async_copies.hpp"

#include <cstring>
#include <utility>

namespace shoal::emulation {

void AsyncCopies::begin(void* to, const void* from, std::size_t bytes) {
  std::memset(to, 0xFF, bytes);
  open_.push_back({to, from, bytes});
}

void AsyncCopies::commit() { groups_.push_back(std::exchange(open_, {})); }

void AsyncCopies::finish(std::size_t n_left, const std::function<void(const void* to, std::size_t bytes)>& written) {
  if (n_left == 0) commit();
  while (groups_.size() > n_left) {
    for (const Copy& copy : groups_.front()) {
      std::memcpy(copy.to, copy.from, copy.bytes);
      written(copy.to, copy.bytes);
    }
    groups_.erase(groups_.begin());
  }
}

}  // namespace shoal::emulation
