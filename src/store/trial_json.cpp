#include "store/trial_json.hpp"

#include <cmath>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "shoal/error.hpp"

namespace shoal::store {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

template <class Enum>
Enum word(const json& object, const char* key, std::optional<Enum> (*named)(std::string_view)) {
  const auto text = object.at(key).get<std::string>();
  const std::optional<Enum> value = named(text);
  if (!value) throw Error(std::string(key) + ": unknown word '" + text + "'");
  return *value;
}

ordered_json to_json(const Hyperparameters& h) {
  return {{"loss", name(h.loss)},
          {"huber_delta", h.huber_delta},
          {"label_smoothing", h.label_smoothing},
          {"class_weight", name(h.class_weight)},
          {"solver", name(h.solver)},
          {"learning_rate_init", h.learning_rate_init},
          {"learning_rate", name(h.learning_rate)},
          {"power_t", h.power_t},
          {"step_size", h.step_size},
          {"gamma", h.gamma},
          {"eta_min", h.eta_min},
          {"warmup_epochs", h.warmup_epochs},
          {"layer_rate", h.layer_rate},
          {"momentum", h.momentum},
          {"nesterovs_momentum", h.nesterovs_momentum},
          {"beta_1", h.beta_1},
          {"beta_2", h.beta_2},
          {"epsilon", h.epsilon},
          {"alpha", h.alpha},
          {"l1", h.l1},
          {"clip_norm", h.clip_norm},
          {"dropout", h.dropout},
          {"batch_size", h.batch_size},
          {"max_iter", h.max_iter},
          {"n_iter_no_change", h.n_iter_no_change},
          {"tol", h.tol},
          {"init", name(h.init)},
          {"init_range", h.init_range},
          {"init_file", h.init_file},
          {"bias_init", name(h.bias_init)},
          {"shuffle", name(h.shuffle)}};
}

Hyperparameters hyperparameters_from_json(const json& j) {
  Hyperparameters h;
  h.loss = word(j, "loss", loss_named);
  j.at("huber_delta").get_to(h.huber_delta);
  j.at("label_smoothing").get_to(h.label_smoothing);
  h.class_weight = word(j, "class_weight", class_weight_named);
  h.solver = word(j, "solver", solver_named);
  j.at("learning_rate_init").get_to(h.learning_rate_init);
  h.learning_rate = word(j, "learning_rate", schedule_named);
  j.at("power_t").get_to(h.power_t);
  j.at("step_size").get_to(h.step_size);
  j.at("gamma").get_to(h.gamma);
  j.at("eta_min").get_to(h.eta_min);
  j.at("warmup_epochs").get_to(h.warmup_epochs);
  j.at("layer_rate").get_to(h.layer_rate);
  j.at("momentum").get_to(h.momentum);
  j.at("nesterovs_momentum").get_to(h.nesterovs_momentum);
  j.at("beta_1").get_to(h.beta_1);
  j.at("beta_2").get_to(h.beta_2);
  j.at("epsilon").get_to(h.epsilon);
  j.at("alpha").get_to(h.alpha);
  j.at("l1").get_to(h.l1);
  j.at("clip_norm").get_to(h.clip_norm);
  j.at("dropout").get_to(h.dropout);
  j.at("batch_size").get_to(h.batch_size);
  j.at("max_iter").get_to(h.max_iter);
  j.at("n_iter_no_change").get_to(h.n_iter_no_change);
  j.at("tol").get_to(h.tol);
  h.init = word(j, "init", init_named);
  j.at("init_range").get_to(h.init_range);
  j.at("init_file").get_to(h.init_file);
  h.bias_init = word(j, "bias_init", bias_init_named);
  h.shuffle = word(j, "shuffle", shuffle_named);
  return h;
}

ordered_json to_json(const Topology& topology) {
  ordered_json activations = ordered_json::array();
  for (Activation activation : topology.activations) activations.push_back(name(activation));
  return {{"n_inputs", topology.n_inputs},
          {"hidden_layer_sizes", topology.hidden_layer_sizes},
          {"activations", activations},
          {"n_outputs", topology.n_outputs}};
}

Topology topology_from_json(const json& j) {
  Topology topology;
  j.at("n_inputs").get_to(topology.n_inputs);
  j.at("hidden_layer_sizes").get_to(topology.hidden_layer_sizes);
  j.at("n_outputs").get_to(topology.n_outputs);
  for (const json& entry : j.at("activations")) {
    const std::optional<Activation> activation = activation_named(entry.get<std::string>());
    if (!activation) throw Error("activations: unknown word '" + entry.get<std::string>() + "'");
    topology.activations.push_back(*activation);
  }
  return topology;
}

}  // namespace

ordered_json to_json(const Trial& trial) {
  return {{"id", trial.id},
          {"number", trial.number},
          {"setting", trial.setting},
          {"repeat", trial.repeat},
          {"fold", trial.fold},
          {"seed", trial.seed},
          {"shuffle_seed", trial.shuffle_seed},
          {"topology", to_json(trial.topology)},
          {"hyperparameters", to_json(trial.hyperparameters)}};
}

Trial trial_from_json(const json& j) try {
  Trial trial;
  j.at("id").get_to(trial.id);
  j.at("number").get_to(trial.number);
  j.at("setting").get_to(trial.setting);
  j.at("repeat").get_to(trial.repeat);
  j.at("fold").get_to(trial.fold);
  j.at("seed").get_to(trial.seed);
  j.at("shuffle_seed").get_to(trial.shuffle_seed);
  trial.topology = topology_from_json(j.at("topology"));
  trial.hyperparameters = hyperparameters_from_json(j.at("hyperparameters"));
  return trial;
} catch (const json::exception& error) {
  throw Error(std::string("not a trial: ") + error.what());
}

ordered_json to_json(const Takeover& takeover) {
  ordered_json out = {{"epoch", takeover.epoch}, {"parent", takeover.parent}, {"changes", takeover.changes}};
  if (!std::isnan(takeover.best_train_loss)) out["best_train_loss"] = takeover.best_train_loss;
  return out;
}

Takeover takeover_from_json(const json& j) {
  Takeover takeover;
  j.at("epoch").get_to(takeover.epoch);
  j.at("parent").get_to(takeover.parent);
  j.at("changes").get_to(takeover.changes);
  if (j.contains("best_train_loss")) j.at("best_train_loss").get_to(takeover.best_train_loss);
  return takeover;
}

ordered_json to_json(const MetricValues& values) {
  ordered_json out = ordered_json::object();
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const double value = values.values.at(i);
    const std::string key(name(static_cast<Metric>(i)));
    if (std::isfinite(value)) out[key] = value;
    if (std::isinf(value)) out[key] = value > 0 ? "inf" : "-inf";
  }
  return out;
}

MetricValues metrics_from_json(const json& j) {
  MetricValues out;
  for (const auto& [key, value] : j.items()) {
    const std::optional<Metric> metric = metric_named(key);
    if (!metric) throw Error("unknown metric '" + key + "'");
    constexpr double kInfinity = std::numeric_limits<double>::infinity();
    out.values[static_cast<std::size_t>(*metric)] =
        value.is_string() ? (value == "-inf" ? -kInfinity : kInfinity) : value.get<double>();
  }
  return out;
}

}  // namespace shoal::store
