#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "search/brackets.hpp"
#include "search/population.hpp"
#include "shoal/run.hpp"

namespace shoal::train {

/// A trial of a bracket in training.
struct Member {
  std::uint64_t number = 0;    ///< of the trial
  std::uint32_t n_epochs = 0;  ///< its max_iter
  bool has_patience = false;
  bool is_ranked = true;             ///< rungs look at it; else it begins once its setting has passed all of them
  std::optional<TrialStatus> ended;  ///< how, once it has
  std::vector<CurvePoint> curve;     ///< once it has ended, where the bracket has rungs
  double value = 0;                  ///< of the metric, once it has ended; in a population
  std::unique_ptr<PausedTrial> paused;
  // Of its metric over the first n_looked_at epochs, where it has patience.
  std::uint32_t n_looked_at = 0;
  double best = std::numeric_limits<double>::quiet_NaN();
};

/// A bracket in training: how far its trials are, and which of its settings have passed which rungs. A rung waits for
/// exactly the bracket's members, so what is decided there depends on nothing else. Where settings only end, decisions
/// are a function of the learning curves: a bracket that is opened again with trials that an earlier run trained takes
/// them again. Where precision is not strict, and what was trained again differs, trials that have gone beyond a rung
/// or were ended at it are themselves the record of the decision. Where rungs look at some folds only, a setting is
/// their mean, and trials of its other folds begin after its last rung, or never. In a population trials become copies,
/// so its paused trials know how many rungs are behind them.
class OpenBracket {
 public:
  /// population: outlives the bracket; null: settings end at rungs, none becomes a copy.
  OpenBracket(search::Bracket bracket, EarlyTerminate rule, bool maximize,
              const search::Population* population = nullptr);

  /// The trials of the bracket, in the order of their numbers.
  void add(const Trial& trial);
  [[nodiscard]] std::vector<Member>& members() noexcept { return members_; }
  /// The member of this number; null where it is in another bracket.
  [[nodiscard]] Member* find(std::uint64_t number);

  /// Until which epoch a member is to be trained now; nothing where it has ended or waits for others.
  [[nodiscard]] std::optional<std::uint32_t> target(const Member& member) const;
  /// Whether a trial that diverges now is to wait, since it may become a copy.
  [[nodiscard]] bool revives() const { return population_ != nullptr && n_passed_ < bracket_.rungs.size(); }
  void finished(Member& member, const TrialResult& result);
  void paused(Member& member, PausedTrial&& trial);
  /// Takes every decision for which all members are there. The trials that end by it, with status `pruned`, or
  /// `diverged` where no rung is left at which they could become copies.
  [[nodiscard]] std::vector<PausedTrial> decide();
  /// What rungs have decided since the last call.
  [[nodiscard]] std::vector<RungPassage> take_passages() { return std::exchange(passages_, {}); }
  /// How many trials will never begin, since their settings ended at rungs that did not look at them; of those that
  /// were decided since the last call.
  [[nodiscard]] std::uint64_t take_spared() { return std::exchange(n_spared_, 0); }
  [[nodiscard]] bool has_ended() const;

 private:
  [[nodiscard]] bool all_at(std::uint32_t rung) const;
  [[nodiscard]] std::vector<search::Standing> standings(std::uint32_t rung);
  void prune(std::uint32_t rung, std::vector<PausedTrial>& ended);
  void copy_the_best(std::uint32_t rung);
  /// Whether one is in training that has not diverged: without, rungs change nothing.
  [[nodiscard]] bool has_networks() const;
  void end_diverged(std::vector<PausedTrial>& ended);
  void end(Member& member, PausedTrial&& trial, std::vector<PausedTrial>& ended);

  struct Setting {
    std::string id;
    std::size_t first_member = 0, n_members = 0;
    bool competes = true;
    // Of the mean of its trials' metrics, over the first n_epochs epochs.
    std::uint32_t n_epochs = 0;
    double best = std::numeric_limits<double>::quiet_NaN();
    double sum = 0;
  };
  void look_at_epochs(Setting& setting, std::uint32_t rung) const;
  [[nodiscard]] std::optional<bool> recorded_decision(const Setting& setting, std::uint32_t rung) const;
  [[nodiscard]] std::span<const Member> members_of(const Setting& setting) const {
    return std::span(members_).subspan(setting.first_member, setting.n_members);
  }
  [[nodiscard]] std::span<Member> members_of(const Setting& setting) {
    return std::span(members_).subspan(setting.first_member, setting.n_members);
  }

  search::Bracket bracket_;
  EarlyTerminate rule_;
  bool maximize_;
  const search::Population* population_;
  std::vector<Member> members_;
  std::vector<Setting> settings_;
  std::size_t n_passed_ = 0;  ///< rungs
  std::vector<RungPassage> passages_;
  std::uint64_t n_spared_ = 0;
};

}  // namespace shoal::train
