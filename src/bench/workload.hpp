#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "shoal/bench.hpp"
#include "shoal/data.hpp"
#include "shoal/network.hpp"
#include "shoal/trial.hpp"

namespace shoal::bench {

/// The hidden layers of one network.
struct Kind {
  std::vector<std::int32_t> hidden_layer_sizes;
  Activation activation = Activation::relu;
};

/// How much of a workload is trained.
struct Size {
  std::uint32_t n_networks, n_rows, n_epochs;
};

/// Networks that are trained over one synthetic table, by sgd without momentum or by adam, all in the same row order.
struct Workload {
  std::string_view name;
  std::int32_t n_inputs, n_outputs;
  std::vector<Kind> kinds;  ///< network i is of kind i mod their number
  Loss loss;
  Solver solver;
  std::int32_t batch_size;
  Size size;                         ///< a second or two on two cores
  Size size_on_gpu;                  ///< what fills a large GPU
  double lowest_rate, highest_rate;  ///< of the networks, spread evenly on a logarithmic scale
  std::uint32_t n_checked;           ///< networks that the CPU engine trains alone too
};

/// The smallest networks first.
[[nodiscard]] const std::vector<Workload>& workloads();
/// One of them; InputError with the nearest name where there is none.
[[nodiscard]] const Workload& workload_named(std::string_view name);

/// Network `number` of a workload, parameters drawn from its number.
[[nodiscard]] Trial trial(const Workload& workload, std::uint32_t number);

/// Rows without validation, nothing scaled; every call gives the same. squared_error: y = sin x on a grid; classes: of
/// standard normal inputs by a random linear map.
[[nodiscard]] Dataset table(const Workload& workload);

/// What one network does for a row, the mean over all of the workload's networks.
[[nodiscard]] BenchWork work(const Workload& workload);

}  // namespace shoal::bench
