#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "engine/reference/reference.hpp"
#include "shoal/network.hpp"

namespace shoal::verify {

/// Draws that are the same with every standard library.
class Draw {
 public:
  explicit Draw(std::uint64_t seed) : bits_(seed) {}
  /// In [low, high).
  double uniform(double low, double high) { return low + (high - low) * static_cast<double>(bits_() >> 11U) * 0x1p-53; }
  /// In [low, high].
  std::int32_t integer(std::int32_t low, std::int32_t high) {
    return low + static_cast<std::int32_t>(bits_() % static_cast<std::uint64_t>(high - low + 1));
  }

 private:
  std::mt19937_64 bits_;
};

/// A small network of `depth` hidden layers, each with its own activation, and one output per target.
inline Topology random_topology(Draw& draw, std::int32_t depth, std::int32_t least_outputs) {
  Topology topology;
  topology.n_inputs = draw.integer(1, 4);
  for (std::int32_t l = 0; l < depth; ++l) {
    topology.hidden_layer_sizes.push_back(draw.integer(1, 5));
    topology.activations.push_back(
        static_cast<Activation>(draw.integer(0, static_cast<std::int32_t>(activation_names().size()) - 1)));
  }
  topology.n_outputs = draw.integer(least_outputs, 4);
  return topology;
}

inline std::vector<double> random_values(Draw& draw, std::size_t n, double low, double high) {
  std::vector<double> values(n);
  for (double& value : values) value = draw.uniform(low, high);
  return values;
}

/// Rows with targets that the loss can have: numbers, one class, or labels.
inline std::vector<reference::Example> random_rows(Draw& draw, const Topology& topology, Loss loss, bool weighted) {
  std::vector<reference::Example> rows(static_cast<std::size_t>(draw.integer(1, 6)));
  for (reference::Example& row : rows) {
    row.inputs = random_values(draw, static_cast<std::size_t>(topology.n_inputs), -1.5, 1.5);
    row.targets.assign(static_cast<std::size_t>(topology.n_outputs), 0.0);
    if (loss == Loss::cross_entropy) {
      row.targets[static_cast<std::size_t>(draw.integer(0, topology.n_outputs - 1))] = 1;
    } else {
      for (double& target : row.targets) {
        target = loss == Loss::binary_cross_entropy ? draw.integer(0, 1) : draw.uniform(-1.5, 1.5);
      }
    }
    if (weighted) row.weight = draw.uniform(0.25, 2.0);
  }
  return rows;
}

/// Drops about a third of the units of every hidden layer, a draw a row.
inline void drop_units(Draw& draw, const Topology& topology, std::vector<reference::Example>& rows) {
  for (reference::Example& row : rows) {
    for (const std::int32_t n_units : topology.hidden_layer_sizes) {
      std::vector<double>& factors = row.dropout.emplace_back();
      for (std::int32_t u = 0; u < n_units; ++u) factors.push_back(draw.integer(0, 2) == 0 ? 0.0 : 1.5);
    }
  }
}

}  // namespace shoal::verify
