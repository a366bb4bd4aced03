#include "run/stored_preprocessing.hpp"

#include <cmath>
#include <cstddef>
#include <limits>
#include <string>

#include "shoal/error.hpp"

namespace shoal::run {
namespace {

using nlohmann::json;

/// JSON has no NaN: null stands for it.
template <class T>
std::vector<T> numbers(const json& array) {
  std::vector<T> values;
  for (const json& value : array) {
    values.push_back(value.is_null() ? std::numeric_limits<T>::quiet_NaN() : value.get<T>());
  }
  return values;
}

json column_json(const InputColumn& column) {
  if (column.kind == InputColumn::Kind::categorical) {
    return {{"name", column.name}, {"kind", "categorical"}, {"categories", column.categories}};
  }
  return {{"name", column.name}, {"kind", "numeric"}, {"centre", column.centre}, {"indicator", column.has_indicator}};
}

InputColumn column_from(const json& from) {
  InputColumn column;
  column.name = from.at("name").get<std::string>();
  if (from.at("kind") == "categorical") {
    column.kind = InputColumn::Kind::categorical;
    column.categories = from.at("categories").get<std::vector<std::string>>();
  } else {
    column.centre = from.at("centre").get<double>();
    column.has_indicator = from.at("indicator").get<bool>();
  }
  return column;
}

}  // namespace

json preprocessing_json(const Preprocessing& p) {
  json columns = json::array();
  for (const InputColumn& column : p.columns) columns.push_back(column_json(column));
  return {{"task", name(p.task)},  {"missing", p.missing == MissingPolicy::impute ? "impute" : "error"},
          {"columns", columns},    {"targets", p.target_names},
          {"classes", p.classes},  {"target_centre", p.target_centre},
          {"n_inputs", p.n_inputs}};
}

Preprocessing preprocessing_from(const json& from) {
  Preprocessing p;
  const auto task = task_named(from.at("task").get<std::string>());
  if (!task) throw Error("the manifest names an unknown task");
  p.task = *task;
  p.missing = from.at("missing") == "impute" ? MissingPolicy::impute : MissingPolicy::error;
  for (const json& column : from.at("columns")) p.columns.push_back(column_from(column));
  p.target_names = from.at("targets").get<std::vector<std::string>>();
  p.classes = from.at("classes").get<std::vector<std::string>>();
  p.target_centre = numbers<double>(from.at("target_centre"));
  p.n_inputs = from.at("n_inputs").get<std::int32_t>();
  return p;
}

json splits_json(std::span<const Split> splits) {
  json all = json::array();
  for (const Split& split : splits) {
    all.push_back({{"offset", split.inputs.offset},
                   {"factor", split.inputs.factor},
                   {"fill", split.inputs.fill},
                   {"target_offset", split.targets.offset},
                   {"target_factor", split.targets.factor},
                   {"target_unit", split.targets.unit}});
  }
  return all;
}

std::vector<Split> splits_from(const json& from) {
  std::vector<Split> all;
  for (const json& one : from) {
    Split& split = all.emplace_back();
    split.inputs = {numbers<float>(one.at("offset")), numbers<float>(one.at("factor")), numbers<float>(one.at("fill"))};
    split.targets = {numbers<float>(one.at("target_offset")), numbers<float>(one.at("target_factor")),
                     numbers<double>(one.at("target_unit"))};
  }
  return all;
}

void scale_rows(const InputScaling& scaling, std::span<float> inputs) {
  const std::size_t n_inputs = scaling.offset.size();
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::size_t column = i % n_inputs;
    inputs[i] =
        std::isnan(inputs[i]) ? scaling.fill[column] : (inputs[i] - scaling.offset[column]) * scaling.factor[column];
  }
}

double in_table_units(const Preprocessing& preprocessing, const TargetScaling& scaling, std::size_t output,
                      float value) {
  const double centre = output < preprocessing.target_centre.size() ? preprocessing.target_centre[output] : 0.0;
  return static_cast<double>(value) / static_cast<double>(scaling.factor[output]) +
         static_cast<double>(scaling.offset[output]) + centre;
}

}  // namespace shoal::run
