#include "search/settings.hpp"

#include <algorithm>
#include <array>
#include <fmt/format.h>
#include <functional>

#include "shoal/error.hpp"

namespace shoal::search {
namespace {

double as_number(const ParameterValue& value) {
  if (const auto* whole = std::get_if<std::int64_t>(&value)) return static_cast<double>(*whole);
  return std::get<double>(value);
}

std::int32_t as_whole(const ParameterValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return static_cast<std::int32_t>(*number);
  return static_cast<std::int32_t>(std::get<std::int64_t>(value));
}

template <class Named>
auto as_word(const ParameterValue& value, Named named) {
  return named(std::get<std::string>(value)).value();
}

std::string number(double value) { return fmt::format("{}", value); }
std::string word(std::string_view text) { return std::string(text); }

std::string sizes_text(const Settings& s) {
  std::string out = "[";
  for (const std::int32_t size : s.hidden_layer_sizes) out += fmt::format("{}{}", out.size() > 1 ? ", " : "", size);
  return out + "]";
}

std::string activations_text(const Settings& s) {
  if (std::ranges::all_of(s.activations, [&](Activation a) { return a == s.activations.front(); })) {
    return word(name(s.activations.front()));
  }
  std::string out = "[";
  for (const Activation a : s.activations) out += fmt::format("{}{}", out.size() > 1 ? ", " : "", name(a));
  return out + "]";
}

bool is_sgd(const Settings& s) { return s.hyperparameters.solver == Solver::sgd; }
bool is_adam(const Settings& s) { return s.hyperparameters.solver == Solver::adam; }
template <Schedule schedule>
bool has_schedule(const Settings& s) {
  return s.hyperparameters.learning_rate == schedule;
}
bool always(const Settings&) { return true; }

/// All that is to say of a parameter: how it is set, when it is used, how it reads.
struct Entry {
  std::string_view name;
  void (*set)(Settings&, const ParameterValue&);
  bool (*used)(const Settings&);
  std::string (*text)(const Settings&);
  bool controls = false;
};

using S = Settings;
using V = ParameterValue;
using H = Hyperparameters;

template <double H::*field>
void set_number(S& s, const V& v) {
  s.hyperparameters.*field = as_number(v);
}
template <double H::*field>
std::string number_text(const S& s) {
  return number(s.hyperparameters.*field);
}
template <std::int32_t H::*field>
void set_whole(S& s, const V& v) {
  s.hyperparameters.*field = as_whole(v);
}
template <std::int32_t H::*field>
std::string whole_text(const S& s) {
  return std::to_string(s.hyperparameters.*field);
}

constexpr std::array kEntries{
    Entry{"hidden_layer_sizes",
          [](S& s, const V& v) {
            const auto& sizes = std::get<std::vector<std::int64_t>>(v);
            s.hidden_layer_sizes.assign(sizes.begin(), sizes.end());
          },
          always, sizes_text, true},
    Entry{"activation",
          [](S& s, const V& v) {
            s.activations.clear();
            if (const auto* one = std::get_if<std::string>(&v)) s.activations.push_back(activation_named(*one).value());
            if (const auto* list = std::get_if<std::vector<std::string>>(&v)) {
              for (const std::string& each : *list) s.activations.push_back(activation_named(each).value());
            }
          },
          [](const S& s) { return !s.hidden_layer_sizes.empty() && !s.activations.empty(); }, activations_text, true},
    Entry{"loss", [](S& s, const V& v) { s.hyperparameters.loss = as_word(v, loss_named); }, always,
          [](const S& s) { return word(name(s.hyperparameters.loss)); }},
    Entry{"solver", [](S& s, const V& v) { s.hyperparameters.solver = as_word(v, solver_named); }, always,
          [](const S& s) { return word(name(s.hyperparameters.solver)); }, true},
    Entry{"learning_rate_init", set_number<&H::learning_rate_init>, always, number_text<&H::learning_rate_init>},
    Entry{"learning_rate", [](S& s, const V& v) { s.hyperparameters.learning_rate = as_word(v, schedule_named); },
          always, [](const S& s) { return word(name(s.hyperparameters.learning_rate)); }, true},
    Entry{"power_t", set_number<&H::power_t>, has_schedule<Schedule::invscaling>, number_text<&H::power_t>},
    Entry{"step_size", set_whole<&H::step_size>, has_schedule<Schedule::step>, whole_text<&H::step_size>},
    Entry{"gamma", set_number<&H::gamma>, has_schedule<Schedule::step>, number_text<&H::gamma>},
    Entry{"eta_min", set_number<&H::eta_min>, has_schedule<Schedule::cosine>, number_text<&H::eta_min>},
    Entry{"momentum", set_number<&H::momentum>, is_sgd, number_text<&H::momentum>, true},
    Entry{"nesterovs_momentum", [](S& s, const V& v) { s.hyperparameters.nesterovs_momentum = std::get<bool>(v); },
          [](const S& s) { return is_sgd(s) && s.hyperparameters.momentum > 0; },
          [](const S& s) { return word(s.hyperparameters.nesterovs_momentum ? "true" : "false"); }},
    Entry{"beta_1", set_number<&H::beta_1>, is_adam, number_text<&H::beta_1>},
    Entry{"beta_2", set_number<&H::beta_2>, is_adam, number_text<&H::beta_2>},
    Entry{"epsilon", set_number<&H::epsilon>, is_adam, number_text<&H::epsilon>},
    Entry{"alpha", set_number<&H::alpha>, always, number_text<&H::alpha>},
    Entry{"batch_size",
          [](S& s, const V& v) {
            s.hyperparameters.batch_size = std::holds_alternative<std::string>(v) ? 0 : as_whole(v);
          },
          always,
          [](const S& s) {
            return s.hyperparameters.batch_size == 0 ? word("full") : std::to_string(s.hyperparameters.batch_size);
          }},
    Entry{"max_iter", set_whole<&H::max_iter>, always, whole_text<&H::max_iter>},
    Entry{"n_iter_no_change", set_whole<&H::n_iter_no_change>, always, whole_text<&H::n_iter_no_change>, true},
    Entry{"tol", set_number<&H::tol>, [](const S& s) { return s.hyperparameters.n_iter_no_change > 0; },
          number_text<&H::tol>},
    Entry{"init", [](S& s, const V& v) { s.hyperparameters.init = as_word(v, init_named); }, always,
          [](const S& s) { return word(name(s.hyperparameters.init)); }},
    Entry{"bias_init", [](S& s, const V& v) { s.hyperparameters.bias_init = as_word(v, bias_init_named); }, always,
          [](const S& s) { return word(name(s.hyperparameters.bias_init)); }},
    Entry{"shuffle", [](S& s, const V& v) { s.hyperparameters.shuffle = as_word(v, shuffle_named); }, always,
          [](const S& s) { return word(name(s.hyperparameters.shuffle)); }},
    Entry{"seed",
          [](S& s, const V& v) {
            s.seed = std::holds_alternative<std::int64_t>(v) ? static_cast<std::uint64_t>(std::get<std::int64_t>(v))
                                                             : static_cast<std::uint64_t>(std::get<double>(v));
          },
          [](const S& s) { return s.seed.has_value(); }, [](const S& s) { return std::to_string(s.seed.value()); }},
};

const Entry& entry_of(std::string_view name) {
  const auto* found = std::ranges::find(kEntries, name, &Entry::name);
  if (found == kEntries.end()) throw Error(fmt::format("there is no parameter '{}'", name));
  return *found;
}

constexpr std::array<std::string_view, kEntries.size()> kNames = [] {
  std::array<std::string_view, kEntries.size()> names;
  for (std::size_t i = 0; i < kEntries.size(); ++i) names[i] = kEntries[i].name;
  return names;
}();

Settings settings_of(const Trial& trial) {
  Settings s;
  s.hyperparameters = trial.hyperparameters;
  s.hidden_layer_sizes = trial.topology.hidden_layer_sizes;
  s.activations = trial.topology.activations;
  s.seed = trial.seed;
  return s;
}

}  // namespace

void set_parameter(Settings& settings, std::string_view name, const ParameterValue& value) {
  entry_of(name).set(settings, value);
}

bool uses(const Settings& settings, std::string_view name) { return entry_of(name).used(settings); }
bool controls(std::string_view name) { return entry_of(name).controls; }

std::vector<std::pair<std::string_view, std::string>> used_parameters(const Settings& settings) {
  std::vector<std::pair<std::string_view, std::string>> used;
  for (const Entry& entry : kEntries) {
    if (entry.used(settings)) used.emplace_back(entry.name, entry.text(settings));
  }
  return used;
}

std::uint64_t identity(const Settings& settings) {
  auto used = used_parameters(settings);
  std::ranges::sort(used);
  constexpr std::uint64_t kPrime = 1099511628211ULL;  // FNV-1a, its result mixed once more by SplitMix64's finaliser
  std::uint64_t hash = 14695981039346656037ULL;
  for (const auto& [name, text] : used) {
    for (const std::string_view part : {name, std::string_view("="), std::string_view(text), std::string_view("\n")}) {
      for (const char c : part) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
    }
  }
  hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9ULL;
  hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EBULL;
  return hash ^ (hash >> 31);
}

std::string identity_text(const Settings& settings) { return fmt::format("{:016x}", identity(settings)); }

}  // namespace shoal::search

namespace shoal {

std::span<const std::string_view> parameter_names() { return search::kNames; }

std::vector<std::pair<std::string_view, std::string>> parameters_of(const Trial& trial) {
  const search::Settings settings = search::settings_of(trial);
  std::vector<std::pair<std::string_view, std::string>> all;
  for (const search::Entry& entry : search::kEntries) {
    all.emplace_back(entry.name, entry.used(settings) ? entry.text(settings) : std::string());
  }
  return all;
}

}  // namespace shoal
