#pragma once

#include <limits>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "shoal/sweep.hpp"
#include "spec/yaml_tree.hpp"

namespace shoal::spec {

enum class ValueKind : std::uint8_t { number, whole_number, flag, word, layer_sizes, activation, batch_size, init };

/// The numbers a value may have.
struct Range {
  double min = -std::numeric_limits<double>::infinity();
  double max = std::numeric_limits<double>::infinity();
  bool min_excluded = false;
  bool max_excluded = false;
  double least = 0;  ///< magnitude of what is not 0
};

/// What a sweep file may say for one parameter.
struct ParameterRule {
  std::string_view name;
  ValueKind kind = ValueKind::number;
  Range range;
  std::span<const std::string_view> words;  ///< of a word
};

[[nodiscard]] const ParameterRule* rule_for(std::string_view parameter);
/// Names of all parameters.
[[nodiscard]] std::span<const std::string_view> known_parameters();

/// One value, checked; nothing (and a fault) where it is wrong.
[[nodiscard]] std::optional<ParameterValue> read_value(const YamlTree& tree, const ParameterRule& rule,
                                                       const std::string& path, Faults& faults);

/// `must be at least 0, is -1`; empty where the value is in the range.
[[nodiscard]] std::string range_fault(double value, const Range& range);

/// A word of a list; nothing and a fault where it is none of them.
[[nodiscard]] std::optional<std::string> read_word(const YamlTree& tree, std::span<const std::string_view> words,
                                                   const std::string& path, Faults& faults);
/// A number in a range; nothing and a fault where it is none.
[[nodiscard]] std::optional<double> read_number(const YamlTree& tree, const Range& range, const std::string& path,
                                                Faults& faults);
[[nodiscard]] std::optional<std::int64_t> read_whole_number(const YamlTree& tree, const Range& range,
                                                            const std::string& path, Faults& faults);

}  // namespace shoal::spec
