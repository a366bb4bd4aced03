#include "export/onnx.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <numbers>
#include <numeric>

#include "export/onnx_graph.hpp"
#include "export/onnx_inputs.hpp"

namespace shoal::exporting {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

std::string number(OnnxGraph& graph, float value) { return graph.constant(std::span(&value, 1), {1}); }

/// By its exponential: runtimes' own Sigmoid may stop at 1e-8, which a large factor makes visible.
std::string exact_sigmoid(OnnxGraph& graph, const std::string& z) {
  const std::string below = graph.node("Exp", {graph.node("Neg", {z})});
  return graph.node("Reciprocal", {graph.node("Add", {below, number(graph, 1.0F)})});
}

std::string activated(OnnxGraph& graph, Activation activation, const std::string& z) {
  switch (activation) {
    case Activation::identity:
      return z;
    case Activation::relu:
      return graph.node("Relu", {z});
    case Activation::leaky_relu:
      return graph.node("LeakyRelu", {z}, {{"alpha", kLeakySlope}});
    case Activation::sigmoid:
      return graph.node("Sigmoid", {z});
    case Activation::tanh:
      return graph.node("Tanh", {z});
    case Activation::elu:
      return graph.node("Elu", {z}, {{"alpha", 1.0F}});
    case Activation::softplus:
      return graph.node("Softplus", {z});
    case Activation::silu:
      return graph.node("Mul", {z, exact_sigmoid(graph, z)});
    case Activation::gelu: {
      const double slope = 2 * std::sqrt(2 / std::numbers::pi);
      const std::string square = graph.node("Mul", {z, z});
      const std::string cubic = graph.node("Mul", {square, number(graph, static_cast<float>(slope * 0.044715))});
      const std::string factor = graph.node("Add", {cubic, number(graph, static_cast<float>(slope))});
      return graph.node("Mul", {z, exact_sigmoid(graph, graph.node("Mul", {z, factor}))});
    }
  }
  return z;
}

/// z of the output layer.
std::string forward(OnnxGraph& graph, const store::StoredNetwork& stored, std::string a) {
  const Topology& topology = stored.trial.topology;
  std::span<const float> rest = stored.parameters;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const auto n_inputs = static_cast<std::size_t>(topology.fan_in(l));
    std::vector<float> weights;
    std::vector<float> biases;
    for (std::int32_t o = 0; o < topology.fan_out(l); ++o) {
      weights.insert(weights.end(), rest.begin(), rest.begin() + topology.fan_in(l));
      biases.push_back(rest[n_inputs]);
      rest = rest.subspan(n_inputs + 1);
    }
    const std::string weight = graph.constant(weights, {topology.fan_out(l), topology.fan_in(l)});
    const std::string bias = graph.constant(biases, {topology.fan_out(l)});
    const std::string z = graph.node("Gemm", {a, weight, bias}, {{"transB", std::int64_t{1}}});
    a = activated(graph, topology.activation(l), z);
  }
  return a;
}

/// Targets in the table's units, in double as shoal gives them. z: [N, targets].
void give_values(OnnxGraph& graph, const Network& network, const EncodedInputs& inputs, const std::string& z) {
  const TargetScaling& scaling = network.split.targets;
  const std::vector<double> factor(scaling.factor.begin(), scaling.factor.end());
  const std::vector<double> offset(scaling.offset.begin(), scaling.offset.end());
  const std::string scaled = graph.node("Cast", {z}, {{"to", static_cast<std::int64_t>(OnnxType::real64)}});
  const std::string divided = graph.node("Div", {scaled, graph.constant(std::span(factor))});
  const std::string moved = graph.node("Add", {divided, graph.constant(std::span(offset))});
  const std::string values = graph.node("Add", {moved, graph.constant(std::span(network.preprocessing.target_centre))});
  const double nan = std::numeric_limits<double>::quiet_NaN();
  graph.output("prediction", graph.node("Where", {inputs.refused, graph.constant(std::span(&nan, 1)), values}),
               OnnxType::real64, static_cast<std::int64_t>(factor.size()));
}

/// The text of the likeliest class, [N]; empty where the row is refused.
std::string label_of(OnnxGraph& graph, const Network& network, const EncodedInputs& inputs, const std::string& p) {
  std::vector<std::string> texts = network.preprocessing.classes;
  const auto none = static_cast<std::int64_t>(texts.size());
  texts.emplace_back();
  const std::string best = graph.node("ArgMax", {p}, {{"axis", std::int64_t{1}}, {"keepdims", std::int64_t{1}}});
  const std::string index = graph.node("Where", {inputs.refused, graph.constant(std::span(&none, 1)), best});
  const std::int64_t flat = -1;
  const std::string list = graph.node("Reshape", {index, graph.constant(std::span(&flat, 1))});
  return graph.node("Gather", {graph.constant(std::span<const std::string>(texts)), list});
}

/// Which labels are likelier than not; -1 where the row is refused.
std::string labels_of(OnnxGraph& graph, const EncodedInputs& inputs, const std::string& p) {
  const std::string likely = graph.node("Greater", {p, number(graph, 0.5F)});
  const std::string labels = graph.node("Cast", {likely}, {{"to", static_cast<std::int64_t>(OnnxType::integer)}});
  const std::int64_t none = -1;
  return graph.node("Where", {inputs.refused, graph.constant(std::span(&none, 1)), labels});
}

void give_probabilities(OnnxGraph& graph, const Network& network, const EncodedInputs& inputs, const std::string& z) {
  const auto width = static_cast<std::int64_t>(output_names(network).size());
  const Output output = output_of(network);
  std::string p;
  if (output == Output::softmax) {
    p = graph.node("Softmax", {z}, {{"axis", std::int64_t{1}}});
  } else {
    p = exact_sigmoid(graph, z);
    if (output == Output::sigmoid) {
      p = graph.node("Concat", {graph.node("Sub", {number(graph, 1.0F), p}), p}, {{"axis", std::int64_t{1}}});
    }
  }
  if (output == Output::sigmoids) {
    graph.output("labels", labels_of(graph, inputs, p), OnnxType::integer, width);
  } else {
    graph.output("label", label_of(graph, network, inputs, p), OnnxType::text, 0);
  }
  graph.output("probabilities", graph.node("Where", {inputs.refused, number(graph, kNaN), p}), OnnxType::real, width);
}

}  // namespace

std::string to_onnx(const Network& network) {
  OnnxGraph graph;
  const EncodedInputs inputs = encode_inputs(graph, network.preprocessing, network.split.inputs);
  const std::string z = forward(graph, network.stored, inputs.values);
  if (output_of(network) == Output::values) {
    give_values(graph, network, inputs, z);
  } else {
    give_probabilities(graph, network, inputs, z);
  }
  return graph.model({network.version,
                      description(network),
                      {{"trial", network.stored.trial.id},
                       {"task", std::string(name(network.preprocessing.task))},
                       {"outputs", nlohmann::json(output_names(network)).dump()}}});
}

}  // namespace shoal::exporting
