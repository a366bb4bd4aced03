#include "export/onnx_inputs.hpp"

#include <algorithm>
#include <limits>
#include <numeric>

#include "data/table.hpp"

namespace shoal::exporting {
namespace {

constexpr std::int64_t kRow = 1;  // the axis along a row

std::string cast(OnnxGraph& graph, const std::string& value, OnnxType type) {
  return graph.node("Cast", {value}, {{"to", static_cast<std::int64_t>(type)}});
}

/// Side by side.
std::string joined(OnnxGraph& graph, const std::vector<std::string>& blocks) {
  const OnnxAttribute axis("axis", kRow);
  return blocks.size() == 1 ? blocks.front() : graph.node("Concat", blocks, std::span(&axis, 1));
}

std::string columns_of(OnnxGraph& graph, const std::string& value, std::span<const std::int64_t> columns) {
  return graph.node("Gather", {value, graph.constant(columns)}, {{"axis", kRow}});
}

bool is_numeric(const InputColumn& column) { return column.kind == InputColumn::Kind::numeric; }

bool has_no_names(const Preprocessing& p) {
  for (std::size_t c = 0; c < p.columns.size(); ++c) {
    if (!is_numeric(p.columns[c]) || p.columns[c].name != data::unnamed_column(c)) return false;
  }
  return true;
}

/// Builds the encoded inputs in blocks: all numbers, then all indicators, then each column's categories.
class Encoder {
 public:
  Encoder(OnnxGraph& graph, const Preprocessing& preprocessing) : graph_(graph), p_(preprocessing) {}

  EncodedInputs encoded() {
    add_inputs();
    if (!numbers_.empty()) add_numbers();
    for (std::size_t i = 0; i < texts_.size(); ++i) add_categories(*categorical_[i], texts_[i]);
    const OnnxAttribute axis("axes", std::span(&kRow, 1));
    const std::string some = graph_.node("ReduceMax", {joined(graph_, refusals_)}, {axis});
    return {in_order(), cast(graph_, some, OnnxType::boolean)};
  }

 private:
  void add_inputs() {
    const bool together = has_no_names(p_);
    if (together) {
      numbers_ = {graph_.input("inputs", OnnxType::real64, static_cast<std::int64_t>(p_.columns.size()))};
    }
    for (const InputColumn& column : p_.columns) {
      if (is_numeric(column)) {
        if (column.has_indicator) indicated_.push_back(static_cast<std::int64_t>(centres_.size()));
        centres_.push_back(column.centre);
        if (!together) numbers_.push_back(graph_.input(column.name, OnnxType::real64, 1));
      } else {
        categorical_.push_back(&column);
        texts_.push_back(graph_.input(column.name, OnnxType::text, 1));
      }
    }
  }

  void add_numbers() {
    const std::string far = graph_.node("Sub", {joined(graph_, numbers_), graph_.constant(std::span(centres_))});
    const std::string near = cast(graph_, far, OnnxType::real);
    blocks_.push_back(near);
    std::string wrong;
    if (p_.missing == MissingPolicy::error) {  // neither infinite nor NaN is less than infinite
      const float infinity = std::numeric_limits<float>::infinity();
      const std::string limit = graph_.constant(std::span(&infinity, 1), {1});
      wrong = graph_.node("Not", {graph_.node("Less", {graph_.node("Abs", {near}), limit})});
    } else {
      wrong = graph_.node("IsInf", {near});
    }
    const OnnxAttribute axis("axes", std::span(&kRow, 1));
    refusals_.push_back(graph_.node("ReduceMax", {cast(graph_, wrong, OnnxType::real)}, {axis}));
    if (indicated_.empty()) return;
    const std::string missing = graph_.node("IsNaN", {columns_of(graph_, near, indicated_)});
    blocks_.push_back(cast(graph_, missing, OnnxType::real));
  }

  void add_categories(const InputColumn& column, const std::string& text) {
    std::vector<std::string> keys = column.categories;
    const auto n = static_cast<std::int64_t>(keys.size());
    // Where no training row lacks a value, one that does is of no category at all.
    if (p_.missing == MissingPolicy::impute && std::ranges::find(keys, "") == keys.end()) keys.emplace_back();
    std::vector<std::int64_t> codes(keys.size());
    std::iota(codes.begin(), codes.end(), std::int64_t{0});
    const std::string code = graph_.node("LabelEncoder", {text},
                                         {{"keys_strings", std::span<const std::string>(keys)},
                                          {"values_int64s", std::span<const std::int64_t>(codes)},
                                          {"default_int64", std::int64_t{-1}}});
    const std::span<const std::int64_t> known(codes.data(), static_cast<std::size_t>(n));
    blocks_.push_back(cast(graph_, graph_.node("Equal", {code, graph_.constant(known)}), OnnxType::real));
    const std::int64_t zero = 0;
    const std::string unknown = graph_.node("Less", {code, graph_.constant(std::span(&zero, 1))});
    refusals_.push_back(cast(graph_, unknown, OnnxType::real));
  }

  /// The blocks' columns in the order in which the network has them.
  std::string in_order() {
    std::int64_t number = 0;
    auto indicator = static_cast<std::int64_t>(centres_.size());
    std::int64_t category = indicator + static_cast<std::int64_t>(indicated_.size());
    std::vector<std::int64_t> places;
    for (const InputColumn& column : p_.columns) {
      if (is_numeric(column)) {
        places.push_back(number++);
        if (column.has_indicator) places.push_back(indicator++);
      } else {
        for (std::size_t k = 0; k < column.categories.size(); ++k) places.push_back(category++);
      }
    }
    const std::string all = joined(graph_, blocks_);
    return std::ranges::is_sorted(places) ? all : columns_of(graph_, all, places);
  }

  OnnxGraph& graph_;
  const Preprocessing& p_;
  std::vector<double> centres_;          ///< of the numeric columns
  std::vector<std::int64_t> indicated_;  ///< of these, which have an indicator
  std::vector<const InputColumn*> categorical_;
  std::vector<std::string> numbers_, texts_;  ///< inputs of the model
  std::vector<std::string> blocks_;           ///< [N, ...] floats
  std::vector<std::string> refusals_;         ///< [N, 1] floats: 1 where a row is refused
};

}  // namespace

EncodedInputs encode_inputs(OnnxGraph& graph, const Preprocessing& preprocessing, const InputScaling& scaling) {
  const EncodedInputs raw = Encoder(graph, preprocessing).encoded();
  const std::vector<std::int64_t> shape{preprocessing.n_inputs};
  const std::string moved = graph.node("Sub", {raw.values, graph.constant(scaling.offset, shape)});
  const std::string scaled = graph.node("Mul", {moved, graph.constant(scaling.factor, shape)});
  const std::string missing = graph.node("IsNaN", {raw.values});
  return {graph.node("Where", {missing, graph.constant(scaling.fill, shape), scaled}), raw.refused};
}

}  // namespace shoal::exporting
