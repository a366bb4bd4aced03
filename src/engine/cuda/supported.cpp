#include "engine/cuda/supported.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {
namespace {

std::string known_shapes() {
  std::string known;
  for (const ShapeSize& s : shapes()) {
    known += (known.empty() ? "" : ", ") + std::to_string(s.n_inputs) + "-" + std::to_string(s.n_hidden_1) + "-" +
             std::to_string(s.n_hidden_2) + "-" + std::to_string(s.n_outputs);
  }
  return known;
}

}  // namespace

std::size_t shape_of(const Topology& t) {
  const std::span<const ShapeSize> all = shapes();
  if (t.hidden_layer_sizes.size() != 2) return all.size();
  const auto equal = [](std::uint32_t a, std::int32_t b) { return static_cast<std::int64_t>(a) == b; };
  const auto found = std::ranges::find_if(all, [&](const ShapeSize& s) {
    return equal(s.n_inputs, t.n_inputs) && equal(s.n_hidden_1, t.hidden_layer_sizes[0]) &&
           equal(s.n_hidden_2, t.hidden_layer_sizes[1]) && equal(s.n_outputs, t.n_outputs);
  });
  return static_cast<std::size_t>(found - all.begin());
}

std::string why_not(const Trial& trial, const EngineOptions& options) {
  const Hyperparameters& h = trial.hyperparameters;
  if (shape_of(trial.topology) == shapes().size()) {
    return "engine cuda has kernels for the shapes " + known_shapes() + " only";
  }
  for (const Activation activation : trial.topology.activations) {
    if (activation > Activation::tanh) return "engine cuda does not do activation = " + std::string(name(activation));
  }
  if (h.solver != Solver::sgd) return "engine cuda does not do solver = " + std::string(name(h.solver));
  if (h.loss != Loss::squared_error && h.loss != Loss::half_squared_error) {
    return "engine cuda does not do loss = " + std::string(name(h.loss));
  }
  const std::array<std::pair<bool, const char*>, 6> refused{
      {{h.learning_rate == Schedule::adaptive, "learning_rate = adaptive"},
       {h.l1 != 0, "l1"},
       {h.clip_norm != 0, "clip_norm"},
       {h.dropout != 0, "dropout"},
       {h.layer_rate != 1, "layer_rate"},
       {h.class_weight != ClassWeight::none, "class_weight"}}};
  for (const auto& [asked, what] : refused) {
    if (asked) return std::string("engine cuda does not do ") + what;
  }
  if (options.metric != Metric::val_loss && options.metric != Metric::train_loss) {
    return "engine cuda does not compute metric " + std::string(name(options.metric)) +
           ", only val_loss and train_loss";
  }
  return {};
}

}  // namespace shoal::cuda
