#pragma once

#include <algorithm>
#include <compare>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/definition.hpp"

namespace shoal::cpu {

/// Row orders of recent epochs, so that trials that share one shuffle seed compute each once. Any thread may ask.
class EpochOrders {
 public:
  using Order = std::shared_ptr<const std::vector<std::uint32_t>>;

  Order get(const Trial& trial, const std::vector<std::uint32_t>& training, std::uint32_t epoch) {
    const Shuffle shuffle = trial.hyperparameters.shuffle;
    const Key key{trial.shuffle_seed, trial.fold, shuffle == Shuffle::none ? 0 : epoch, shuffle};
    {
      const std::scoped_lock lock(mutex_);
      if (const auto found = orders_.find(key); found != orders_.end()) return found->second;
    }
    auto rows = std::make_shared<std::vector<std::uint32_t>>(training.size());
    fill_epoch_order(trial, epoch, *rows);
    for (std::uint32_t& row : *rows) row = training[row];
    const std::scoped_lock lock(mutex_);
    if (!orders_.emplace(key, rows).second) return rows;
    oldest_first_.push_back(key);
    while (oldest_first_.size() > n_kept(training.size())) {
      orders_.erase(oldest_first_.front());
      oldest_first_.pop_front();
    }
    return rows;
  }

  /// Bytes for a table with this many training rows.
  [[nodiscard]] static std::uint64_t bytes(std::uint64_t n_rows) { return n_kept(n_rows) * order_bytes(n_rows); }

 private:
  /// A gang of tiny networks trains thousands of epochs before the next gang begins, which wants the same orders.
  static constexpr std::uint64_t kBytes = std::uint64_t{16} << 20;
  static constexpr std::uint64_t kFewest = 16;
  static constexpr std::uint64_t kAround = 256;  ///< of an order: where it is found

  [[nodiscard]] static std::uint64_t order_bytes(std::uint64_t n_rows) {
    return n_rows * sizeof(std::uint32_t) + kAround;
  }
  [[nodiscard]] static std::uint64_t n_kept(std::uint64_t n_rows) {
    return std::max(kFewest, kBytes / order_bytes(n_rows));
  }

  struct Key {
    std::uint64_t seed;
    std::uint32_t fold;
    std::uint32_t epoch;
    Shuffle shuffle;
    friend auto operator<=>(const Key&, const Key&) = default;
  };
  std::mutex mutex_;
  std::map<Key, Order> orders_;
  std::deque<Key> oldest_first_;
};

}  // namespace shoal::cpu
