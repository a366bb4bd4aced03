#include "engine/cpu/pass.hpp"

#include <algorithm>

#include "engine/cpu/network_layout.hpp"
#include "engine/definition.hpp"
#include "kernels/math/sum32.hpp"

namespace shoal::cpu {

std::vector<float> predict(Minibatch& minibatch, const Trial& trial, std::span<const float> parameters,
                           std::span<const float> inputs) {
  const NetworkLayout layout(trial.topology);
  AlignedFloats weights(layout.n_floats());
  layout.pack(parameters, weights.data());
  minibatch.shape(layout, kBlockRows, false);
  const auto n_in = static_cast<std::size_t>(trial.topology.n_inputs);
  const std::size_t n_rows = inputs.size() / n_in;
  std::vector<float> outputs;
  for (std::size_t first = 0; first < n_rows; first += kBlockRows) {
    const std::size_t count = std::min(kBlockRows, n_rows - first);
    minibatch.take_inputs(inputs.subspan(first * n_in, count * n_in), count);
    minibatch.evaluate(weights.data(), trial.hyperparameters);
    for (std::size_t r = 0; r < count; ++r) {
      const std::span<const float> row = minibatch.outputs(r);
      outputs.insert(outputs.end(), row.begin(), row.end());
    }
  }
  return outputs;
}

Pass pass(const Dataset& dataset, Minibatch& minibatch, const Trial& trial, std::span<const float> parameters,
          std::span<const std::uint32_t> rows) {
  const NetworkLayout layout(trial.topology);
  AlignedFloats weights(layout.n_floats());
  layout.pack(parameters, weights.data());
  minibatch.shape(layout, rows.size(), false);
  const Hyperparameters& h = trial.hyperparameters;
  const Split& split = dataset.splits.at(trial.fold);
  minibatch.gather(split, h.loss, rows, class_weights(dataset, split, h.class_weight));
  minibatch.forward(weights.data(), h, nullptr);
  Pass found;
  AlignedFloats z;
  for (std::size_t l = 0; l < layout.layers().size(); ++l) {
    const Layer& layer = layout.layers()[l];
    minibatch.layer_inputs(l, weights.data(), z);
    found.z.emplace_back();
    found.a.emplace_back();
    for (std::size_t r = 0; r < rows.size(); ++r) {
      const float* row = z.data() + r * layer.output_stride;
      found.z.back().insert(found.z.back().end(), row, row + layer.n_out);
      const std::span<const float> a = minibatch.activations(l + 1, r);
      found.a.back().insert(found.a.back().end(), a.begin(), a.end());
    }
  }
  math::Sum32 loss;
  math::Sum32 weight;
  minibatch.add_row_losses(loss, weight);
  found.loss = loss.total() / weight.total();
  minibatch.backward();
  minibatch.finish_gradient(h, weights.data());
  std::vector<float> gradient(layout.n_parameters());
  layout.unpack(minibatch.gradient(), gradient);
  found.gradient.assign(gradient.begin(), gradient.end());
  return found;
}

}  // namespace shoal::cpu
