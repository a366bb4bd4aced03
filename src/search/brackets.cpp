#include "search/brackets.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace shoal::search {
namespace {

/// Epochs of all rungs before `most_epochs`.
std::vector<std::uint32_t> all_rungs(const EarlyTerminate& rule, std::uint32_t most_epochs) {
  std::vector<std::uint32_t> rungs;
  if (rule.type == Terminator::none) return rungs;
  const auto add = [&](std::uint64_t first, auto&& next) {
    for (std::uint64_t epoch = first; epoch < most_epochs; epoch = next(epoch)) {
      rungs.push_back(static_cast<std::uint32_t>(epoch));
    }
  };
  if (rule.type == Terminator::median) {
    add(rule.grace, [&](std::uint64_t epoch) { return epoch + rule.every; });
  } else if (rule.type == Terminator::pbt) {
    add(rule.interval, [&](std::uint64_t epoch) { return epoch + rule.interval; });
  } else {
    add(rule.min_iter, [&](std::uint64_t epoch) { return epoch * rule.eta; });
  }
  return rungs;
}

/// Hyperband's brackets: from the one that begins with most settings and fewest epochs to the one without a rung, in
/// its proportions (Li et al., 2018, algorithm 1), as often as the group has room for and there are settings.
std::vector<Bracket> hyperband_round(const EarlyTerminate& rule, std::uint64_t n_settings,
                                     const std::vector<std::uint32_t>& rungs) {
  std::vector<Bracket> round;
  const std::uint64_t n_brackets = rungs.size() + 1;
  std::uint64_t power = 1;  // eta^s
  std::uint64_t total = 0;
  for (std::uint64_t s = 0; s < n_brackets; ++s, power *= rule.eta) {
    const std::uint64_t n_begin = (n_brackets * power + s) / (s + 1);
    total += n_begin;
    round.push_back({0, n_begin, {rungs.end() - static_cast<std::ptrdiff_t>(s), rungs.end()}});
  }
  // Of a round that is larger than the group, those brackets are left out that begin with most settings.
  for (; total > rule.group && round.size() > 1; round.pop_back()) total -= round.back().n_settings;
  std::ranges::reverse(round);
  const std::uint64_t times = std::max<std::uint64_t>(1, std::min<std::uint64_t>(rule.group, n_settings) / total);
  for (Bracket& bracket : round) bracket.n_settings *= times;
  return round;
}

bool halves(Terminator type) { return type == Terminator::halving || type == Terminator::hyperband; }

/// Network-epochs of a bracket's settings, were each one network; under median as if all went on.
double expected_epochs(const Bracket& bracket, const EarlyTerminate& rule, std::uint32_t most_epochs,
                       double ranked_share) {
  double epochs = 0;
  std::uint64_t n_left = bracket.n_settings;
  std::uint32_t before = 0;
  for (const std::uint32_t rung : bracket.rungs) {
    epochs += static_cast<double>(n_left) * (rung - before);
    before = rung;
    if (halves(rule.type)) n_left = std::max<std::uint64_t>(1, n_left / rule.eta);
  }
  epochs += static_cast<double>(n_left) * (most_epochs - before);
  if (bracket.rungs.empty()) return epochs;
  return epochs * ranked_share + static_cast<double>(n_left) * most_epochs * (1 - ranked_share);
}

/// Smaller is better; numbers that are not finite come last.
double rank(double value, bool maximize) {
  if (!std::isfinite(value)) return std::numeric_limits<double>::infinity();
  return maximize ? -value : value;
}

std::vector<bool> best_of(const EarlyTerminate& rule, std::span<const Standing> standings, bool maximize) {
  std::vector<std::size_t> order = ranked(standings, maximize);
  std::erase_if(order, [&](std::size_t i) { return !standings[i].competes; });
  std::vector<bool> goes_on(standings.size());
  const std::size_t n_kept = std::max<std::size_t>(1, order.size() / rule.eta);
  for (std::size_t i = 0; i < std::min(n_kept, order.size()); ++i) goes_on[order[i]] = true;
  return goes_on;
}

std::vector<bool> no_worse_than_median(std::span<const Standing> standings, bool maximize) {
  std::vector<double> means;
  for (const Standing& standing : standings) {
    if (std::isfinite(standing.running_mean)) means.push_back(rank(standing.running_mean, maximize));
  }
  std::vector<bool> goes_on(standings.size());
  if (means.empty()) return goes_on;
  const auto middle = means.begin() + static_cast<std::ptrdiff_t>(means.size() / 2);
  std::ranges::nth_element(means, middle);
  for (std::size_t i = 0; i < standings.size(); ++i) {
    goes_on[i] = standings[i].competes && rank(standings[i].best, maximize) <= *middle;
  }
  return goes_on;
}

}  // namespace

Brackets::Brackets(const EarlyTerminate& rule, std::uint64_t n_settings, std::uint32_t most_epochs,
                   std::uint64_t most_settings, double ranked_share)
    : n_settings_(n_settings) {
  const std::vector<std::uint32_t> rungs = all_rungs(rule, most_epochs);
  if (rungs.empty()) {
    round_ = {{0, std::max<std::uint64_t>(1, most_settings), {}}};
  } else if (rule.type == Terminator::hyperband) {
    round_ = hyperband_round(rule, n_settings, rungs);
  } else {
    round_ = {{0, rule.group, rungs}};
  }
  for (Bracket& bracket : round_) {
    bracket.first_setting = round_settings_;
    round_settings_ += bracket.n_settings;
  }
  n_brackets_ = n_settings / round_settings_ * round_.size();
  const std::uint64_t rest = n_settings % round_settings_;
  n_brackets_ += static_cast<std::uint64_t>(
      std::ranges::count_if(round_, [&](const Bracket& bracket) { return bracket.first_setting < rest; }));

  double expected = 0;
  for (const Bracket& bracket : round_) expected += expected_epochs(bracket, rule, most_epochs, ranked_share);
  expected_share_ = expected / (static_cast<double>(round_settings_) * std::max(1U, most_epochs));
}

Bracket Brackets::at(std::uint64_t index) const {
  Bracket bracket = round_.at(index % round_.size());
  bracket.first_setting += index / round_.size() * round_settings_;
  bracket.n_settings = std::min(bracket.n_settings, n_settings_ - bracket.first_setting);
  return bracket;
}

std::uint64_t Brackets::most_settings() const noexcept {
  return std::min(n_settings_, std::ranges::max(round_, {}, &Bracket::n_settings).n_settings);
}

std::uint32_t Brackets::last_rung() const noexcept {
  std::uint32_t last = 0;
  for (const Bracket& bracket : round_) last = std::max(last, bracket.rungs.empty() ? 0 : bracket.rungs.back());
  return last;
}

std::uint32_t most_epochs(const SweepSpec& spec) {
  for (const Axis& axis : spec.axes) {
    const auto column = std::ranges::find(axis.parameters, "max_iter");
    if (column == axis.parameters.end()) continue;
    if (axis.distribution) return static_cast<std::uint32_t>(axis.max);
    std::int64_t most = 0;
    for (const std::vector<ParameterValue>& choice : axis.values) {
      most = std::max(most, std::get<std::int64_t>(choice[static_cast<std::size_t>(column - axis.parameters.begin())]));
    }
    return static_cast<std::uint32_t>(most);
  }
  return static_cast<std::uint32_t>(Hyperparameters{}.max_iter);
}

std::vector<std::size_t> ranked(std::span<const Standing> standings, bool maximize) {
  std::vector<std::size_t> order(standings.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::sort(order, [&](std::size_t a, std::size_t b) {
    const double rank_a = rank(standings[a].value, maximize);
    const double rank_b = rank(standings[b].value, maximize);
    return rank_a != rank_b ? rank_a < rank_b : standings[a].id < standings[b].id;
  });
  return order;
}

std::vector<bool> survivors(const EarlyTerminate& rule, std::span<const Standing> standings, bool maximize) {
  return rule.type == Terminator::median ? no_worse_than_median(standings, maximize)
                                         : best_of(rule, standings, maximize);
}

}  // namespace shoal::search
