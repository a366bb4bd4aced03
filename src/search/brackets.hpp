#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "shoal/sweep.hpp"

namespace shoal::search {

/// Settings that are compared with each other, and after which epochs.
struct Bracket {
  std::uint64_t first_setting = 0;
  std::uint64_t n_settings = 0;
  std::vector<std::uint32_t> rungs;  ///< epochs, ascending; none: nothing is compared
};

/// A sweep's settings in brackets: ranges of their numbers that depend on the sweep file alone.
class Brackets {
 public:
  /// most_epochs: of any setting; rungs lie before. most_settings: of a bracket without rungs. ranked_share: of a
  /// setting's trials, those that rungs look at.
  Brackets(const EarlyTerminate& rule, std::uint64_t n_settings, std::uint32_t most_epochs, std::uint64_t most_settings,
           double ranked_share = 1);

  [[nodiscard]] std::uint64_t size() const noexcept { return n_brackets_; }
  [[nodiscard]] Bracket at(std::uint64_t index) const;
  /// Settings of the largest bracket at most.
  [[nodiscard]] std::uint64_t most_settings() const noexcept;
  /// Epochs of the last rung of any bracket; 0 where there is none.
  [[nodiscard]] std::uint32_t last_rung() const noexcept;
  /// Network-epochs that are expected to be trained, as a share of those without early termination, where all settings
  /// have equally many.
  [[nodiscard]] double expected_share() const noexcept { return expected_share_; }

 private:
  std::vector<Bracket> round_;  ///< repeated until all settings are in one; the last one may be cut short
  std::uint64_t n_settings_ = 0, round_settings_ = 0, n_brackets_ = 0;
  double expected_share_ = 1;
};

/// The largest max_iter that the sweep file lets a setting have.
[[nodiscard]] std::uint32_t most_epochs(const SweepSpec& spec);

/// How a setting of a bracket stands at a rung. A number that is not finite is worse than every other.
struct Standing {
  std::string id;           ///< of the setting
  bool competes = false;    ///< has passed the rungs before; in a population: none of its trials has ended
  double value = 0;         ///< of the metric that ranks, at the rung
  double best = 0;          ///< of the metric until then
  double running_mean = 0;  ///< of the metric over all epochs until then
};
/// Indices of settings, best value first; ties by id.
[[nodiscard]] std::vector<std::size_t> ranked(std::span<const Standing> standings, bool maximize);
/// Which settings go on: of those that compete, halving keeps the best one in eta (one at least; ties by id), median
/// those whose best value is no worse than the median of the running means of all that have one.
[[nodiscard]] std::vector<bool> survivors(const EarlyTerminate& rule, std::span<const Standing> standings,
                                          bool maximize);

}  // namespace shoal::search
