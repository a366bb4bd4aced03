#include "search/population.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "kernels/math/philox.hpp"
#include "search/setting.hpp"
#include "shoal/error.hpp"

namespace shoal::search {
namespace {

using H = Hyperparameters;

struct Explorable {
  std::string_view name;
  double H::*number;
};
/// What a network may have another value of after any epoch. Not here: what the network, its loss, its solver's state,
/// its minibatches or their order are made of, and the numbers of a schedule, which count from the first epoch.
constexpr std::array kExplorable{
    Explorable{"learning_rate_init", &H::learning_rate_init},
    Explorable{"layer_rate", &H::layer_rate},
    Explorable{"momentum", &H::momentum},
    Explorable{"beta_1", &H::beta_1},
    Explorable{"beta_2", &H::beta_2},
    Explorable{"epsilon", &H::epsilon},
    Explorable{"alpha", &H::alpha},
    Explorable{"l1", &H::l1},
    Explorable{"clip_norm", &H::clip_norm},
    Explorable{"dropout", &H::dropout},
    Explorable{"label_smoothing", &H::label_smoothing},
};

const Explorable* explorable(std::string_view name) {
  const auto* found = std::ranges::find(kExplorable, name, &Explorable::name);
  return found == kExplorable.end() ? nullptr : found;
}

constexpr double kRounding = 1e-9;
/// The word that the draw of a parent is keyed by; no parameter has this name.
constexpr std::string_view kParent = "parent";
/// The counter's last word; the draws of settings have 0 and 1.
constexpr std::uint32_t kPopulation = 2;

/// Two numbers in (0, 1).
std::array<double, 2> draw(std::uint64_t seed, std::uint32_t epoch, std::string_view setting_id,
                           std::string_view word) {
  const std::uint64_t key = hash(std::string(setting_id) + '\n' + std::string(word));
  const math::Words4 words =
      math::random_words(math::Purpose::search, epoch, static_cast<std::uint32_t>(key), kPopulation, seed);
  return {math::open_unit(words.word[0], words.word[1]), math::open_unit(words.word[2], words.word[3])};
}

}  // namespace

Population::Population(const SweepSpec& spec)
    : rule_(spec.early_terminate), seed_(spec.trainer.seed), metric_(spec.metric), maximize_(spec.maximize) {
  for (const Axis& axis : spec.axes) add(axis);
}

void Population::add(const Axis& axis) {
  // The values of `architecture` go together.
  if (axis.parameters.size() != 1) return;
  const Explorable* found = explorable(axis.parameters.front());
  if (found == nullptr) return;
  ExploredAxis explored{found->number, Choices(axis), axis.min, axis.max};
  if (!axis.distribution) {
    std::vector<double> values;
    for (std::uint64_t i = 0; i < explored.choices.size(); ++i) {
      Setting setting;
      explored.choices.apply(i, setting);
      values.push_back(setting.hyperparameters.*found->number);
    }
    std::tie(explored.min, explored.max) = std::pair(std::ranges::min(values), std::ranges::max(values));
  }
  if (explored.min < explored.max) axes_.push_back(std::move(explored));
}

std::uint64_t n_copied(const EarlyTerminate& rule, std::uint64_t n_settings) {
  // A whole number of settings may come out a rounding below it.
  return static_cast<std::uint64_t>((static_cast<double>(n_settings) * rule.quantile) + kRounding);
}

std::vector<Exploit> Population::exploits(std::uint32_t epoch, std::span<const Standing> standings) const {
  const std::size_t n = n_copied(rule_, standings.size());
  std::vector<std::size_t> order = ranked(standings, maximize_);
  std::vector<std::size_t> parents(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(n));
  std::erase_if(parents, [&](std::size_t i) { return !standings[i].competes || !std::isfinite(standings[i].value); });
  std::vector<Exploit> exploits;
  if (parents.empty()) return exploits;
  std::ranges::reverse(order);
  for (const std::size_t worst : std::span(order).first(n)) {
    if (!standings[worst].competes) continue;
    const double u = draw(seed_, epoch, standings[worst].id, kParent)[0];
    const auto parent = static_cast<std::size_t>(u * static_cast<double>(parents.size()));
    exploits.push_back({worst, parents[std::min(parent, parents.size() - 1)]});
  }
  return exploits;
}

/// A factor that an end of the axis takes all effect of gives way to the other one: a copy with its parent's numbers is
/// its parent once more.
double Population::perturbed(double value, std::size_t factor, const ExploredAxis& axis) const {
  const auto times = [&](double by) { return std::clamp(rounded(value * by), axis.min, axis.max); };
  const double by = rule_.perturb.at(factor);
  const bool leaves = value * by < axis.min || value * by > axis.max;
  return leaves && times(by) == value ? times(rule_.perturb.at(1 - factor)) : times(by);
}

std::vector<std::pair<std::string, double>> Population::explored(std::uint32_t epoch, std::string_view setting_id,
                                                                 const Trial& trial) const {
  std::vector<std::pair<std::string, double>> changes;
  Setting setting = setting_of(trial);
  for (const ExploredAxis& axis : axes_) {
    const std::string& name = axis.choices.parameters().front();
    if (!parameter(name).used(setting)) continue;
    const auto [way, u] = draw(seed_, epoch, setting_id, name);
    double& value = setting.hyperparameters.*axis.number;
    if (way < rule_.resample) {
      axis.choices.apply_at(u, setting);
    } else {
      value = perturbed(value, u < 0.5 ? 0 : 1, axis);
    }
    changes.emplace_back(name, value);
  }
  return changes;
}

void set_explored(std::span<const std::pair<std::string, double>> changes, Hyperparameters& hyperparameters) {
  for (const auto& [name, value] : changes) {
    const Explorable* found = explorable(name);
    if (found == nullptr) throw Error("'" + name + "' cannot change in the middle of training");
    hyperparameters.*found->number = value;
  }
}

std::string explorable_parameters() {
  std::string names;
  for (const Explorable& one : kExplorable) names += (names.empty() ? "" : ", ") + std::string(one.name);
  return names;
}

}  // namespace shoal::search
