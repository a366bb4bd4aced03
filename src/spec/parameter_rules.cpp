#include "spec/parameter_rules.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "spec/nearest.hpp"
#include "spec/scalar.hpp"

namespace shoal::spec {
namespace {

using namespace std::string_view_literals;
using enum ValueKind;

constexpr double kMaxInt = 2147483647;
constexpr double kMaxWidth = 1048576;
constexpr double kMaxSeed = 9007199254740992.0;
// Training computes in floats: beyond these a number would be infinite or 0 there.
constexpr double kLeastFloat = 1e-37;
constexpr double kMostFloat = 1e38;
constexpr Range kPositive{.min = 0, .max = kMostFloat, .min_excluded = true, .least = kLeastFloat};
constexpr Range kNotNegative{.min = 0, .max = kMostFloat, .least = kLeastFloat};
constexpr Range kDecay{.min = 0, .max = 1, .max_excluded = true};
constexpr Range kAtLeastOne{.min = 1, .max = kMaxInt};

const std::array kRules{
    ParameterRule{"hidden_layer_sizes", layer_sizes, {.min = 1, .max = kMaxWidth}, {}},
    ParameterRule{"activation", activation, {}, activation_names()},
    ParameterRule{"loss", word, {}, loss_names()},
    ParameterRule{"huber_delta", number, kPositive, {}},
    ParameterRule{"label_smoothing", number, kDecay, {}},
    ParameterRule{"class_weight", word, {}, class_weight_names()},
    ParameterRule{"solver", word, {}, solver_names()},
    ParameterRule{"learning_rate_init", number, kPositive, {}},
    ParameterRule{"learning_rate", word, {}, schedule_names()},
    ParameterRule{"power_t", number, kNotNegative, {}},
    ParameterRule{"step_size", whole_number, kAtLeastOne, {}},
    ParameterRule{"gamma", number, kPositive, {}},
    ParameterRule{"eta_min", number, kNotNegative, {}},
    ParameterRule{"warmup_epochs", whole_number, {.min = 0, .max = kMaxInt}, {}},
    ParameterRule{"layer_rate", number, kPositive, {}},
    ParameterRule{"momentum", number, kDecay, {}},
    ParameterRule{"nesterovs_momentum", flag, {}, {}},
    ParameterRule{"beta_1", number, kDecay, {}},
    ParameterRule{"beta_2", number, kDecay, {}},
    ParameterRule{"epsilon", number, kPositive, {}},
    ParameterRule{"alpha", number, kNotNegative, {}},
    ParameterRule{"l1", number, kNotNegative, {}},
    ParameterRule{"clip_norm", number, kNotNegative, {}},
    ParameterRule{"dropout", number, kDecay, {}},
    ParameterRule{"batch_size", batch_size, kAtLeastOne, {}},
    ParameterRule{"max_iter", whole_number, kAtLeastOne, {}},
    ParameterRule{"n_iter_no_change", whole_number, {.min = 0, .max = kMaxInt}, {}},
    ParameterRule{"tol", number, kNotNegative, {}},
    ParameterRule{"init", init, {}, init_names()},
    ParameterRule{"init_range", number, kPositive, {}},
    ParameterRule{"bias_init", word, {}, bias_init_names()},
    ParameterRule{"shuffle", word, {}, shuffle_names()},
    ParameterRule{"seed", whole_number, {.min = 0, .max = kMaxSeed}, {}},
};

std::string integral_text(double value) { return number_text(value); }

std::optional<ParameterValue> read_layer_sizes(const YamlTree& tree, const ParameterRule& rule, const std::string& path,
                                               Faults& faults) {
  std::vector<std::int64_t> sizes;
  if (tree.kind != YamlTree::Kind::list) {
    const auto size = whole_number_in(tree.text);
    if (tree.kind != YamlTree::Kind::scalar || tree.quoted || !size) {
      faults.add(tree, path, "must be a list of layer sizes such as [64, 64], or one size, is " + described(tree));
      return std::nullopt;
    }
    if (*size < 1) {
      faults.add(tree, path,
                 "a layer has at least 1 unit, is " + tree.text + "; [] is a network without hidden layers");
      return std::nullopt;
    }
    if (const auto size_in_range = read_whole_number(tree, rule.range, path, faults)) {
      return std::vector<std::int64_t>{*size_in_range};
    }
    return std::nullopt;
  }
  bool whole = true;
  for (std::size_t i = 0; i < tree.items.size(); ++i) {
    const YamlTree& item = tree.items[i];
    const std::string item_path = path + '[' + std::to_string(i) + ']';
    const auto size = item.kind == YamlTree::Kind::scalar && !item.quoted ? whole_number_in(item.text) : std::nullopt;
    if (size && *size < 1) {
      faults.add(item, item_path, "a layer has at least 1 unit, is " + item.text);
      whole = false;
    } else if (const auto checked = read_whole_number(item, rule.range, item_path, faults)) {
      sizes.push_back(*checked);
    } else {
      whole = false;
    }
  }
  constexpr std::size_t kMaxLayers = 64;
  if (sizes.size() > kMaxLayers) {
    faults.add(tree, path, "a network has at most 64 hidden layers, is " + std::to_string(sizes.size()));
    whole = false;
  }
  if (!whole) return std::nullopt;
  return sizes;
}

std::optional<std::string> read_activation_word(const YamlTree& tree, const ParameterRule& rule,
                                                const std::string& path, Faults& faults) {
  if (tree.kind == YamlTree::Kind::scalar && tree.text == "logistic") return "sigmoid";
  return read_word(tree, rule.words, path, faults);
}

std::optional<ParameterValue> read_activation(const YamlTree& tree, const ParameterRule& rule, const std::string& path,
                                              Faults& faults) {
  if (tree.kind != YamlTree::Kind::list) {
    if (auto found = read_activation_word(tree, rule, path, faults)) return *std::move(found);
    return std::nullopt;
  }
  std::vector<std::string> words;
  bool whole = true;
  for (std::size_t i = 0; i < tree.items.size(); ++i) {
    auto found = read_activation_word(tree.items[i], rule, path + '[' + std::to_string(i) + ']', faults);
    whole = whole && found;
    if (found) words.push_back(*std::move(found));
  }
  if (!whole) return std::nullopt;
  return words;
}

std::string many_values_hint(const YamlTree& tree, std::string_view path) {
  const bool may_vary = path.starts_with("parameters.");
  return may_vary && tree.kind == YamlTree::Kind::list ? "; to try several write {values: [...]}" : "";
}

template <class T>
std::optional<ParameterValue> as_value(std::optional<T> value) {
  if (!value) return std::nullopt;
  return ParameterValue(*std::move(value));
}

}  // namespace

const ParameterRule* rule_for(std::string_view parameter) {
  const auto* found = std::ranges::find(kRules, parameter, &ParameterRule::name);
  return found == kRules.end() ? nullptr : found;
}

std::span<const std::string_view> known_parameters() {
  static const auto names = [] {
    std::array<std::string_view, kRules.size()> all;
    std::ranges::transform(kRules, all.begin(), &ParameterRule::name);
    return all;
  }();
  return names;
}

std::string range_fault(double value, const Range& range) {
  const std::string is = ", is " + integral_text(value);
  if (value < range.min || (range.min_excluded && value == range.min)) {
    return (range.min_excluded ? "must be above " : "must be at least ") + integral_text(range.min) + is;
  }
  if (value > range.max || (range.max_excluded && value == range.max)) {
    return (range.max_excluded ? "must be below " : "must be at most ") + integral_text(range.max) + is;
  }
  if (value != 0 && std::abs(value) < range.least) {
    return (range.min_excluded ? "must be at least " : "must be 0 or at least ") + integral_text(range.least) + is;
  }
  return "";
}

std::optional<std::string> read_word(const YamlTree& tree, std::span<const std::string_view> words,
                                     const std::string& path, Faults& faults) {
  if (tree.kind != YamlTree::Kind::scalar) {
    faults.add(tree, path, "must be a word, is " + described(tree) + many_values_hint(tree, path));
    return std::nullopt;
  }
  if (std::ranges::find(words, tree.text) != words.end()) return tree.text;
  faults.add(tree, path, "has no value '" + tree.text + "'" + suggestion(tree.text, words));
  return std::nullopt;
}

std::optional<double> read_number(const YamlTree& tree, const Range& range, const std::string& path, Faults& faults) {
  const auto value = tree.kind == YamlTree::Kind::scalar && !tree.quoted ? number_in(tree.text) : std::nullopt;
  if (!value) {
    faults.add(tree, path, "must be a number, is " + described(tree) + many_values_hint(tree, path));
    return std::nullopt;
  }
  if (const std::string fault = range_fault(*value, range); !fault.empty()) {
    faults.add(tree, path, fault);
    return std::nullopt;
  }
  return *value + 0.0;
}

std::optional<std::int64_t> read_whole_number(const YamlTree& tree, const Range& range, const std::string& path,
                                              Faults& faults) {
  const auto value = tree.kind == YamlTree::Kind::scalar && !tree.quoted ? whole_number_in(tree.text) : std::nullopt;
  if (!value) {
    faults.add(tree, path, "must be a whole number, is " + described(tree) + many_values_hint(tree, path));
    return std::nullopt;
  }
  if (const std::string fault = range_fault(static_cast<double>(*value), range); !fault.empty()) {
    faults.add(tree, path, fault);
    return std::nullopt;
  }
  return value;
}

std::optional<ParameterValue> read_value(const YamlTree& tree, const ParameterRule& rule, const std::string& path,
                                         Faults& faults) {
  switch (rule.kind) {
    case number:
      return as_value(read_number(tree, rule.range, path, faults));
    case whole_number:
      return as_value(read_whole_number(tree, rule.range, path, faults));
    case init:
      if (tree.kind == YamlTree::Kind::scalar && tree.text.ends_with(".safetensors")) return ParameterValue(tree.text);
      [[fallthrough]];
    case word:
      return as_value(read_word(tree, rule.words, path, faults));
    case layer_sizes:
      return read_layer_sizes(tree, rule, path, faults);
    case activation:
      return read_activation(tree, rule, path, faults);
    case batch_size:
      if (tree.kind == YamlTree::Kind::scalar && tree.text == "full") return ParameterValue(std::string("full"));
      if (tree.kind != YamlTree::Kind::scalar || !whole_number_in(tree.text)) {
        faults.add(tree, path,
                   "must be a whole number or 'full', is " + described(tree) + many_values_hint(tree, path));
        return std::nullopt;
      }
      return as_value(read_whole_number(tree, rule.range, path, faults));
    case flag:
      break;
  }
  const auto value = tree.kind == YamlTree::Kind::scalar && !tree.quoted ? flag_in(tree.text) : std::nullopt;
  if (!value) faults.add(tree, path, "must be true or false, is " + described(tree) + many_values_hint(tree, path));
  return as_value(value);
}

}  // namespace shoal::spec
