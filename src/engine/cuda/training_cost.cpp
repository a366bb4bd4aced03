#include "engine/cuda/training_cost.hpp"

#include <algorithm>
#include <cmath>

#include "kernels/cuda/thread_per_network.cuh"

namespace shoal::cuda {
namespace {

// Instructions, counted in the loops of sm_90a: of a term of a product with its loads, by patches, small ones and
// elements, and what surrounds the loop.
constexpr double kOfPatchTerm = 1.28;
constexpr double kOfSmallPatchTerm = 2.1;
constexpr double kOfTerm = 1.6;
constexpr double kAroundProduct = 60;
constexpr double kOfActivation = 45;
constexpr double kOfSelection = 6;  ///< relu and its like
constexpr double kOfOutput = 40;
constexpr double kOfInputs = 40;  ///< four of a row
constexpr double kOfStep = 30;    ///< a parameter
constexpr double kOfTile = 300;   ///< barriers and what one thread does alone
constexpr double kOfParameterInThread = 6.7;

// 132 multiprocessors issue four instructions a cycle at 1.755 GHz; a share of them was issued when `letters` and
// `widths` were measured. A warp waits for its own results some cycles before it can issue the next.
constexpr double kIssuesPerSecond = 132 * 4 * 1.755e9;
constexpr double kIssuedShare = 0.4;
constexpr double kSecondsPerIssue = 12 / 1.755e9;

/// Of a launch: what the host uploads for one stays small.
constexpr double kMostEpochs = 64;

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

double activation(const Layer& layer) {
  return layer.activation == Act::relu || layer.activation == Act::leaky_relu || layer.activation == Act::identity
             ? kOfSelection
             : kOfActivation;
}

/// A product of a tile with n_columns, `finish` to finish an element.
void add_product(Counter& counter, std::uint32_t n_columns, std::uint32_t depth, double finish) {
  const bool by_elements = n_columns <= kNarrow;
  const double elements = by_elements ? 1 : kPatch * kPatch;
  const std::uint32_t n =
      by_elements ? kTileRows * n_columns : kTileRows / kPatch * ((n_columns + kPatch - 1) / kPatch);
  counter.add(n, elements * (depth * (by_elements ? kOfTerm : kOfPatchTerm) + finish) + kAroundProduct);
}

void add_forward(Counter& counter, const NetworkShape& shape) {
  counter.add(kOfTile);
  counter.add(kTileRows * ((shape.layers.front().n_in + 3) / 4), kOfInputs);
  for (const Layer& layer : shape.layers) add_product(counter, layer.n_out, layer.n_in, activation(layer));
  counter.add(kTileRows * shape.layers.back().n_out, kOfOutput);
}

void add_backward(Counter& counter, const NetworkShape& shape, std::uint32_t n_threads) {
  for (const Layer& layer : shape.layers) {
    const bool by_small = has_small_gradient(layer, n_threads);
    const std::uint32_t side = by_small ? kSmallPatch : kPatch;
    const double term = by_small ? kOfSmallPatchTerm : kOfPatchTerm;
    counter.add(gradient_patches(layer, side) + layer.n_out, side * side * kTileRows * term + kAroundProduct);
    if (&layer != shape.layers.data()) add_product(counter, layer.n_in, layer.n_out, kOfSelection);
  }
}

Work sum(Work a, const Work& b, double times) {
  a.longest += b.longest * times;
  a.all += b.all * times;
  return a;
}

double tiles(std::uint32_t n_rows) { return std::ceil(n_rows / static_cast<double>(kTileRows)); }

}  // namespace

Work block_epoch(const NetworkShape& shape, const EpochRows& rows) {
  const std::uint32_t n_threads = shape.n_threads();
  Counter trained(n_threads);
  add_forward(trained, shape);
  add_backward(trained, shape, n_threads);
  Counter stepped(n_threads);
  stepped.add(kOfTile);
  stepped.add(shape.n_parameters, kOfStep);
  Counter measured(n_threads);
  add_forward(measured, shape);
  const std::uint32_t batch = std::clamp(rows.batch, 1U, std::max(1U, rows.n_training));
  const double n_steps = std::ceil(rows.n_training / static_cast<double>(batch));
  return sum(sum(sum({}, trained.work(), n_steps * tiles(batch)), stepped.work(), n_steps), measured.work(),
             tiles(rows.n_validation));
}

Work thread_epoch(std::uint32_t n_parameters, std::uint32_t n_networks, const EpochRows& rows) {
  const double of_warp = kOfParameterInThread * n_parameters * (rows.n_training + rows.n_validation / 3.0);
  return {of_warp, of_warp * std::ceil(n_networks / static_cast<double>(kWarpLanes))};
}

double seconds_of_warp(double instructions) { return instructions * kSecondsPerIssue; }

double seconds_of_gpu(double instructions) { return instructions / (kIssuesPerSecond * kIssuedShare); }

std::uint32_t epochs_in_launch(double epoch_seconds) {
  return static_cast<std::uint32_t>(std::clamp(kSecondsOfLaunch / epoch_seconds, 1.0, kMostEpochs));
}

}  // namespace shoal::cuda
