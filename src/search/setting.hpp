#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/sweep.hpp"
#include "shoal/trial.hpp"

namespace shoal::search {

/// One combination of parameters before it is bound to a table, a repeat and a fold.
struct Setting {
  Hyperparameters hyperparameters;
  std::vector<std::int32_t> hidden_layer_sizes{100};
  std::vector<Activation> activations{Activation::relu};
  bool same_activation = true;  ///< `activations` is one word for all layers; false: one a layer
  std::optional<std::uint64_t> seed;
};

/// What the search knows of one parameter.
struct Parameter {
  std::string_view name;
  bool controlling;  ///< its value decides which other parameters are used
  bool (*used)(const Setting&);
  std::string (*text)(const Setting&);
  void (*set)(Setting&, const ParameterValue&);
  void (*reset)(Setting&);  ///< to the default
};

/// Throws Error for a name that is no parameter: the sweep file's reader lets none through.
[[nodiscard]] const Parameter& parameter(std::string_view name);

/// One activation a hidden layer, and every unused parameter at its default. Throws Error where a list of activations
/// does not fit the layers.
void settle(Setting& setting);

/// `name=value` lines of the used parameters, sorted by name. Equal texts: equal settings.
[[nodiscard]] std::string canonical_text(const Setting& settled);
/// 64-bit FNV-1a with a finalizer that mixes the high bits (MurmurHash3's).
[[nodiscard]] std::uint64_t hash(std::string_view text);
/// The 16 hexadecimal digits that a hash is as an id.
[[nodiscard]] std::string id_text(std::uint64_t hash);
[[nodiscard]] std::string id_of(const Setting& settled);
/// A trial's setting, with a list of activations and without a seed.
[[nodiscard]] Setting setting_of(const Trial& trial);

}  // namespace shoal::search
