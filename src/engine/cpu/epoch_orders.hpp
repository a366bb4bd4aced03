#pragma once

#include <cstdint>
#include <deque>
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
    const Key key{trial.shuffle_seed, trial.fold, epoch, trial.hyperparameters.shuffle};
    {
      const std::scoped_lock lock(mutex_);
      for (const Entry& entry : entries_) {
        if (entry.key == key) return entry.order;
      }
    }
    auto rows = std::make_shared<std::vector<std::uint32_t>>(training.size());
    fill_epoch_order(trial, epoch, *rows);
    for (std::uint32_t& row : *rows) row = training[row];
    const std::scoped_lock lock(mutex_);
    entries_.push_front({key, rows});
    while (entries_.size() > kKept) entries_.pop_back();
    return rows;
  }

  /// Bytes for a table with this many training rows.
  [[nodiscard]] static std::uint64_t bytes(std::uint64_t n_rows) { return kKept * n_rows * sizeof(std::uint32_t); }

 private:
  static constexpr std::size_t kKept = 16;
  struct Key {
    std::uint64_t seed;
    std::uint32_t fold;
    std::uint32_t epoch;
    Shuffle shuffle;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct Entry {
    Key key;
    Order order;
  };
  std::mutex mutex_;
  std::deque<Entry> entries_;
};

}  // namespace shoal::cpu
