#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "export/protobuf.hpp"

namespace shoal::exporting {

/// Element types by their numbers in onnx.proto.
enum class OnnxType : std::uint8_t { real = 1, integer = 7, text = 8, boolean = 9, real64 = 11 };

/// One attribute of a node.
class OnnxAttribute {
 public:
  OnnxAttribute(std::string_view name, std::int64_t value);
  OnnxAttribute(std::string_view name, float value);
  OnnxAttribute(std::string_view name, std::span<const std::int64_t> values);
  OnnxAttribute(std::string_view name, std::span<const std::string> values);

 private:
  friend class OnnxGraph;
  Message message_;
};

/// Builds an ONNX model (onnx.proto of github.com/onnx/onnx) node by node. Values are strings: their names, which are
/// made unique here. The first dimension of inputs and outputs is the number of rows, N.
class OnnxGraph {
 public:
  /// What a caller feeds, [N, width]; its name is the wanted one.
  std::string input(const std::string& name, OnnxType type, std::int64_t width);

  std::string constant(std::span<const float> values, std::vector<std::int64_t> shape);
  std::string constant(std::span<const double> values);
  std::string constant(std::span<const std::int64_t> values);
  std::string constant(std::span<const std::string> values);

  /// Adds a node of one output and gives that output. Operators of domain ai.onnx, LabelEncoder of ai.onnx.ml.
  std::string node(std::string_view op, std::span<const std::string> inputs,
                   std::span<const OnnxAttribute> attributes = {});
  std::string node(std::string_view op, std::initializer_list<std::string> inputs,
                   std::initializer_list<OnnxAttribute> attributes = {});

  /// What a caller gets. width: 0 where the value is [N]. A name that is taken gets a `_` behind it.
  void output(const std::string& wanted_name, const std::string& value, OnnxType type, std::int64_t width);

  /// The model's bytes.
  struct Information {
    std::string producer_version, description;
    std::vector<std::pair<std::string, std::string>> metadata;
  };
  [[nodiscard]] std::string model(const Information& information) const;

 private:
  std::string unused(const std::string& wanted);
  std::string keep(Message tensor, OnnxType type, std::span<const std::int64_t> shape);

  std::vector<Message> nodes_, initializers_, inputs_, outputs_;
  std::set<std::string> names_;
};

}  // namespace shoal::exporting
