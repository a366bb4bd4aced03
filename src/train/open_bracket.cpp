#include "train/open_bracket.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <utility>

#include "shoal/error.hpp"
#include "train/progress_meter.hpp"

namespace shoal::train {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

const std::vector<CurvePoint>& curve_of(const Member& member) {
  return member.paused ? member.paused->result.curve : member.curve;
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

template <class Members, class Value>
double mean_of(Members members, const Value& value) {
  double sum = 0;
  for (auto& member : members) sum += value(member);
  return sum / static_cast<double>(members.size());
}

}  // namespace

OpenBracket::OpenBracket(search::Bracket bracket, EarlyTerminate rule, bool maximize)
    : bracket_(std::move(bracket)), rule_(rule), maximize_(maximize) {}

void OpenBracket::add(const Trial& trial) {
  Member member;
  member.number = trial.number;
  member.n_epochs = static_cast<std::uint32_t>(trial.hyperparameters.max_iter);
  member.has_patience = trial.hyperparameters.n_iter_no_change > 0;
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
  if (member.ended) return std::nullopt;
  std::uint32_t until = member.n_epochs;
  if (n_passed_ < bracket_.rungs.size()) until = std::min(until, bracket_.rungs[n_passed_]);
  if (member.paused && member.paused->state.epoch >= until) return std::nullopt;
  return until;
}

void OpenBracket::finished(Member& member, const TrialResult& result) {
  member.ended = result.status;
  if (!bracket_.rungs.empty()) member.curve = result.curve;
  member.paused.reset();
}

void OpenBracket::paused(Member& member, PausedTrial&& trial) {
  member.paused = std::make_unique<PausedTrial>(std::move(trial));
}

bool OpenBracket::all_at(std::uint32_t rung) const {
  for (const Setting& setting : settings_) {
    if (!setting.competes) continue;
    for (const Member& member : std::span(members_).subspan(setting.first_member, setting.n_members)) {
      if (member.ended == TrialStatus::pruned && member.curve.size() < rung) {
        throw Error("the results of setting " + setting.id + " are not those of this sweep's rungs");
      }
      if (!member.ended && (!member.paused || member.paused->state.epoch < rung)) return false;
    }
  }
  return true;
}

void OpenBracket::look_at_epochs(Setting& setting, std::uint32_t rung) const {
  const auto members = std::span(members_).subspan(setting.first_member, setting.n_members);
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
    const auto members = std::span(members_).subspan(setting.first_member, setting.n_members);
    search::Standing standing{setting.id, setting.competes, 0, kNaN, kNaN};
    standing.value = mean_of(members, [&](Member& m) { return ranked_value(m, rung, maximize_); });
    if (rule_.type == Terminator::median) {
      look_at_epochs(setting, rung);
      standing.running_mean = setting.sum / rung;
      if (std::isfinite(standing.value)) standing.best = setting.best;
    }
    all.push_back(std::move(standing));
  }
  return all;
}

/// Whether the setting went on at a rung, where its trials show that this was decided before.
std::optional<bool> OpenBracket::recorded_decision(const Setting& setting, std::uint32_t rung) const {
  for (const Member& member : std::span(members_).subspan(setting.first_member, setting.n_members)) {
    if (member.ended == TrialStatus::pruned && member.curve.size() == rung) return false;
    if (curve_of(member).size() > rung) return true;
  }
  return std::nullopt;
}

std::vector<PausedTrial> OpenBracket::decide() {
  std::vector<PausedTrial> pruned;
  for (; n_passed_ < bracket_.rungs.size() && all_at(bracket_.rungs[n_passed_]); ++n_passed_) {
    const std::vector<bool> goes_on = search::survivors(rule_, standings(bracket_.rungs[n_passed_]), maximize_);
    for (std::size_t s = 0; s < settings_.size(); ++s) {
      Setting& setting = settings_[s];
      if (!setting.competes) continue;
      if (recorded_decision(setting, bracket_.rungs[n_passed_]).value_or(goes_on[s])) continue;
      setting.competes = false;
      for (Member& member : std::span(members_).subspan(setting.first_member, setting.n_members)) {
        if (member.ended) continue;
        PausedTrial trial = std::move(*member.paused);
        trial.result.status = TrialStatus::pruned;
        finished(member, trial.result);
        pruned.push_back(std::move(trial));
      }
    }
  }
  return pruned;
}

bool OpenBracket::has_ended() const {
  return std::ranges::all_of(members_, [](const Member& member) { return member.ended.has_value(); });
}

}  // namespace shoal::train
