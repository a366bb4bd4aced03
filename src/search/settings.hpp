#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "shoal/sweep.hpp"
#include "shoal/trial.hpp"

namespace shoal::search {

/// One setting of the parameters, before it meets a table.
struct Settings {
  Hyperparameters hyperparameters;
  std::vector<std::int32_t> hidden_layer_sizes{100};
  std::vector<Activation> activations{Activation::relu};  ///< one for all layers, or one a layer
  std::optional<std::uint64_t> seed;                      ///< where parameters.seed gives it
};

/// Sets parameter `name`. The value is of the parameter's type (checked when the sweep file was read).
void set_parameter(Settings& settings, std::string_view name, const ParameterValue& value);

/// Whether a setting uses the parameter: its solver, schedule, patience or shape.
[[nodiscard]] bool uses(const Settings& settings, std::string_view name);

/// Whether a parameter's value decides which others are used.
[[nodiscard]] bool controls(std::string_view name);

/// Every parameter that is used, by name, as text, in the order of parameter_names(); `seed` only where it is given.
[[nodiscard]] std::vector<std::pair<std::string_view, std::string>> used_parameters(const Settings& settings);

/// Hash of used_parameters(), whatever their order in any list.
[[nodiscard]] std::uint64_t identity(const Settings& settings);

/// Identity as text: 16 hexadecimal digits.
[[nodiscard]] std::string identity_text(const Settings& settings);

}  // namespace shoal::search
