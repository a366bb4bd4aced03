#include "run/network_outputs.hpp"

#include "engine/definition.hpp"

namespace shoal::run {

std::vector<double> network_outputs(Engine& engine, const Dataset& dataset, const store::StoredNetwork& network,
                                    std::span<const float> rows) {
  std::vector<float> inputs(rows.size());
  scale_inputs(dataset.splits.at(network.trial.fold).inputs, rows, inputs);
  const std::vector<float> raw = engine.predict(network.trial, network.parameters, inputs);
  if (network.trial.topology.n_outputs != 1 || dataset.n_targets() != 2) return {raw.begin(), raw.end()};
  std::vector<double> both;  // two classes, one output: the second class's probability
  both.reserve(2 * raw.size());
  for (const float second : raw) both.insert(both.end(), {1.0 - static_cast<double>(second), second});
  return both;
}

}  // namespace shoal::run
