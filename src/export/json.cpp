#include "export/json.hpp"

#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <span>

#include "data/preprocessing.hpp"
#include "store/safetensors.hpp"

namespace shoal::exporting {
namespace {

using nlohmann::ordered_json;

/// Raised when a reader of an older document would misread a new one.
constexpr int kFormat = 1;

/// The double that prints as the float does, unless reading that as a double and making it a float gives another one.
double shortest(float value) {
  std::array<char, 32> digits{};
  const auto [end, error] = std::to_chars(digits.data(), digits.data() + digits.size(), value);
  double read = 0;
  std::from_chars(digits.data(), end, read);
  return static_cast<float>(read) == value ? read : static_cast<double>(value);
}

std::vector<double> shortest(std::span<const float> values) {
  std::vector<double> all;
  all.reserve(values.size());
  for (const float value : values) all.push_back(shortest(value));
  return all;
}

std::string_view name(Output output) {
  constexpr std::array<std::string_view, 4> kNames{"softmax", "sigmoid", "sigmoids", "values"};
  return kNames.at(static_cast<std::size_t>(output));
}

ordered_json columns_json(const Preprocessing& p) {
  ordered_json columns = ordered_json::array();
  for (const InputColumn& column : p.columns) {
    if (column.kind == InputColumn::Kind::categorical) {
      columns.push_back({{"name", column.name}, {"kind", "categorical"}, {"categories", column.categories}});
    } else {
      columns.push_back({{"name", column.name},
                         {"kind", "numeric"},
                         {"centre", column.centre},
                         {"has_indicator", column.has_indicator}});
    }
  }
  return columns;
}

ordered_json layers_json(const store::StoredNetwork& stored) {
  const Topology& topology = stored.trial.topology;
  ordered_json layers = ordered_json::array();
  std::span<const float> rest = stored.parameters;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const auto n_inputs = static_cast<std::size_t>(topology.fan_in(l));
    ordered_json weights = ordered_json::array();
    std::vector<double> biases;
    for (std::int32_t o = 0; o < topology.fan_out(l); ++o) {
      weights.push_back(shortest(rest.first(n_inputs)));
      biases.push_back(shortest(rest[n_inputs]));
      rest = rest.subspan(n_inputs + 1);
    }
    layers.push_back({{"activation", shoal::name(topology.activation(l))}, {"weight", weights}, {"bias", biases}});
  }
  return layers;
}

}  // namespace

std::string to_json(const Network& network) {
  const Preprocessing& p = network.preprocessing;
  const InputScaling& inputs = network.split.inputs;
  const TargetScaling& targets = network.split.targets;
  ordered_json parameters = ordered_json::object();
  for (const auto& [parameter, text] : parameters_of(network.stored.trial)) {
    if (!text.empty()) parameters[std::string(parameter)] = text;
  }
  ordered_json out = {
      {"format", "shoal network"},
      {"format_version", kFormat},
      {"shoal", network.version},
      {"trial", network.stored.trial.id},
      {"parameters", parameters},
      {"task", shoal::name(p.task)},
      {"missing", p.missing == MissingPolicy::impute ? "impute" : "error"},
      {"columns", columns_json(p)},
      {"input_scaling",
       {{"offset", shortest(inputs.offset)}, {"factor", shortest(inputs.factor)}, {"fill", shortest(inputs.fill)}}},
      {"layers", layers_json(network.stored)},
      {"output", name(output_of(network))},
      {"output_names", output_names(network)},
  };
  if (p.task == Task::regression) {
    out["target_scaling"] = {
        {"factor", shortest(targets.factor)}, {"offset", shortest(targets.offset)}, {"centre", p.target_centre}};
  }
  return out.dump(-1, ' ', false, ordered_json::error_handler_t::replace) + "\n";
}

std::string to_safetensors(const Network& network) {
  return store::to_safetensors(network.stored, {{"preprocessing", shoal::to_json(network.preprocessing)},
                                                {"scaling", shoal::to_json(network.split)}});
}

}  // namespace shoal::exporting
