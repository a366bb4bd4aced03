#pragma once

#include <cstddef>
#include <cstdint>

namespace shoal::train {

/// Says how many gangs are in training at a time and how many epochs one call of the engine asks for, from the time
/// that earlier calls took. In flight are as few gangs as use the whole machine, so that results come early; a
/// network's result depends on neither.
class RoundSizer {
 public:
  /// A call is meant to take `round_s`; on large networks an epoch takes longer. `n_cores`: gangs that are in flight
  /// at least.
  RoundSizer(double round_s, std::size_t n_cores) : round_s_(round_s), n_cores_(n_cores) {}

  /// Gangs in flight.
  [[nodiscard]] std::size_t width() const noexcept { return width_; }
  /// Gangs that are in flight at least.
  [[nodiscard]] std::size_t n_cores() const noexcept { return n_cores_; }
  /// Epochs for a call whose `n_networks` together cost `epoch_cost` an epoch, and which records no more than
  /// plan::kCallRecords; at least 1.
  [[nodiscard]] std::uint32_t epochs(double epoch_cost, std::size_t n_networks) const;
  /// A call over `n_gangs` that asked for `epochs` did work of `cost` in `seconds`.
  void measured(double cost, double seconds, std::uint32_t epochs, std::size_t n_gangs);

 private:
  void grow(double rate, double seconds, std::uint32_t epochs, std::size_t n_gangs);

  double round_s_;
  std::size_t n_cores_;
  std::size_t width_ = 1;
  bool growing_ = true;
  double rate_ = 0;         ///< cost a second; 0: not known
  double rate_before_ = 0;  ///< at the width before this one
};

}  // namespace shoal::train
