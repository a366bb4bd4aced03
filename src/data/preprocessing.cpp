#include "data/preprocessing.hpp"

#include <nlohmann/json.hpp>

#include "shoal/error.hpp"

namespace shoal {
namespace {

using nlohmann::json;

std::string text_of(const json& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace

std::string to_json(const Preprocessing& p) {
  json columns = json::array();
  for (const InputColumn& column : p.columns) {
    if (column.kind == InputColumn::Kind::categorical) {
      columns.push_back({{"name", column.name}, {"categories", column.categories}});
    } else {
      columns.push_back({{"name", column.name}, {"centre", column.centre}, {"has_indicator", column.has_indicator}});
    }
  }
  return text_of({{"task", name(p.task)},
                  {"header", p.header ? json(*p.header) : json()},
                  {"missing", p.missing == MissingPolicy::impute ? "impute" : "error"},
                  {"columns", columns},
                  {"target_names", p.target_names},
                  {"classes", p.classes},
                  {"target_centre", p.target_centre},
                  {"n_inputs", p.n_inputs}});
}

Preprocessing preprocessing_from_json(std::string_view text) {
  const json document = json::parse(text);
  Preprocessing p;
  const std::optional<Task> task = task_named(document.at("task").get<std::string>());
  if (!task) throw Error("preprocessing: unknown task " + document.at("task").dump());
  p.task = *task;
  if (const json& header = document.at("header"); !header.is_null()) p.header = header.get<bool>();
  p.missing = document.at("missing") == "impute" ? MissingPolicy::impute : MissingPolicy::error;
  for (const json& entry : document.at("columns")) {
    InputColumn column;
    column.name = entry.at("name");
    if (entry.contains("categories")) {
      column.kind = InputColumn::Kind::categorical;
      column.categories = entry.at("categories").get<std::vector<std::string>>();
    } else {
      column.centre = entry.at("centre");
      column.has_indicator = entry.at("has_indicator");
    }
    p.columns.push_back(std::move(column));
  }
  p.target_names = document.at("target_names").get<std::vector<std::string>>();
  p.classes = document.at("classes").get<std::vector<std::string>>();
  p.target_centre = document.at("target_centre").get<std::vector<double>>();
  p.n_inputs = document.at("n_inputs");
  return p;
}

std::string to_json(const Split& split) {
  return text_of(
      {{"inputs", {{"offset", split.inputs.offset}, {"factor", split.inputs.factor}, {"fill", split.inputs.fill}}},
       {"targets",
        {{"offset", split.targets.offset}, {"factor", split.targets.factor}, {"unit", split.targets.unit}}}});
}

Split split_from_json(std::string_view text) {
  const json document = json::parse(text);
  Split split;
  const auto floats = [](const json& list) { return list.get<std::vector<float>>(); };
  const json& inputs = document.at("inputs");
  const json& targets = document.at("targets");
  split.inputs = {floats(inputs.at("offset")), floats(inputs.at("factor")), floats(inputs.at("fill"))};
  split.targets = {floats(targets.at("offset")), floats(targets.at("factor")),
                   targets.at("unit").get<std::vector<double>>()};
  return split;
}

}  // namespace shoal
