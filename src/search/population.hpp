#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "search/brackets.hpp"
#include "search/choices.hpp"
#include "shoal/sweep.hpp"

namespace shoal::search {

/// A setting that becomes a copy of another one at a rung; both by their place in the bracket.
struct Exploit {
  std::size_t setting = 0;
  std::size_t parent = 0;

  friend bool operator==(const Exploit&, const Exploit&) = default;
};

/// Population based training (Jaderberg et al., 2017): which settings of a bracket become copies of which at a rung,
/// and which of a copy's numbers change. A draw depends on trainer.seed, the epoch, the id of the setting that becomes
/// a copy and the parameter, on nothing else.
class Population {
 public:
  explicit Population(const SweepSpec& spec);

  /// Whether the sweep varies a number that may change in the middle of training.
  [[nodiscard]] bool explores() const noexcept { return !axes_.empty(); }
  [[nodiscard]] Metric metric() const noexcept { return metric_; }

  /// Each of the worst quantile of settings that competes takes over one of the best quantile, drawn among those that
  /// compete and have a number. Worst first; nothing where there is no such parent.
  [[nodiscard]] std::vector<Exploit> exploits(std::uint32_t epoch, std::span<const Standing> standings) const;
  /// New values of the numbers that a copy of `trial` uses and the sweep varies. setting_id: of the copy.
  [[nodiscard]] std::vector<std::pair<std::string, double>> explored(std::uint32_t epoch, std::string_view setting_id,
                                                                     const Trial& trial) const;

 private:
  struct ExploredAxis {
    double Hyperparameters::*number;
    Choices choices;
    double min, max;
  };
  /// What an axis holds, where it can be explored.
  void add(const Axis& axis);
  /// A number times one of the two factors, within its axis.
  [[nodiscard]] double perturbed(double value, std::size_t factor, const ExploredAxis& axis) const;

  EarlyTerminate rule_;
  std::uint64_t seed_;
  Metric metric_;
  bool maximize_;
  std::vector<ExploredAxis> axes_;
};

/// How many of the settings that are compared become copies of others at a rung.
[[nodiscard]] std::uint64_t n_copied(const EarlyTerminate& rule, std::uint64_t n_settings);

/// Writes new values as `explored` gives them. Error for a parameter that cannot change in the middle of training.
void set_explored(std::span<const std::pair<std::string, double>> changes, Hyperparameters& hyperparameters);

/// Names of the parameters that may change in the middle of training, with commas.
[[nodiscard]] std::string explorable_parameters();

}  // namespace shoal::search
