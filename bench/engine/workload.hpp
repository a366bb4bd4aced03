#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/data.hpp"
#include "shoal/network.hpp"
#include "shoal/trial.hpp"

namespace shoal::bench {

/// The hidden layers of one network.
struct Kind {
  std::vector<std::int32_t> hidden_layer_sizes;
  Activation activation = Activation::relu;
};

/// Networks that are trained over one synthetic table with plain sgd, all in the same row order.
struct Workload {
  std::string_view name;
  std::int32_t n_inputs, n_outputs;
  std::vector<Kind> kinds;  ///< network i is of kind i mod their number
  Loss loss;
  std::int32_t batch_size;
  std::uint32_t n_networks, n_rows, n_epochs;
  double lowest_rate, highest_rate;  ///< of the networks, spread evenly on a logarithmic scale
  std::uint32_t n_checked;           ///< networks that the CPU engine trains too
};

[[nodiscard]] const std::vector<Workload>& workloads();

/// Network `number` of a workload, parameters drawn from its number.
[[nodiscard]] Trial trial(const Workload& workload, std::uint32_t number);

/// Rows without validation, nothing scaled; every call gives the same. squared_error: y = sin x on a grid; classes: of
/// standard normal inputs by a random linear map.
[[nodiscard]] Dataset table(const Workload& workload);

/// Parameters of all networks.
[[nodiscard]] std::uint64_t n_parameters(const Workload& workload);

}  // namespace shoal::bench
