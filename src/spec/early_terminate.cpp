#include "spec/early_terminate.hpp"

#include <algorithm>
#include <array>
#include <string_view>

#include "spec/nearest.hpp"
#include "spec/parameter_rules.hpp"

namespace shoal::spec {
namespace {

using namespace std::string_view_literals;

constexpr std::array kTypes{"none"sv, "halving"sv, "hyperband"sv, "median"sv};
constexpr std::array kLaterTypes{"pbt"sv};
constexpr double kMostEpochs = 2147483647.0;
constexpr double kMostSettings = 65536;  // their states wait at a rung together

struct Option {
  std::string_view key;
  std::uint32_t EarlyTerminate::*value;
  Range range;
  std::array<bool, kTypes.size()> used;  ///< by each type
};
constexpr std::array kOptions{
    Option{"min_iter", &EarlyTerminate::min_iter, {.min = 1, .max = kMostEpochs}, {false, true, true, false}},
    Option{"eta", &EarlyTerminate::eta, {.min = 2, .max = 1000}, {false, true, true, false}},
    Option{"grace", &EarlyTerminate::grace, {.min = 1, .max = kMostEpochs}, {false, false, false, true}},
    Option{"every", &EarlyTerminate::every, {.min = 1, .max = kMostEpochs}, {false, false, false, true}},
    Option{"group", &EarlyTerminate::group, {.min = 2, .max = kMostSettings}, {false, true, true, true}},
};

bool uses(Terminator type, const Option& option) { return option.used.at(static_cast<std::size_t>(type)); }

std::string list_of_options(Terminator type) {
  std::string text;
  for (const Option& option : kOptions) {
    if (uses(type, option)) text += (text.empty() ? "" : ", ") + std::string(option.key);
  }
  return text;
}

void read_option(const YamlEntry& entry, const Option& option, EarlyTerminate& rule, Faults& faults) {
  const std::string path = "early_terminate." + entry.key;
  if (!uses(rule.type, option)) {
    const std::string used = list_of_options(rule.type);
    faults.add(
        entry, path,
        "has no use with type '" + std::string(name(rule.type)) + "'" + (used.empty() ? "" : ": it has " + used));
    return;
  }
  if (const auto value = read_whole_number(entry.value, option.range, path, faults)) {
    rule.*option.value = static_cast<std::uint32_t>(*value);
  }
}

}  // namespace

EarlyTerminate read_early_terminate(const YamlEntry& entry, Faults& faults) {
  EarlyTerminate rule;
  const auto type_at = [&](const YamlTree& tree, const std::string& path) {
    const auto word = read_word(tree, kTypes, kLaterTypes, path, faults);
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
  if (type == nullptr) {
    faults.add(entry, "early_terminate.type", "is required" + suggestion("", kTypes));
    return rule;
  }
  if (!type_at(type->value, "early_terminate.type")) return rule;
  for (const Option& option : kOptions) {
    if (const YamlEntry* found = entry.value.find(option.key)) read_option(*found, option, rule, faults);
  }
  return rule;
}

std::string early_terminate_text(const EarlyTerminate& rule) {
  std::string text = "{type: " + std::string(name(rule.type));
  for (const Option& option : kOptions) {
    if (uses(rule.type, option)) text += ", " + std::string(option.key) + ": " + std::to_string(rule.*option.value);
  }
  return text + "}";
}

}  // namespace shoal::spec
