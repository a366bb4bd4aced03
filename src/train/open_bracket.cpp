#include "train/open_bracket.hpp"

#include <algorithm>
#include <cmath>
#include <span>
#include <utility>

#include "search/setting_mean.hpp"
#include "shoal/error.hpp"
#include "spec/nan.hpp"
#include "train/progress_meter.hpp"
#include "train/takeover.hpp"
#include "train/trial_result.hpp"

namespace shoal::train {
namespace {

const std::vector<CurvePoint>& curve_of(const Member& member) {
  return member.paused ? member.paused->result.curve : member.curve;
}

bool has_diverged(const Member& member) {
  return member.ended == TrialStatus::diverged ||
         (member.paused && member.paused->state.status == TrialStatus::diverged);
}

/// Whether a member is as far as this rung, however.
bool is_at(const Member& member, std::uint32_t rung) {
  return member.ended || (member.paused && (member.paused->state.epoch >= rung || has_diverged(member)));
}

/// The metric after an epoch; after its last one where it has ended before.
double metric_after(const Member& member, std::uint32_t epoch) {
  const std::vector<CurvePoint>& curve = curve_of(member);
  return curve.empty() ? kNaN : curve[std::min<std::size_t>(epoch, curve.size()) - 1].metric;
}

double better(double a, double b, bool maximize) { return is_better(a, b, maximize) ? a : b; }

/// What ranks a trial at an epoch: its best value so far where it has patience.
double ranked_value(Member& member, std::uint32_t epoch, bool maximize) {
  if (member.ended == TrialStatus::diverged) return kNaN;
  if (!member.has_patience) return metric_after(member, epoch);
  while (member.n_looked_at < epoch) {
    member.best = better(metric_after(member, ++member.n_looked_at), member.best, maximize);
  }
  return member.best;
}

/// What ranks a trial of a population at the rung where it waits, or once it has ended. Its curve has other networks in
/// it where it was a copy, so the best value is the state's.
double present_value(const Member& member) {
  if (has_diverged(member)) return kNaN;
  if (member.ended) return member.value;
  return member.has_patience ? member.paused->state.best_metric : member.paused->result.curve.back().metric;
}

/// Of the members that rungs look at.
template <class Members, class Value>
double mean_of(Members members, const Value& value) {
  double sum = 0;
  std::uint64_t n = 0;
  for (auto& member : members) {
    if (!member.is_ranked) continue;
    sum += value(member);
    ++n;
  }
  return search::mean(sum, n);
}

}  // namespace

OpenBracket::OpenBracket(search::Bracket bracket, EarlyTerminate rule, bool maximize,
                         const search::Population* population)
    : bracket_(std::move(bracket)), rule_(rule), maximize_(maximize), population_(population) {}

void OpenBracket::add(const Trial& trial) {
  Member member;
  member.number = trial.number;
  member.n_epochs = static_cast<std::uint32_t>(trial.hyperparameters.max_iter);
  member.has_patience = has_patience(trial.hyperparameters);
  member.is_ranked = rule_.folds == 0 || bracket_.rungs.empty() || trial.fold < rule_.folds;
  members_.push_back(std::move(member));
  if (bracket_.rungs.empty()) return;
  if (trial.setting != bracket_.first_setting + settings_.size() - 1) {
    Setting& setting = settings_.emplace_back();
    setting.id = trial.id.substr(0, trial.id.find('.'));
    setting.first_member = members_.size() - 1;
  }
  ++settings_.back().n_members;
}

Member* OpenBracket::find(std::uint64_t number) {
  if (members_.empty() || number < members_.front().number || number > members_.back().number) return nullptr;
  return &members_[number - members_.front().number];
}

std::optional<std::uint32_t> OpenBracket::target(const Member& member) const {
  if (member.ended || has_diverged(member)) return std::nullopt;
  std::uint32_t until = member.n_epochs;
  if (n_passed_ < bracket_.rungs.size()) {
    if (!member.is_ranked) return std::nullopt;
    until = std::min(until, bracket_.rungs[n_passed_]);
  }
  if (member.paused && member.paused->state.epoch >= until) return std::nullopt;
  return until;
}

void OpenBracket::finished(Member& member, const TrialResult& result) {
  member.ended = result.status;
  if (population_ != nullptr) member.value = result.metrics.of(population_->metric());
  if (!bracket_.rungs.empty()) member.curve = result.curve;
  member.paused.reset();
}

void OpenBracket::paused(Member& member, PausedTrial&& trial) {
  const Hyperparameters& h = trial.result.trial.hyperparameters;
  member.n_epochs = static_cast<std::uint32_t>(h.max_iter);
  member.has_patience = has_patience(h);
  n_passed_ = std::max<std::size_t>(n_passed_, trial.n_rungs);
  member.paused = std::make_unique<PausedTrial>(std::move(trial));
}

bool OpenBracket::all_at(std::uint32_t rung) const {
  for (const Setting& setting : settings_) {
    if (!setting.competes) continue;
    for (const Member& member : members_of(setting)) {
      if (member.ended == TrialStatus::pruned && member.curve.size() < rung) {
        throw Error("the results of setting " + setting.id + " are not those of this sweep's rungs");
      }
      if (member.is_ranked && !is_at(member, rung)) return false;
    }
  }
  return true;
}

void OpenBracket::look_at_epochs(Setting& setting, std::uint32_t rung) const {
  const std::span<const Member> members = members_of(setting);
  while (setting.n_epochs < rung) {
    const std::uint32_t epoch = ++setting.n_epochs;
    const double value = mean_of(members, [&](const Member& m) { return metric_after(m, epoch); });
    setting.best = better(value, setting.best, maximize_);
    setting.sum += value;
  }
}

std::vector<search::Standing> OpenBracket::standings(std::uint32_t rung) {
  std::vector<search::Standing> all;
  for (Setting& setting : settings_) {
    const std::span<Member> members = members_of(setting);
    search::Standing standing{setting.id, setting.competes, 0, kNaN, kNaN};
    if (population_ != nullptr) {
      standing.competes = std::ranges::none_of(members, [](const Member& m) { return m.ended.has_value(); });
      standing.value = mean_of(members, present_value);
      all.push_back(std::move(standing));
      continue;
    }
    standing.value = mean_of(members, [&](Member& m) { return ranked_value(m, rung, maximize_); });
    if (rule_.type == Terminator::median) {
      look_at_epochs(setting, rung);
      standing.running_mean = search::mean(setting.sum, rung);
      if (std::isfinite(standing.value)) standing.best = setting.best;
    }
    all.push_back(std::move(standing));
  }
  return all;
}

/// Whether the setting went on at a rung, where its trials show that this was decided before.
std::optional<bool> OpenBracket::recorded_decision(const Setting& setting, std::uint32_t rung) const {
  for (const Member& member : members_of(setting)) {
    if (member.ended == TrialStatus::pruned && member.curve.size() == rung) return false;
    if (curve_of(member).size() > rung) return true;
  }
  return std::nullopt;
}

void OpenBracket::end(Member& member, PausedTrial&& trial, std::vector<PausedTrial>& ended) {
  finished(member, trial.result);
  ended.push_back(std::move(trial));
}

void OpenBracket::prune(std::uint32_t rung, std::vector<PausedTrial>& ended) {
  const std::vector<bool> goes_on = search::survivors(rule_, standings(rung), maximize_);
  RungPassage& passage = passages_.emplace_back(RungPassage{.epochs = rung});
  for (std::size_t s = 0; s < settings_.size(); ++s) {
    Setting& setting = settings_[s];
    if (!setting.competes) continue;
    // One that has ended before competes with what it reached.
    const bool reached = std::ranges::any_of(members_of(std::as_const(setting)),
                                             [&](const Member& member) { return curve_of(member).size() >= rung; });
    if (reached) ++passage.n_reached;
    if (recorded_decision(setting, rung).value_or(goes_on[s])) {
      if (reached) ++passage.n_went_on;
      continue;
    }
    setting.competes = false;
    for (Member& member : members_of(setting)) {
      if (member.ended) continue;
      if (!member.is_ranked) {
        member.ended = TrialStatus::pruned;
        ++n_spared_;
        continue;
      }
      PausedTrial trial = std::move(*member.paused);
      end_at_rung(trial);
      end(member, std::move(trial), ended);
    }
  }
}

/// A trial copies the one of the same fold and repeat.
void OpenBracket::copy_the_best(std::uint32_t rung) {
  const std::vector<search::Standing> all = standings(rung);
  const std::vector<search::Exploit> exploits = population_->exploits(rung, all);
  const auto n_there = static_cast<std::uint64_t>(std::ranges::count_if(all, &search::Standing::competes));
  passages_.push_back({rung, n_there, n_there - exploits.size()});
  for (const search::Exploit& exploit : exploits) {
    const Setting& setting = settings_[exploit.setting];
    const std::span<const Member> parents = members_of(settings_[exploit.parent]);
    const auto changes = population_->explored(rung, setting.id, parents.front().paused->result.trial);
    for (std::size_t i = 0; i < setting.n_members; ++i) {
      PausedTrial trial = std::move(*members_of(setting)[i].paused);
      take_over(trial, *parents[i].paused, changes);
      paused(members_of(setting)[i], std::move(trial));
    }
  }
}

void OpenBracket::end_diverged(std::vector<PausedTrial>& ended) {
  for (Member& member : members_) {
    if (member.ended || !has_diverged(member)) continue;
    PausedTrial trial = std::move(*member.paused);
    trial.result.status = TrialStatus::diverged;
    end(member, std::move(trial), ended);
  }
}

bool OpenBracket::has_networks() const {
  return std::ranges::any_of(members_, [](const Member& m) { return !m.ended && !has_diverged(m); });
}

std::vector<PausedTrial> OpenBracket::decide() {
  std::vector<PausedTrial> ended;
  if (population_ != nullptr && !has_networks()) n_passed_ = bracket_.rungs.size();
  while (n_passed_ < bracket_.rungs.size() && all_at(bracket_.rungs[n_passed_])) {
    const std::uint32_t rung = bracket_.rungs[n_passed_++];
    if (population_ == nullptr) {
      prune(rung, ended);
      continue;
    }
    copy_the_best(rung);
    for (Member& member : members_) {
      if (member.paused) member.paused->n_rungs = static_cast<std::uint32_t>(n_passed_);
    }
  }
  if (population_ != nullptr && !revives()) end_diverged(ended);
  return ended;
}

bool OpenBracket::has_ended() const {
  return std::ranges::all_of(members_, [](const Member& member) { return member.ended.has_value(); });
}

}  // namespace shoal::train
