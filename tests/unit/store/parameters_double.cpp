#include <array>
#include <string>

#include "shoal/sweep.hpp"

namespace shoal {

std::span<const std::string_view> parameter_names() {
  static constexpr std::array<std::string_view, 3> kNames{"hidden_layer_sizes", "momentum", "note, \"quoted\""};
  return kNames;
}

std::vector<std::pair<std::string_view, std::string>> parameters_of(const Trial& trial) {
  std::string sizes;
  for (std::int32_t size : trial.topology.hidden_layer_sizes)
    sizes += (sizes.empty() ? "" : ", ") + std::to_string(size);
  const auto names = parameter_names();
  const bool is_sgd = trial.hyperparameters.solver == Solver::sgd;
  return {{names[0], "[" + sizes + "]"}, {names[1], is_sgd ? "0.9" : ""}, {names[2], "say \"hi\""}};
}

}  // namespace shoal
