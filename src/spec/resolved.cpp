#include "spec/resolved.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdio>
#include <string_view>

#include "spec/early_terminate.hpp"
#include "spec/scalar.hpp"

namespace shoal {

namespace {

template <class T, class Text>
std::string list_text(const std::vector<T>& items, Text&& item_text) {
  std::string out = "[";
  for (const T& item : items) {
    if (out.size() > 1) out += ", ";
    out += item_text(item);
  }
  return out + "]";
}

}  // namespace

std::string text(const ParameterValue& value) {
  struct Writer {
    std::string operator()(bool flag) const { return flag ? "true" : "false"; }
    std::string operator()(std::int64_t whole) const { return std::to_string(whole); }
    std::string operator()(double number) const { return spec::number_text(number); }
    std::string operator()(const std::string& word) const { return word; }
    std::string operator()(const std::vector<std::int64_t>& sizes) const {
      return list_text(sizes, [](std::int64_t size) { return std::to_string(size); });
    }
    std::string operator()(const std::vector<std::string>& words) const {
      return list_text(words, [](const std::string& word) { return word; });
    }
  };
  return std::visit(Writer{}, value);
}

namespace spec {
namespace {

/// Text that YAML reads back as the same text: quoted unless it is surely plain.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7F) {
      std::array<char, 8> escape{};
      std::snprintf(escape.data(), escape.size(), "\\x%02X", static_cast<unsigned>(static_cast<unsigned char>(c)));
      out += escape.data();
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// Columns: a name is quoted, an index is not.
std::string columns_text(const YamlTree& tree) {
  if (tree.kind == YamlTree::Kind::list) return list_text(tree.items, columns_text);
  return !tree.quoted && index_in(tree.text) ? tree.text : quoted(tree.text);
}

/// As text() of it, but that YAML reads back any path.
std::string value_text(const ParameterValue& value) {
  constexpr std::string_view kPlainMarks = "_./-";
  const auto is_plain = [&](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || kPlainMarks.find(c) != std::string_view::npos;
  };
  const auto* const word = std::get_if<std::string>(&value);
  return word == nullptr || std::ranges::all_of(*word, is_plain) ? text(value) : quoted(*word);
}

std::string data_text(const SweepSpec& spec, const YamlTree& data) {
  const DataSpec& values = spec.data;
  std::string out = "data:\n";
  const auto line = [&](const std::string& key, const std::string& value) { out += "  " + key + ": " + value + '\n'; };
  const auto columns_if_given = [&](const std::string& key) {
    if (const YamlEntry* entry = data.find(key)) line(key, columns_text(entry->value));
  };
  line("train", quoted(data.find("train")->value.text));
  columns_if_given("target");
  line("task", values.task ? std::string(name(*values.task)) : "auto");
  for (const char* key : {"categorical", "drop", "groups", "weights"}) columns_if_given(key);
  if (values.header) line("header", *values.header ? "true" : "false");
  line("missing", values.missing == MissingPolicy::impute ? "impute" : "error");
  constexpr std::array kScaleNames{"standard", "minmax", "none"};
  line("scale", kScaleNames.at(static_cast<std::size_t>(values.scale)));
  if (values.target_scale) line("target_scale", *values.target_scale == TargetScale::none ? "none" : "standard");
  if (values.cv) {
    line("cv", std::to_string(*values.cv));
  } else if (const double* share = std::get_if<double>(&values.validation)) {
    line("validation", number_text(*share));
  } else {
    line("validation", quoted(data.find("validation")->value.text));
  }
  if (const YamlEntry* entry = data.find("test")) line("test", quoted(entry->value.text));
  return out;
}

std::string axis_text(const Axis& axis) {
  constexpr std::array kDistributionNames{"uniform", "log_uniform_values", "int_uniform"};
  if (axis.distribution) {
    return "  " + axis.parameters[0] +
           ": {distribution: " + kDistributionNames.at(static_cast<std::size_t>(*axis.distribution)) +
           ", min: " + number_text(axis.min) + ", max: " + number_text(axis.max) +
           (axis.count > 0 ? ", count: " + std::to_string(axis.count) : "") + "}\n";
  }
  if (axis.parameters.size() > 1) {
    std::string out = "  architecture:\n    values:\n";
    for (const auto& choice : axis.values) {
      out += "      - {";
      for (std::size_t p = 0; p < choice.size(); ++p) {
        out += (p == 0 ? "" : ", ") + axis.parameters[p] + ": " + value_text(choice[p]);
      }
      out += "}\n";
    }
    return out;
  }
  std::string out = "  " + axis.parameters[0] + ": ";
  if (axis.values.size() == 1) return out + value_text(axis.values[0][0]) + '\n';
  return out + "{values: " + list_text(axis.values, [](const auto& choice) { return value_text(choice[0]); }) + "}\n";
}

}  // namespace

std::string resolved_text(const SweepSpec& spec, const YamlTree& data) {
  std::string out = data_text(spec, data);
  out += "method: " + std::string(name(spec.method)) + '\n';
  if (spec.run_cap) out += "run_cap: " + std::to_string(*spec.run_cap) + '\n';
  out += "repeat: " + std::to_string(spec.repeat) + '\n';
  out += "metric: {name: " + std::string(name(spec.metric)) + ", goal: " + (spec.maximize ? "maximize" : "minimize") +
         (spec.choice == Choice::best ? "" : ", choice: " + std::string(name(spec.choice))) + "}\n";
  out += "early_terminate: " + early_terminate_text(spec.early_terminate) + '\n';
  const TrainerSpec& trainer = spec.trainer;
  out += "trainer: {engine: " + trainer.engine + ", precision: " + std::string(name(trainer.precision)) +
         ", seed: " + std::to_string(trainer.seed);
  if (trainer.threads > 0) out += ", threads: " + std::to_string(trainer.threads);
  if (trainer.memory_bytes > 0) out += ", memory: " + std::to_string(trainer.memory_bytes);
  out += ", checkpoint_every: " + number_text(trainer.checkpoint_every_s) + ", keep: " + std::to_string(trainer.keep) +
         "}\n";
  if (!spec.axes.empty()) out += "parameters:\n";
  for (const Axis& axis : spec.axes) out += axis_text(axis);
  return out;
}

}  // namespace spec
}  // namespace shoal
