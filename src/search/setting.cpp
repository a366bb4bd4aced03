#include "search/setting.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <utility>

#include "shoal/error.hpp"

namespace shoal::search {
namespace {

bool always(const Setting& /*setting*/) { return true; }
bool has_hidden_layers(const Setting& s) { return !s.hidden_layer_sizes.empty(); }
bool is_sgd(const Setting& s) { return s.hyperparameters.solver == Solver::sgd; }
bool is_adam(const Setting& s) { return corrects_bias(s.hyperparameters.solver); }
bool is_adaptive(const Setting& s) { return has_second_moment(s.hyperparameters.solver); }
bool has_momentum(const Setting& s) { return is_sgd(s) && s.hyperparameters.momentum > 0; }
bool counts_gains(const Setting& s) {
  return has_patience(s.hyperparameters) || s.hyperparameters.learning_rate == Schedule::adaptive;
}
template <Loss... losses>
bool minimises(const Setting& s) {
  return ((s.hyperparameters.loss == losses) || ...);
}
bool draws_parameters(const Setting& s) { return s.hyperparameters.init_file.empty(); }
bool is_uniform(const Setting& s) { return draws_parameters(s) && s.hyperparameters.init == Init::uniform; }
template <Schedule... schedules>
bool follows(const Setting& s) {
  return ((s.hyperparameters.learning_rate == schedules) || ...);
}

double as_double(const ParameterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

template <auto member>
constexpr Parameter number(std::string_view name, bool controlling, bool (*used)(const Setting&)) {
  return {name,
          controlling,
          used,
          [](const Setting& s) { return text(ParameterValue(s.hyperparameters.*member)); },
          [](Setting& s, const ParameterValue& value) { s.hyperparameters.*member = as_double(value); },
          [](Setting& s) { s.hyperparameters.*member = Hyperparameters{}.*member; }};
}

template <auto member>
constexpr Parameter whole(std::string_view name, bool controlling, bool (*used)(const Setting&)) {
  return {name,
          controlling,
          used,
          [](const Setting& s) { return std::to_string(s.hyperparameters.*member); },
          [](Setting& s, const ParameterValue& value) {
            s.hyperparameters.*member = static_cast<std::int32_t>(std::get<std::int64_t>(value));
          },
          [](Setting& s) { s.hyperparameters.*member = Hyperparameters{}.*member; }};
}

template <auto member, auto named>
constexpr Parameter word(std::string_view parameter_name, bool controlling, bool (*used)(const Setting&) = always) {
  return {parameter_name,
          controlling,
          used,
          [](const Setting& s) { return std::string(name(s.hyperparameters.*member)); },
          [](Setting& s, const ParameterValue& value) {
            s.hyperparameters.*member = named(std::get<std::string>(value)).value();
          },
          [](Setting& s) { s.hyperparameters.*member = Hyperparameters{}.*member; }};
}

std::string layer_sizes_text(const Setting& s) {
  return text(ParameterValue(std::vector<std::int64_t>(s.hidden_layer_sizes.begin(), s.hidden_layer_sizes.end())));
}

void set_layer_sizes(Setting& s, const ParameterValue& value) {
  s.hidden_layer_sizes.clear();
  if (const auto* one = std::get_if<std::int64_t>(&value)) {
    s.hidden_layer_sizes.push_back(static_cast<std::int32_t>(*one));
    return;
  }
  for (const std::int64_t size : std::get<std::vector<std::int64_t>>(value)) {
    s.hidden_layer_sizes.push_back(static_cast<std::int32_t>(size));
  }
}

std::string activation_text(const Setting& s) {
  if (std::ranges::adjacent_find(s.activations, std::ranges::not_equal_to{}) == s.activations.end()) {
    return std::string(name(s.activations.at(0)));
  }
  std::vector<std::string> words;
  for (const Activation activation : s.activations) words.emplace_back(name(activation));
  return text(ParameterValue(words));
}

void set_activation(Setting& s, const ParameterValue& value) {
  s.activations.clear();
  if (const auto* one = std::get_if<std::string>(&value)) {
    s.same_activation = true;
    s.activations.push_back(activation_named(*one).value());
    return;
  }
  s.same_activation = false;
  for (const std::string& one : std::get<std::vector<std::string>>(value)) {
    s.activations.push_back(activation_named(one).value());
  }
}

std::string init_text(const Setting& s) {
  const Hyperparameters& h = s.hyperparameters;
  return h.init_file.empty() ? std::string(name(h.init)) : h.init_file;
}

/// A scheme, or a file.
void set_init(Setting& s, const ParameterValue& value) {
  const auto& text = std::get<std::string>(value);
  const std::optional<Init> scheme = init_named(text);
  s.hyperparameters.init = scheme.value_or(Hyperparameters{}.init);
  s.hyperparameters.init_file = scheme ? "" : text;
}

using H = Hyperparameters;

/// In the order of results.csv's columns.
constexpr std::array kParameters{
    Parameter{"hidden_layer_sizes", true, always, layer_sizes_text, set_layer_sizes,
              [](Setting& s) { s.hidden_layer_sizes = {100}; }},
    Parameter{"activation", false, has_hidden_layers, activation_text, set_activation,
              [](Setting& s) { s.activations.clear(); }},
    word<&H::loss, loss_named>("loss", true),
    number<&H::huber_delta>("huber_delta", false, minimises<Loss::huber>),
    number<&H::label_smoothing>("label_smoothing", false, minimises<Loss::cross_entropy>),
    word<&H::class_weight, class_weight_named>("class_weight", false,
                                               minimises<Loss::cross_entropy, Loss::binary_cross_entropy>),
    word<&H::solver, solver_named>("solver", true),
    number<&H::learning_rate_init>("learning_rate_init", false, always),
    word<&H::learning_rate, schedule_named>("learning_rate", true),
    number<&H::power_t>("power_t", false, follows<Schedule::invscaling>),
    whole<&H::step_size>("step_size", false, follows<Schedule::step>),
    number<&H::gamma>("gamma", false, follows<Schedule::step, Schedule::exponential>),
    number<&H::eta_min>("eta_min", false, follows<Schedule::cosine, Schedule::warmup_cosine>),
    whole<&H::warmup_epochs>("warmup_epochs", false, follows<Schedule::warmup_cosine>),
    number<&H::layer_rate>("layer_rate", false, has_hidden_layers),
    number<&H::momentum>("momentum", true, is_sgd),
    Parameter{
        "nesterovs_momentum", false, has_momentum,
        [](const Setting& s) { return text(ParameterValue(s.hyperparameters.nesterovs_momentum)); },
        [](Setting& s, const ParameterValue& value) { s.hyperparameters.nesterovs_momentum = std::get<bool>(value); },
        [](Setting& s) { s.hyperparameters.nesterovs_momentum = H{}.nesterovs_momentum; }},
    number<&H::beta_1>("beta_1", false, is_adam),
    number<&H::beta_2>("beta_2", false, is_adaptive),
    number<&H::epsilon>("epsilon", false, is_adaptive),
    number<&H::alpha>("alpha", false, always),
    number<&H::l1>("l1", false, always),
    number<&H::clip_norm>("clip_norm", false, always),
    number<&H::dropout>("dropout", false, has_hidden_layers),
    Parameter{"batch_size", false, always,
              [](const Setting& s) {
                return s.hyperparameters.batch_size == 0 ? "full" : std::to_string(s.hyperparameters.batch_size);
              },
              [](Setting& s, const ParameterValue& value) {
                const auto* rows = std::get_if<std::int64_t>(&value);
                s.hyperparameters.batch_size = rows == nullptr ? 0 : static_cast<std::int32_t>(*rows);
              },
              [](Setting& s) { s.hyperparameters.batch_size = H{}.batch_size; }},
    whole<&H::max_iter>("max_iter", false, always),
    whole<&H::n_iter_no_change>("n_iter_no_change", true, always),
    number<&H::tol>("tol", false, counts_gains),
    Parameter{"init", true, always, init_text, set_init, [](Setting& s) { s.hyperparameters.init = H{}.init; }},
    number<&H::init_range>("init_range", false, is_uniform),
    word<&H::bias_init, bias_init_named>("bias_init", false, draws_parameters),
    word<&H::shuffle, shuffle_named>("shuffle", false),
    Parameter{"seed", false, [](const Setting& s) { return s.seed.has_value(); },
              [](const Setting& s) { return std::to_string(s.seed.value()); },
              [](Setting& s, const ParameterValue& value) {
                s.seed = static_cast<std::uint64_t>(std::get<std::int64_t>(value));
              },
              [](Setting& s) { s.seed.reset(); }},
};

constexpr auto kNames = [] {
  std::array<std::string_view, kParameters.size()> names;
  std::ranges::transform(kParameters, names.begin(), &Parameter::name);
  return names;
}();

/// Positions in kParameters by name, for the canonical text.
constexpr auto kSorted = [] {
  std::array<std::size_t, kParameters.size()> order{};
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [](std::size_t i) { return kParameters[i].name; });
  return order;
}();

}  // namespace

const Parameter& parameter(std::string_view name) {
  const auto* found = std::ranges::find(kParameters, name, &Parameter::name);
  if (found == kParameters.end()) throw Error("'" + std::string(name) + "' is not a parameter");
  return *found;
}

void settle(Setting& setting) {
  const std::size_t n_layers = setting.hidden_layer_sizes.size();
  if (setting.same_activation) {
    const Activation one = setting.activations.empty() ? Activation::relu : setting.activations[0];
    setting.activations.assign(n_layers, one);
  } else if (setting.activations.size() != n_layers) {
    throw Error("activation: " + std::to_string(setting.activations.size()) + " words for " + std::to_string(n_layers) +
                " hidden layers");
  }
  for (const Parameter& one : kParameters) {
    if (!one.used(setting)) one.reset(setting);
  }
}

std::string canonical_text(const Setting& settled) {
  std::string out;
  out.reserve(512);
  for (const std::size_t i : kSorted) {
    const Parameter& one = kParameters[i];
    if (!one.used(settled)) continue;
    out += one.name;
    out += '=';
    out += one.text(settled);
    out += '\n';
  }
  return out;
}

std::uint64_t hash(std::string_view text) {
  std::uint64_t h = 0xCBF29CE484222325U;
  for (const char c : text) h = (h ^ static_cast<unsigned char>(c)) * 0x100000001B3U;
  h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCDU;
  h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53U;
  return h ^ (h >> 33);
}

std::string id_text(std::uint64_t hash) { return fmt::format("{:016x}", hash); }

std::string id_of(const Setting& settled) { return id_text(hash(canonical_text(settled))); }

Setting setting_of(const Trial& trial) {
  Setting setting;
  setting.hyperparameters = trial.hyperparameters;
  setting.hidden_layer_sizes = trial.topology.hidden_layer_sizes;
  setting.activations = trial.topology.activations;
  setting.same_activation = false;
  return setting;
}

}  // namespace shoal::search

namespace shoal {

std::vector<std::pair<std::string_view, std::string>> parameters_of(const Trial& trial) {
  search::Setting setting = search::setting_of(trial);
  setting.seed = trial.seed;
  std::vector<std::pair<std::string_view, std::string>> out;
  for (const search::Parameter& one : search::kParameters) {
    out.emplace_back(one.name, one.used(setting) ? one.text(setting) : "");
  }
  return out;
}

std::span<const std::string_view> parameter_names() { return search::kNames; }

std::string setting_id(const Trial& trial) {
  if (!trial.id.empty()) return trial.id.substr(0, trial.id.find('.'));
  search::Setting setting = search::setting_of(trial);
  search::settle(setting);
  return search::id_of(setting);
}

}  // namespace shoal
