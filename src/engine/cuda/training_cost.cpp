#include "engine/cuda/training_cost.hpp"

#include <algorithm>
#include <cmath>

#include "engine/cuda/patch_choice.hpp"
#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {
namespace {

// Instructions, counted in the code for sm_90a; those of products: patch_choice.hpp.
constexpr double kOfActivation = 45;
constexpr double kOfOutput = 40;
constexpr double kOfInputs = 20;   ///< four of a row
constexpr double kOfStep = 8;      ///< a parameter
constexpr double kOfMoments = 60;  ///< the same where the solver divides by a second moment
constexpr double kOfTile = 300;    ///< barriers and what one thread does alone

// The same of a thread that has a network (docs/decisions/thread-per-network.md): of a row, beside its parameters and
// units, of a validation row, of a step and of an epoch's end.
constexpr double kOfThreadRow = 18;
constexpr double kOfThreadParameter = 2.75;
constexpr double kOfThreadExponential = 53;
constexpr double kOfMeasuredRow = 10;
constexpr double kOfMeasuredParameter = 1.3;
constexpr double kOfThreadStep = 8;  ///< a parameter
constexpr double kOfThreadMoments = 45;
constexpr double kOfThreadEpoch = 300;
constexpr double kOfAnything = 2;  ///< times as many where networks are not plain

// Tensor cores: a term beside one of fp32, by the shared memory's share (docs/decisions/tensor-cores.md).
constexpr double kOfTf32Term = 0.14;
constexpr double kOfBf16Term = 0.07;

// Layer by layer: elements of a tile on both sides, kernels of a minibatch beside three a layer, bytes of a parameter
// and of a unit of a row (docs/decisions/cohorts.md).
constexpr double kTile = 64;
constexpr double kLaunchesBeside = 3;
constexpr double kBytesOfParameter = 40;
constexpr double kBytesOfUnit = 32;

/// Of a launch: what the host uploads for one stays small.
constexpr double kMostEpochs = 64;

/// Instructions of warps.
struct Work {
  double longest = 0;  ///< of the warp that has most to do
  double all = 0;      ///< of all warps of the block
};

/// Adds up what a block does.
class Counter {
 public:
  explicit Counter(std::uint32_t n_threads) : n_threads_(n_threads) {}
  /// n pieces of work, a thread each.
  void add(std::uint32_t n, double instructions) {
    work_.longest += std::ceil(n / n_threads_) * instructions;
    work_.all += std::ceil(n / static_cast<double>(kWarpLanes)) * instructions;
  }
  /// By every thread.
  void add(double instructions) {
    work_.longest += instructions;
    work_.all += n_threads_ / kWarpLanes * instructions;
  }
  [[nodiscard]] Work work() const { return work_; }

 private:
  double n_threads_;
  Work work_;
};

bool is_selection(Act act) { return act == Act::relu || act == Act::leaky_relu || act == Act::identity; }

double activation(const Layer& layer) { return is_selection(layer.activation) ? kOfSelection : kOfActivation; }

double of_term(const NetworkShape& shape) {
  if (shape.operands == Operands::fp32) return 1;
  return shape.operands == Operands::tf32 ? kOfTf32Term : kOfBf16Term;
}

/// A product of a tile with n_columns, `finish` to finish an element.
void add_product(Counter& counter, PatchSize patch, std::uint32_t n_columns, double depth, double finish) {
  counter.add(tile_patches(n_columns, patch),
              depth / 4.0 * instructions_of_four_terms(patch) + patch.rows * patch.columns * finish + kAroundProduct);
}

void add_forward(Counter& counter, const NetworkShape& shape) {
  counter.add(kOfTile);
  counter.add(kTileRows * ((shape.layers.front().n_in + 3) / 4), kOfInputs);
  for (const Layer& layer : shape.layers) {
    add_product(counter, layer.forward_patch, layer.n_out, layer.n_in * of_term(shape), activation(layer));
  }
  counter.add(kTileRows * shape.layers.back().n_out, kOfOutput);
}

void add_backward(Counter& counter, const NetworkShape& shape) {
  for (const Layer& layer : shape.layers) {
    counter.add(gradient_patches(layer, layer.gradient_patch),
                kTileRows * instructions_of_row(layer.gradient_patch) * of_term(shape) + kAroundProduct);
    counter.add(layer.n_out, kTileRows * kOfBiasRow);
    if (&layer != shape.layers.data()) {
      add_product(counter, layer.delta_patch, layer.n_in, layer.n_out * of_term(shape), kOfSelection);
    }
  }
}

Work sum(Work a, const Work& b, double times) {
  a.longest += b.longest * times;
  a.all += b.all * times;
  return a;
}

double tiles(std::uint32_t n_rows) { return std::ceil(n_rows / static_cast<double>(kTileRows)); }

double padded_to_tile(double n) { return std::ceil(n / kTile) * kTile; }

}  // namespace

EpochSeconds block_epoch(const CudaCosts& costs, const NetworkShape& shape, Solver solver, const EpochRows& rows) {
  const std::uint32_t n_threads = shape.n_threads();
  Counter trained(n_threads);
  add_forward(trained, shape);
  add_backward(trained, shape);
  Counter stepped(n_threads);
  stepped.add(kOfTile);
  stepped.add(shape.n_parameters, has_second_moment(solver) ? kOfMoments : kOfStep);
  Counter measured(n_threads);
  add_forward(measured, shape);
  const double n_steps = rows.n_minibatches();
  const Work work =
      sum(sum(sum({}, trained.work(), n_steps * tiles(std::min(rows.batch, rows.n_training))), stepped.work(), n_steps),
          measured.work(), tiles(rows.n_validation));
  return {work.all * costs.block_issue, work.longest * costs.block_wait};
}

EpochSeconds thread_epoch(const CudaCosts& costs, const GangKey& key, std::uint32_t n_networks, const EpochRows& rows) {
  const Topology& topology = key.topology;
  const auto n_parameters = static_cast<double>(topology.n_parameters());
  double exponentials = 0;
  for (std::size_t l = 0; l + 1 < topology.n_layers(); ++l) {
    if (!is_selection(static_cast<Act>(topology.activation(l))))
      exponentials += kOfThreadExponential * topology.fan_out(l);
  }
  const double row = kOfThreadRow + kOfThreadParameter * n_parameters + exponentials;
  const double measured = kOfMeasuredRow + kOfMeasuredParameter * n_parameters + exponentials;
  const double step = (has_second_moment(key.solver) ? kOfThreadMoments : kOfThreadStep) * n_parameters;
  const double of_warp = (row * rows.n_training + measured * rows.n_validation + step * rows.n_minibatches()) *
                             (key.plain ? 1 : kOfAnything) +
                         kOfThreadEpoch;
  const double n_warps = std::ceil(n_networks / static_cast<double>(kWarpLanes));
  return {of_warp * n_warps * costs.thread_issue, of_warp * costs.thread_wait};
}

EpochSeconds layers_epoch(const CudaCosts& costs, const Topology& topology, Precision precision,
                          std::uint32_t n_networks, const EpochRows& rows) {
  double forward = 0;
  double backward = 0;
  double n_units = 0;
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const double n_in = topology.fan_in(l);
    const double n_out = topology.fan_out(l);
    forward += n_in * padded_to_tile(n_out);
    backward += padded_to_tile(n_in) * padded_to_tile(n_out) + (l == 0 ? 0 : padded_to_tile(n_in) * n_out);
    n_units += n_out;
  }
  const double in_minibatch = padded_to_tile(std::min(rows.batch, rows.n_training));
  const double n_minibatches = rows.n_minibatches();
  const double n_rows = n_minibatches * in_minibatch;
  const bool is_strict = precision == Precision::strict;
  const double multiply_add = is_strict                      ? costs.strict_multiply_add
                              : precision == Precision::fp32 ? costs.layer_multiply_add
                                                             : costs.tensor_multiply_add;
  const double full =
      n_networks * (multiply_add * (forward * (n_rows + rows.n_validation) + backward * n_rows) +
                    (is_strict ? costs.strict_byte : costs.layer_byte) *
                        (kBytesOfParameter * static_cast<double>(topology.n_parameters()) * n_minibatches +
                         kBytesOfUnit * n_units * rows.n_training));
  const double n_launches = (3 * static_cast<double>(topology.n_layers()) + kLaunchesBeside) * n_minibatches;
  return {full, full + n_launches * costs.layer_launch};
}

std::uint32_t epochs_in_launch(double epoch_seconds) {
  return static_cast<std::uint32_t>(std::clamp(kSecondsOfLaunch / epoch_seconds, 1.0, kMostEpochs));
}

}  // namespace shoal::cuda
