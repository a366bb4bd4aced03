#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <queue>
#include <vector>

#include "shoal/trial.hpp"

namespace shoal::plan {

/// Bytes of the host's memory that a trial's state and learning curve take while it waits at a rung after so many
/// epochs.
[[nodiscard]] std::uint64_t waiting_bytes(const Trial& trial, std::uint32_t n_epochs);

/// What trials take that wait at once, no more than `n_most` of them: the largest ones might be those.
class Waiting {
 public:
  explicit Waiting(std::size_t n_most) : n_most_(n_most) {}
  void add(std::uint64_t trial_bytes);
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::size_t n_most_;
  std::priority_queue<std::uint64_t, std::vector<std::uint64_t>, std::greater<>> largest_;  ///< the smallest on top
  std::uint64_t bytes_ = 0;
};

}  // namespace shoal::plan
