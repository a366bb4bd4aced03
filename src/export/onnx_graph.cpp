#include "export/onnx_graph.hpp"

#include <cstring>
#include <utility>

namespace shoal::exporting {
namespace {

// Of 2020, so that old runtimes read it: onnxruntime from 1.6 on.
constexpr std::int64_t kIrVersion = 7;
constexpr std::int64_t kOpset = 13;
constexpr std::int64_t kOpsetOfLabels = 2;
constexpr std::string_view kDomainOfLabels = "ai.onnx.ml";

// Field numbers of onnx.proto, by message.
namespace model {
constexpr std::uint32_t ir_version = 1, producer_name = 2, producer_version = 3, doc_string = 6, graph = 7,
                        opset_import = 8, metadata_props = 14;
}
namespace opset {
constexpr std::uint32_t domain = 1, version = 2;
}
namespace entry {
constexpr std::uint32_t key = 1, value = 2;
}
namespace graph {
constexpr std::uint32_t node = 1, name = 2, initializer = 5, input = 11, output = 12;
}
namespace node {
constexpr std::uint32_t input = 1, output = 2, name = 3, op_type = 4, attribute = 5, domain = 7;
}
namespace attribute {
constexpr std::uint32_t name = 1, f = 2, i = 3, ints = 8, strings = 9, type = 20;
constexpr std::int64_t is_float = 1, is_int = 2, is_ints = 7, is_strings = 8;
}  // namespace attribute
namespace tensor {
constexpr std::uint32_t dims = 1, data_type = 2, string_data = 6, name = 8, raw_data = 9;
}
namespace value_info {
constexpr std::uint32_t name = 1, type = 2, tensor_type = 1, elem_type = 1, shape = 2, dim = 1, dim_value = 1,
                        dim_param = 2;
}

Message value_of_caller(const std::string& name, OnnxType type, std::int64_t width) {
  Message shape;
  shape.message(value_info::dim, Message().text(value_info::dim_param, "N"));
  if (width > 0) shape.message(value_info::dim, Message().integer(value_info::dim_value, width));
  Message tensor;
  tensor.integer(value_info::elem_type, static_cast<std::int64_t>(type)).message(value_info::shape, shape);
  Message value;
  value.text(value_info::name, name).message(value_info::type, Message().message(value_info::tensor_type, tensor));
  return value;
}

template <class Number>
Message raw(std::span<const Number> values) {
  std::string bytes(values.size_bytes(), '\0');
  if (!values.empty()) std::memcpy(bytes.data(), values.data(), values.size_bytes());
  return Message().text(tensor::raw_data, bytes);
}

}  // namespace

OnnxAttribute::OnnxAttribute(std::string_view name, std::int64_t value) {
  message_.text(attribute::name, name).integer(attribute::i, value).integer(attribute::type, attribute::is_int);
}

OnnxAttribute::OnnxAttribute(std::string_view name, float value) {
  message_.text(attribute::name, name).real(attribute::f, value).integer(attribute::type, attribute::is_float);
}

OnnxAttribute::OnnxAttribute(std::string_view name, std::span<const std::int64_t> values) {
  message_.text(attribute::name, name);
  for (const std::int64_t value : values) message_.integer(attribute::ints, value);
  message_.integer(attribute::type, attribute::is_ints);
}

OnnxAttribute::OnnxAttribute(std::string_view name, std::span<const std::string> values) {
  message_.text(attribute::name, name);
  for (const std::string& value : values) message_.text(attribute::strings, value);
  message_.integer(attribute::type, attribute::is_strings);
}

std::string OnnxGraph::unused(const std::string& wanted) {
  std::string name = wanted;
  while (!names_.insert(name).second) name += '_';
  return name;
}

std::string OnnxGraph::input(const std::string& name, OnnxType type, std::int64_t width) {
  std::string taken = unused(name);
  inputs_.push_back(value_of_caller(taken, type, width));
  return taken;
}

std::string OnnxGraph::keep(Message tensor, OnnxType type, std::span<const std::int64_t> shape) {
  std::string name = unused("constant_" + std::to_string(initializers_.size()));
  for (const std::int64_t size : shape) tensor.integer(tensor::dims, size);
  tensor.integer(tensor::data_type, static_cast<std::int64_t>(type)).text(tensor::name, name);
  initializers_.push_back(std::move(tensor));
  return name;
}

std::string OnnxGraph::constant(std::span<const float> values, std::vector<std::int64_t> shape) {
  return keep(raw(values), OnnxType::real, shape);
}

std::string OnnxGraph::constant(std::span<const double> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return keep(raw(values), OnnxType::real64, {&size, 1});
}

std::string OnnxGraph::constant(std::span<const std::int64_t> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  return keep(raw(values), OnnxType::integer, {&size, 1});
}

std::string OnnxGraph::constant(std::span<const std::string> values) {
  const auto size = static_cast<std::int64_t>(values.size());
  Message tensor;
  for (const std::string& value : values) tensor.text(tensor::string_data, value);
  return keep(std::move(tensor), OnnxType::text, {&size, 1});
}

std::string OnnxGraph::node(std::string_view op, std::span<const std::string> inputs,
                            std::span<const OnnxAttribute> attributes) {
  std::string name = unused(std::string(op) + "_" + std::to_string(nodes_.size()));
  Message node;
  for (const std::string& input : inputs) node.text(node::input, input);
  node.text(node::output, name).text(node::name, name).text(node::op_type, op);
  for (const OnnxAttribute& attribute : attributes) node.message(node::attribute, attribute.message_);
  if (op == "LabelEncoder") node.text(node::domain, kDomainOfLabels);
  nodes_.push_back(std::move(node));
  return name;
}

std::string OnnxGraph::node(std::string_view op, std::initializer_list<std::string> inputs,
                            std::initializer_list<OnnxAttribute> attributes) {
  return node(op, std::span(inputs.begin(), inputs.size()), std::span(attributes.begin(), attributes.size()));
}

void OnnxGraph::output(const std::string& wanted_name, const std::string& value, OnnxType type, std::int64_t width) {
  const std::string name = unused(wanted_name);
  Message node;
  node.text(node::input, value).text(node::output, name).text(node::name, name).text(node::op_type, "Identity");
  nodes_.push_back(std::move(node));
  outputs_.push_back(value_of_caller(name, type, width));
}

std::string OnnxGraph::model(const Information& information) const {
  Message graph;
  for (const Message& node : nodes_) graph.message(graph::node, node);
  graph.text(graph::name, "shoal");
  for (const Message& initializer : initializers_) graph.message(graph::initializer, initializer);
  for (const Message& input : inputs_) graph.message(graph::input, input);
  for (const Message& output : outputs_) graph.message(graph::output, output);

  Message model;
  model.integer(model::ir_version, kIrVersion)
      .text(model::producer_name, "shoal")
      .text(model::producer_version, information.producer_version)
      .text(model::doc_string, information.description)
      .message(model::graph, graph)
      .message(model::opset_import, Message().text(opset::domain, "").integer(opset::version, kOpset))
      .message(model::opset_import,
               Message().text(opset::domain, kDomainOfLabels).integer(opset::version, kOpsetOfLabels));
  for (const auto& [key, value] : information.metadata) {
    model.message(model::metadata_props, Message().text(entry::key, key).text(entry::value, value));
  }
  return model.bytes();
}

}  // namespace shoal::exporting
