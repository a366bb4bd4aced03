#include "spec/early_terminate.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>
#include <variant>

#include "spec/nearest.hpp"
#include "spec/parameter_rules.hpp"
#include "spec/scalar.hpp"

namespace shoal::spec {
namespace {

using namespace std::string_view_literals;

constexpr std::array kTypes{"none"sv, "halving"sv, "hyperband"sv, "median"sv, "pbt"sv};
constexpr double kMostEpochs = 2147483647.0;
constexpr double kMostSettings = 65536;  // their states wait at a rung together

using Whole = std::uint32_t EarlyTerminate::*;
using Number = double EarlyTerminate::*;
using Factors = std::array<double, 2> EarlyTerminate::*;

struct Option {
  std::string_view key;
  std::variant<Whole, Number, Factors> value;
  Range range;                           ///< of factors: of the lower one up to 1, and from 1 of the other
  std::array<bool, kTypes.size()> used;  ///< by each type
};
using E = EarlyTerminate;
constexpr std::array kOptions{
    Option{"min_iter", &E::min_iter, {.min = 1, .max = kMostEpochs}, {false, true, true, false, false}},
    Option{"eta", &E::eta, {.min = 2, .max = 1000}, {false, true, true, false, false}},
    Option{"grace", &E::grace, {.min = 1, .max = kMostEpochs}, {false, false, false, true, false}},
    Option{"every", &E::every, {.min = 1, .max = kMostEpochs}, {false, false, false, true, false}},
    Option{"interval", &E::interval, {.min = 1, .max = kMostEpochs}, {false, false, false, false, true}},
    Option{"quantile", &E::quantile, {.min = 0, .max = 0.5, .min_excluded = true}, {false, false, false, false, true}},
    Option{"perturb", &E::perturb, {.min = 0, .min_excluded = true}, {false, false, false, false, true}},
    Option{"resample", &E::resample, {.min = 0, .max = 1}, {false, false, false, false, true}},
    Option{"folds", &E::folds, {.min = 0, .max = 1000000}, {false, true, true, true, false}},
    Option{"group", &E::group, {.min = 2, .max = kMostSettings}, {false, true, true, true, true}},
};

bool uses(Terminator type, const Option& option) { return option.used.at(static_cast<std::size_t>(type)); }

std::string list_of_options(Terminator type) {
  std::string text;
  for (const Option& option : kOptions) {
    if (uses(type, option)) text += (text.empty() ? "" : ", ") + std::string(option.key);
  }
  return text;
}

/// The lower factor is at most 1, the other at least.
std::optional<std::array<double, 2>> read_factors(const YamlTree& tree, const Range& range, const std::string& path,
                                                  Faults& faults) {
  if (tree.kind != YamlTree::Kind::list || tree.items.size() != 2) {
    faults.add(tree, path, "must be a list of two factors such as [0.8, 1.25], is " + described(tree));
    return std::nullopt;
  }
  const auto low = read_number(tree.items[0], {range.min, 1, range.min_excluded, false}, path + "[0]", faults);
  const auto high = read_number(tree.items[1], {.min = 1, .max = range.max}, path + "[1]", faults);
  if (!low || !high) return std::nullopt;
  return std::array{*low, *high};
}

void refuse_option(const YamlEntry& entry, Terminator type, Faults& faults) {
  const std::string used = list_of_options(type);
  faults.add(entry, "early_terminate." + entry.key,
             "has no use with type '" + std::string(name(type)) + "'" + (used.empty() ? "" : ": it has " + used));
}

void read_option(const YamlEntry& entry, const Option& option, EarlyTerminate& rule, Faults& faults) {
  const std::string path = "early_terminate." + entry.key;
  if (const Whole* whole = std::get_if<Whole>(&option.value)) {
    const auto value = read_whole_number(entry.value, option.range, path, faults);
    if (value) rule.** whole = static_cast<std::uint32_t>(*value);
  } else if (const Number* number = std::get_if<Number>(&option.value)) {
    if (const auto value = read_number(entry.value, option.range, path, faults)) rule.** number = *value;
  } else if (const auto value = read_factors(entry.value, option.range, path, faults)) {
    rule.*std::get<Factors>(option.value) = *value;
  }
}

std::string option_text(const EarlyTerminate& rule, const Option& option) {
  if (const Whole* whole = std::get_if<Whole>(&option.value)) return std::to_string(rule.**whole);
  if (const Number* number = std::get_if<Number>(&option.value)) return number_text(rule.**number);
  const auto& [low, high] = rule.*std::get<Factors>(option.value);
  return "[" + number_text(low) + ", " + number_text(high) + "]";
}

}  // namespace

EarlyTerminate read_early_terminate(const YamlEntry& entry, Faults& faults) {
  EarlyTerminate rule;
  const auto type_at = [&](const YamlTree& tree, const std::string& path) {
    const auto word = read_word(tree, kTypes, path, faults);
    if (word) rule.type = *terminator_named(*word);
    return word.has_value();
  };
  if (entry.value.kind == YamlTree::Kind::scalar) {
    static_cast<void>(type_at(entry.value, "early_terminate"));
    return rule;
  }
  if (entry.value.kind != YamlTree::Kind::map) {
    faults.add(entry.value, "early_terminate", "must be a map, is " + described(entry.value) + suggestion("", kTypes));
    return rule;
  }
  std::array<std::string_view, kOptions.size() + 1> keys{"type"};
  std::ranges::transform(kOptions, keys.begin() + 1, &Option::key);
  for (const YamlEntry& option : entry.value.entries) {
    if (std::ranges::find(keys, option.key) != keys.end()) continue;
    faults.add(option, "early_terminate." + option.key, "is not a known key" + suggestion(option.key, keys));
  }
  const YamlEntry* type = entry.value.find("type");
  if (type == nullptr) faults.add(entry, "early_terminate.type", "is required" + suggestion("", kTypes));
  const bool has_type = type != nullptr && type_at(type->value, "early_terminate.type");
  for (const Option& option : kOptions) {
    const YamlEntry* found = entry.value.find(option.key);
    if (found == nullptr) continue;
    if (has_type && !uses(rule.type, option)) {
      refuse_option(*found, rule.type, faults);
    } else {
      read_option(*found, option, rule, faults);
    }
  }
  if (rule.type != Terminator::pbt) return rule;
  const bool draws_anew = entry.value.find("resample") != nullptr && rule.resample > 0;
  if (rule.perturb == std::array{1.0, 1.0} && !draws_anew) {
    faults.add(*entry.value.find("perturb"), "early_terminate.perturb",
               "changes nothing: a copy would train with its parent's numbers; give other factors, or resample");
  }
  if (rule.group * rule.quantile < 1) {
    faults.add(entry, "early_terminate.quantile",
               "of a group of " + std::to_string(rule.group) + " settings is not one setting: nothing would be copied");
  }
  return rule;
}

std::string early_terminate_text(const EarlyTerminate& rule) {
  std::string text = "{type: " + std::string(name(rule.type));
  for (const Option& option : kOptions) {
    if (uses(rule.type, option)) text += ", " + std::string(option.key) + ": " + option_text(rule, option);
  }
  return text + "}";
}

}  // namespace shoal::spec
