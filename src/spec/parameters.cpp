#include "spec/parameters.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "spec/nearest.hpp"
#include "spec/parameter_rules.hpp"
#include "spec/scalar.hpp"

namespace shoal::spec {
namespace {

using namespace std::string_view_literals;

constexpr std::array kAxisKeys{"value"sv, "values"sv, "distribution"sv, "min"sv, "max"sv, "count"sv};
constexpr std::array kArchitectureKeys{"values"sv};
constexpr std::array kDistributions{"uniform"sv, "log_uniform_values"sv, "int_uniform"sv};
// Both ends are values. The most is what a list of them may take of the memory.
constexpr Range kCounts{.min = 2, .max = 1e5};
constexpr std::string_view kArchitecture = "architecture";

/// Whether all keys are known.
bool check_keys(const YamlTree& map, std::span<const std::string_view> known, const std::string& path, Faults& faults) {
  bool all = true;
  for (const YamlEntry& entry : map.entries) {
    if (std::ranges::find(known, entry.key) == known.end()) {
      all = false;
      faults.add(entry, path + '.' + entry.key, "is not a known key" + suggestion(entry.key, known));
    }
  }
  return all;
}

const ParameterRule* known_rule(const YamlEntry& entry, const std::string& path, bool may_be_architecture,
                                Faults& faults) {
  const ParameterRule* rule = rule_for(entry.key);
  if (rule != nullptr) return rule;
  std::vector<std::string_view> known(known_parameters().begin(), known_parameters().end());
  if (may_be_architecture) known.push_back(kArchitecture);
  faults.add(entry, path, "is not a known parameter" + suggestion(entry.key, known));
  return nullptr;
}

class AxisReader {
 public:
  AxisReader(const ParameterRule& rule, std::string path, Method method, Faults& faults)
      : rule_(rule), path_(std::move(path)), method_(method), faults_(faults) {}

  std::optional<Axis> read(const YamlTree& tree) {
    if (tree.kind != YamlTree::Kind::map) {
      auto value = read_value(tree, rule_, path_, faults_);
      if (!value) return std::nullopt;
      return Axis{{std::string(rule_.name)}, {{*std::move(value)}}, {}, 0, 0, 0};
    }
    const bool all_known = check_keys(tree, kAxisKeys, path_, faults_);
    const YamlEntry* value = tree.find("value");
    const YamlEntry* values = tree.find("values");
    const YamlEntry* distribution = tree.find("distribution");
    const int n_sources = (value != nullptr) + (values != nullptr) + (distribution != nullptr);
    if (n_sources == 0 && !all_known) return std::nullopt;  // most likely the misspelt key was one of them
    if (n_sources != 1) {
      faults_.add(tree, path_,
                  n_sources == 0 ? "needs one of value, values and distribution"
                                 : "has more than one of value, values and distribution");
      return std::nullopt;
    }
    if (distribution == nullptr) {
      for (const std::string_view key : {"min"sv, "max"sv, "count"sv}) {
        if (const YamlEntry* entry = tree.find(key)) {
          faults_.add(*entry, path_ + '.' + entry->key, "belongs to a distribution, and there is none");
        }
      }
    }
    if (value != nullptr) return read_constant(value->value);
    if (values != nullptr) return read_list(values->value);
    return read_distribution(tree, distribution->value);
  }

 private:
  std::optional<Axis> read_constant(const YamlTree& tree) {
    auto value = read_value(tree, rule_, path_ + ".value", faults_);
    if (!value) return std::nullopt;
    return Axis{{std::string(rule_.name)}, {{*std::move(value)}}, {}, 0, 0, 0};
  }

  std::optional<Axis> read_list(const YamlTree& tree) {
    const std::string path = path_ + ".values";
    if (tree.kind != YamlTree::Kind::list) {
      faults_.add(tree, path, "must be a list, is " + described(tree));
      return std::nullopt;
    }
    if (tree.items.empty()) {
      faults_.add(tree, path, "is empty: give at least one value");
      return std::nullopt;
    }
    Axis axis{{std::string(rule_.name)}, {}, {}, 0, 0, 0};
    for (std::size_t i = 0; i < tree.items.size(); ++i) {
      auto value = read_value(tree.items[i], rule_, path + '[' + std::to_string(i) + ']', faults_);
      if (value) axis.values.push_back({*std::move(value)});
    }
    if (axis.values.empty()) return std::nullopt;
    return axis;
  }

  std::optional<double> read_bound(const YamlTree& tree, std::string_view key, bool whole) {
    const YamlEntry* entry = tree.find(key);
    const std::string path = path_ + '.' + std::string(key);
    if (entry == nullptr) {
      faults_.add(tree, path, "is required by a distribution");
      return std::nullopt;
    }
    if (!whole) return read_number(entry->value, rule_.range, path, faults_);
    const auto value = read_whole_number(entry->value, rule_.range, path, faults_);
    if (!value) return std::nullopt;
    return static_cast<double>(*value);
  }

  /// 0 where there is none, or a wrong one.
  std::uint32_t read_count(const YamlTree& tree, bool whole) {
    const YamlEntry* entry = tree.find("count");
    if (entry == nullptr) return 0;
    const std::string path = path_ + ".count";
    if (whole) {
      faults_.add(*entry, path, "is not for int_uniform, which has every whole number from min to max");
      return 0;
    }
    if (method_ != Method::grid) {
      faults_.add(*entry, path,
                  "belongs to method: grid; " + std::string(name(method_)) + " draws from all numbers from min to max");
      return 0;
    }
    const auto count = read_whole_number(entry->value, kCounts, path, faults_);
    return count ? static_cast<std::uint32_t>(*count) : 0;
  }

  std::optional<Axis> read_distribution(const YamlTree& tree, const YamlTree& word) {
    const std::string path = path_ + ".distribution";
    const auto name = read_word(word, kDistributions, path, faults_);
    if (!name) return std::nullopt;
    const auto kind = static_cast<Distribution>(std::ranges::find(kDistributions, *name) - kDistributions.begin());
    const bool whole = kind == Distribution::int_uniform;
    switch (rule_.kind) {
      case ValueKind::flag:
      case ValueKind::word:
      case ValueKind::activation:
      case ValueKind::init:
        faults_.add(word, path, "is for numbers only: give values");
        return std::nullopt;
      case ValueKind::whole_number:
      case ValueKind::layer_sizes:
      case ValueKind::batch_size:
        if (!whole) {
          faults_.add(word, path, "'" + std::string(rule_.name) + "' takes whole numbers: use int_uniform");
          return std::nullopt;
        }
        break;
      case ValueKind::number:
        break;
    }
    const auto count = read_count(tree, whole);
    if (method_ == Method::grid && !whole && tree.find("count") == nullptr) {
      faults_.add(word, path, "'" + *name + "' has no grid: give count or values, or use method: random or sobol");
    }
    const auto min = read_bound(tree, "min", whole);
    const auto max = read_bound(tree, "max", whole);
    if (!min || !max) return std::nullopt;
    if (*min > *max) {
      faults_.add(*tree.find("min"), path_ + ".min",
                  "must be at most max, is " + number_text(*min) + " with max " + number_text(*max));
      return std::nullopt;
    }
    if (kind == Distribution::log_uniform_values && *min <= 0) {
      faults_.add(*tree.find("min"), path_ + ".min", "must be above 0 for log_uniform_values, is " + number_text(*min));
      return std::nullopt;
    }
    return Axis{{std::string(rule_.name)}, {}, kind, *min, *max, count};
  }

  const ParameterRule& rule_;
  std::string path_;
  Method method_;
  Faults& faults_;
};

/// The entries of `parameters.architecture`: maps that all give the same parameters.
class ArchitectureReader {
 public:
  ArchitectureReader(const YamlTree& parameters, Faults& faults) : parameters_(parameters), faults_(faults) {}

  std::optional<Axis> read(const YamlTree& tree) {
    if (tree.kind != YamlTree::Kind::map) {
      faults_.add(tree, path_, "must be {values: [{...}, {...}]}, is " + described(tree));
      return std::nullopt;
    }
    static_cast<void>(check_keys(tree, kArchitectureKeys, path_, faults_));
    const YamlEntry* values = tree.find("values");
    if (values == nullptr || values->value.kind != YamlTree::Kind::list || values->value.items.empty()) {
      faults_.add(values == nullptr ? tree : values->value, path_ + ".values",
                  "must be a list of maps of parameters, at least one");
      return std::nullopt;
    }
    const std::vector<YamlTree>& items = values->value.items;
    collect_names(items);
    if (axis_.parameters.empty()) {
      for (std::size_t i = 0; i < items.size(); ++i) refuse_nothing(items[i], entry_path(i));
      return std::nullopt;
    }
    for (std::size_t i = 0; i < items.size(); ++i) read_entry(items[i], entry_path(i));
    if (axis_.values.empty()) return std::nullopt;
    return std::move(axis_);
  }

 private:
  [[nodiscard]] std::string entry_path(std::size_t i) const { return path_ + ".values[" + std::to_string(i) + ']'; }

  void collect_names(const std::vector<YamlTree>& items) {
    std::set<std::string> reported;
    for (std::size_t i = 0; i < items.size(); ++i) {
      for (const YamlEntry& entry : items[i].entries) {
        const std::string path = entry_path(i) + '.' + entry.key;
        if (known_rule(entry, path, false, faults_) == nullptr) continue;
        if (parameters_.find(entry.key) != nullptr && reported.insert(entry.key).second) {
          faults_.add(entry, path, "is also given outside architecture: give it in one place");
        }
        if (std::ranges::find(axis_.parameters, entry.key) == axis_.parameters.end()) {
          axis_.parameters.push_back(entry.key);
        }
      }
    }
  }

  /// Of entries that all lack parameters: those with unknown ones are refused for these.
  void refuse_nothing(const YamlTree& item, const std::string& path) {
    if (!item.entries.empty()) return;
    const bool is_map = item.kind == YamlTree::Kind::map;
    faults_.add(item, path, "must be a map of parameters, at least one, is " + (is_map ? "empty" : described(item)));
  }

  void read_entry(const YamlTree& item, const std::string& path) {
    if (item.kind != YamlTree::Kind::map) {
      faults_.add(item, path, "must be a map of parameters, is " + described(item));
      return;
    }
    std::vector<ParameterValue> choice;
    for (const std::string& parameter : axis_.parameters) {
      const YamlEntry* entry = item.find(parameter);
      if (entry == nullptr) {
        faults_.add(item, path, "lacks '" + parameter + "', which another entry of architecture gives");
        continue;
      }
      auto value = read_value(entry->value, *rule_for(parameter), path + '.' + parameter, faults_);
      if (value) choice.push_back(*std::move(value));
    }
    if (choice.size() == axis_.parameters.size()) axis_.values.push_back(std::move(choice));
  }

  const YamlTree& parameters_;
  Faults& faults_;
  std::string path_ = "parameters.architecture";
  Axis axis_;
};

/// Where an axis gives `parameter`: its column; nothing where it does not.
std::optional<std::size_t> column_of(const Axis& axis, std::string_view parameter) {
  const auto found = std::ranges::find(axis.parameters, parameter);
  if (found == axis.parameters.end()) return std::nullopt;
  return static_cast<std::size_t>(found - axis.parameters.begin());
}

const Axis* axis_of(const std::vector<Axis>& axes, std::string_view parameter) {
  const auto found =
      std::ranges::find_if(axes, [&](const Axis& axis) { return column_of(axis, parameter).has_value(); });
  return found == axes.end() ? nullptr : &*found;
}

/// An activation list must have one word a hidden layer, in every combination the sweep can make.
void check_activation_lengths(const YamlTree& parameters, const std::vector<Axis>& axes, Faults& faults) {
  const Axis* activations = axis_of(axes, "activation");
  if (activations == nullptr) return;
  const Axis* sizes = axis_of(axes, "hidden_layer_sizes");
  const auto length_of = [&](std::size_t choice) -> std::size_t {
    if (sizes == nullptr || sizes->distribution) return 1;
    return std::get<std::vector<std::int64_t>>(sizes->values[choice][*column_of(*sizes, "hidden_layer_sizes")]).size();
  };
  const std::size_t n_sizes = sizes == nullptr || sizes->distribution ? 1 : sizes->values.size();
  const bool grouped = activations->parameters.size() > 1 || parameters.find("activation") == nullptr;
  const YamlEntry* place = parameters.find(grouped ? kArchitecture : "activation"sv);
  const std::string path = "parameters." + place->key;
  for (std::size_t i = 0; i < activations->values.size(); ++i) {
    const auto* words =
        std::get_if<std::vector<std::string>>(&activations->values[i][*column_of(*activations, "activation")]);
    if (words == nullptr) continue;
    const bool same_axis = activations == sizes;
    for (std::size_t j = same_axis ? i : 0; j < (same_axis ? i + 1 : n_sizes); ++j) {
      if (words->size() == length_of(j)) continue;
      const std::string where = place->value.kind == YamlTree::Kind::map && place->value.find("values") != nullptr
                                    ? path + ".values[" + std::to_string(i) + ']'
                                    : path;
      faults.add(place->value, where,
                 "gives " + std::to_string(words->size()) + " activations for a network of " +
                     std::to_string(length_of(j)) + (length_of(j) == 1 ? " hidden layer" : " hidden layers") +
                     (same_axis ? "" : "; lists that differ in length go into architecture"));
      break;
    }
  }
}

}  // namespace

std::vector<Axis> read_parameters(const YamlTree& parameters, Method method, Faults& faults) {
  std::vector<Axis> axes;
  if (parameters.kind != YamlTree::Kind::map) {
    faults.add(parameters, "parameters", "must be a map of parameters, is " + described(parameters));
    return axes;
  }
  bool whole = true;
  for (const YamlEntry& entry : parameters.entries) {
    const std::string path = "parameters." + entry.key;
    std::optional<Axis> axis;
    if (entry.key == kArchitecture) {
      axis = ArchitectureReader(parameters, faults).read(entry.value);
      whole = whole && axis && axis->values.size() == entry.value.find("values")->value.items.size();
    } else if (const ParameterRule* rule = known_rule(entry, path, true, faults)) {
      axis = AxisReader(*rule, path, method, faults).read(entry.value);
      const YamlEntry* values = entry.value.find("values");
      const bool complete = axis && (values == nullptr || axis->values.size() == values->value.items.size());
      if (rule->name == "activation" || rule->name == "hidden_layer_sizes") whole = whole && complete;
    }
    if (axis) axes.push_back(*std::move(axis));
  }
  if (whole) check_activation_lengths(parameters, axes, faults);
  return axes;
}

}  // namespace shoal::spec
