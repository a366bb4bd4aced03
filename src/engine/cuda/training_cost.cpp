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
void add_product(Counter& counter, PatchSize patch, std::uint32_t n_columns, std::uint32_t depth, double finish) {
  counter.add(tile_patches(n_columns, patch),
              depth / 4.0 * instructions_of_four_terms(patch) + patch.rows * patch.columns * finish + kAroundProduct);
}

void add_forward(Counter& counter, const NetworkShape& shape) {
  counter.add(kOfTile);
  counter.add(kTileRows * ((shape.layers.front().n_in + 3) / 4), kOfInputs);
  for (const Layer& layer : shape.layers) {
    add_product(counter, layer.forward_patch, layer.n_out, layer.n_in, activation(layer));
  }
  counter.add(kTileRows * shape.layers.back().n_out, kOfOutput);
}

void add_backward(Counter& counter, const NetworkShape& shape) {
  for (const Layer& layer : shape.layers) {
    counter.add(gradient_patches(layer, layer.gradient_patch),
                kTileRows * instructions_of_row(layer.gradient_patch) + kAroundProduct);
    counter.add(layer.n_out, kTileRows * kOfBiasRow);
    if (&layer != shape.layers.data()) {
      add_product(counter, layer.delta_patch, layer.n_in, layer.n_out, kOfSelection);
    }
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
  add_backward(trained, shape);
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
