#pragma once

#include <cstdint>

#include "kernels/cuda/device.hpp"
#include "kernels/math/epoch_decision.hpp"
#include "kernels/math/kinds.hpp"
#include "kernels/math/scalar.hpp"
#include "kernels/math/sum32.hpp"

/// What the host hands to training kernels: tables, networks and what is to be done with them, all in device memory.
namespace shoal::cuda {

using math::Act;
using math::LossKind;
using math::SolverKind;

/// Rows of a tile: a multiple of 4, so that none of dropout's quads lies in two tiles, and at most math::kPartials, so
/// that no two rows of a tile add to the same partial sum.
inline constexpr std::uint32_t kTileRows = 32;
static_assert(kTileRows % 4 == 0 && kTileRows <= math::kPartials);

/// Networks of a block of thread_per_network.
inline constexpr std::uint32_t kNetworksInBlock = 128;

/// Rows and columns of a product that one thread owns; see products.cuh.
struct PatchSize {
  std::uint8_t rows, columns;
  constexpr bool operator==(const PatchSize&) const = default;
};
template <PatchSize... kSizes>
struct PatchSizes {
  static constexpr PatchSize all[] = {kSizes...};
};
/// What there is code for, of a layer's three products; src/engine/cuda/patch_choice.hpp takes one of each for a layer.
using ForwardPatches =
    PatchSizes<PatchSize{1, 1}, PatchSize{2, 1}, PatchSize{4, 1}, PatchSize{4, 2}, PatchSize{4, 4}, PatchSize{8, 4}>;
using DeltaPatches = PatchSizes<PatchSize{1, 4}, PatchSize{2, 4}, PatchSize{4, 4}, PatchSize{8, 4}>;
using GradientPatches = PatchSizes<PatchSize{2, 4}, PatchSize{4, 4}, PatchSize{8, 4}, PatchSize{8, 8}>;
/// Floats from row to row for n of them in each: fours are aligned, and eight rows' begin in different banks.
constexpr std::uint32_t padded_stride(std::uint32_t n) { return ((n + 3) / 4 | 1U) * 4; }

/// What the products of a block's networks are made of: fp32 in strict order, or rounded numbers for tensor cores.
enum class Operands : std::uint8_t { fp32, tf32, bf16 };

/// A table on the device, as one fold scales it.
struct Rows {
  const float* inputs = nullptr;         ///< [row][n_inputs]
  const float* targets = nullptr;        ///< [row][n_outputs], scaled; null for classes
  const std::int32_t* labels = nullptr;  ///< [row], of classes; null: there are none
  const float* weights = nullptr;        ///< [row]; null: all 1
  const float* class_weights = nullptr;  ///< [class], what balances them in training; null: there are no classes
  const float* offset = nullptr;         ///< [n_inputs]; null: inputs are scaled already
  const float* factor = nullptr;
  const float* fill = nullptr;
};

/// An input as a fold scales it; what is missing is filled in, and `fill` is read for nothing else.
SHOAL_DEVICE float scaled(float x, float offset, float factor, const float& fill) {
  return math::scalar::is_nan(x) ? fill : (x - offset) * factor;
}
/// Input i of the table's row, scaled.
SHOAL_DEVICE float scaled_input(const Rows& rows, std::size_t row, std::uint32_t n_in, std::uint32_t i) {
  const float x = rows.inputs[row * n_in + i];
  return rows.offset == nullptr ? x : scaled(x, rows.offset[i], rows.factor[i], rows.fill[i]);
}

/// Quotients by n without a division, which takes some twenty instructions: exact for x n < 2^31, so for the quads of a
/// layer that shared memory holds.
struct Divisor {
  std::uint32_t n = 1, inverse = 1U << 31;  ///< 2^31 / n, rounded up

  Divisor() = default;
  SHOAL_HD constexpr explicit Divisor(std::uint32_t by) : n(by), inverse(((1U << 31) - 1) / by + 1) {}
  SHOAL_HD constexpr std::uint32_t quotient(std::uint32_t x) const {
    return static_cast<std::uint32_t>(std::uint64_t{x} * inverse >> 31);
  }
};

/// A layer: its parameters, and where its values lie in a tile of rows.
struct Layer {
  std::uint32_t n_in = 0, n_out = 0;
  Act activation = Act::identity;
  std::uint32_t first_parameter = 0;             ///< [W | b], [n_out][n_in + 1]
  std::uint32_t weights = 0, weight_stride = 0;  ///< the same in a block's copy
  Divisor quads;                                 ///< n: fours of a row of [W | b], the last one not whole
  std::uint32_t input = 0, input_stride = 0;     ///< [row][n_in]
  std::uint32_t output = 0, output_stride = 0;   ///< [row][n_out], with that stride all that follow
  std::uint32_t delta = 0;                       ///< what `output` is, but of an output layer that is read after
  std::uint32_t from = 0;                        ///< of a hidden layer, what its derivative is taken from: f'(z) where
                           ///< stores_slope(), f(z) elsewhere, which is `output` unless units are dropped there
  std::uint32_t keep = 0;  ///< of a hidden layer of which units are dropped: their factors
  /// Of its outputs, of its inputs' delta and of its gradient, [unit][input].
  PatchSize forward_patch{4, 4}, delta_patch{4, 4}, gradient_patch{4, 4};
  // Where products are of rounded operands (tensor_products.cuh), `input` and a hidden layer's `output` are such. What
  // is said there holds of the rest; `from` is `output` if its sign is enough.
  std::uint32_t from_stride = 0;                   ///< of `from` and `keep`
  std::uint32_t rounded = 0, rounded_stride = 0;   ///< delta as an operand; in a hidden layer's `output`
  std::uint32_t operands = 0, operand_stride = 0;  ///< weights as operands, in the block's copy of those
  std::uint32_t biases = 0;                        ///< in the same place, as they are
};

/// Patches of a tile's product with n_columns.
SHOAL_HD std::uint32_t tile_patches(std::uint32_t n_columns, PatchSize patch) {
  return kTileRows / patch.rows * ((n_columns + patch.columns - 1U) / patch.columns);
}
/// Patches of a layer's gradient, without the biases.
SHOAL_HD std::uint32_t gradient_patches(const Layer& layer, PatchSize patch) {
  return (layer.n_out + patch.rows - 1U) / patch.rows * ((layer.n_in + patch.columns - 1U) / patch.columns);
}
/// The first piece of a gradient's work that is a bias: a warp has patches or biases.
SHOAL_HD std::uint32_t first_bias(std::uint32_t n_patches) {
  return (n_patches + kWarpLanes - 1) / kWarpLanes * kWarpLanes;
}

/// A topology; see src/engine/cuda/network_shape.hpp for how a block's memory is laid out.
struct Shape {
  const Layer* layers = nullptr;
  std::uint32_t n_layers = 0, n_parameters = 0;
  std::uint32_t value_floats = 0;   ///< of a tile's values
  std::uint32_t weight_floats = 0;  ///< of a copy of the parameters, or of their gradient
  std::uint32_t operand_words = 0;  ///< of a rounded copy of the parameters
};

/// What training of a network does not change. Floats of numbers that the definition rounds once.
struct NetworkRules {
  float momentum = 0;
  float penalty = 0;  ///< of the weights' squares
  float l1 = 0;
  float beta_1 = 0, c_1 = 0, beta_2 = 0, c_2 = 0, epsilon = 0;  ///< c_k = 1 - beta_k
  float huber_delta = 0;
  float smoothed_label = 1, smoothed_other = 0;  ///< cross-entropy's targets of the row's class and of each
  bool has_first_moment = false, nesterov = false, balances_classes = false;
  double decay = 0;  ///< adamw's
  double exact_beta_1 = 0, exact_beta_2 = 0;
  double clip_norm = 0, dropout = 0, layer_rate = 1;
  std::uint64_t seed = 0;
  math::EpochRules epoch;
};

struct NetworkState {
  math::EpochProgress progress;
  math::EpochVerdict verdict = math::EpochVerdict::finished;  ///< a place without a network never moves
  std::uint32_t target_epoch = 0;
  std::uint64_t step = 0;
  double beta_1_power = 1, beta_2_power = 1;
};

/// What patience watches, as kernels know it.
enum class WatchedMetric : std::uint8_t {
  val_loss,
  train_loss,
  val_accuracy,
  by_host,  ///< any other: the host computes it of the outputs, and the decision waits for it
};

/// One epoch of one network.
struct NetworkRecord {
  double train_loss = 0, train_weight = 0;
  double val_loss = 0;
  double metric = 0;
  std::uint32_t ran = 0;
  bool finite = false;  ///< all but the metric, where the decision waits for it
};

/// What one block works on: networks of a gang, all in the same epochs.
struct TrainTask {
  Rows rows;
  Shape shape;
  LossKind loss = LossKind::squared;
  SolverKind solver = SolverKind::sgd;
  WatchedMetric metric = WatchedMetric::val_loss;
  std::uint32_t n_training = 0, n_validation = 0, batch = 0;
  std::uint32_t first_epoch = 0, n_epochs = 0;
  const std::uint32_t* training = nullptr;    ///< [n_training], rows of the table
  const std::uint32_t* order = nullptr;       ///< [epoch][n_training], likewise; null: the network draws its own
  const std::uint32_t* validation = nullptr;  ///< [n_validation]
  /// [epoch][2], sum over its rows, as they are and in training with balanced classes; thread_per_network
  const double* training_weight = nullptr;
  std::uint64_t shuffle_seed = 0;
  double validation_weight = 0;
  std::uint32_t first_network = 0;  ///< of the gang, and how many the block has
  std::uint32_t n_in_block = 1;
  std::uint32_t n_networks = 0;         ///< of the whole gang: the stride of everything below
  const float* rates = nullptr;         ///< [epoch][network]; not for adaptive ones
  const NetworkRules* rules = nullptr;  ///< [network]
  NetworkState* states = nullptr;       ///< [network]
  float* weights = nullptr;             ///< [parameter][network], canonical order of parameters
  float* first_moment = nullptr;        ///< likewise
  float* second_moment = nullptr;       ///< likewise; null where the solver has none
  float* best = nullptr;                ///< likewise; null where no member has patience
  float* gradient = nullptr;            ///< [weight_floats]; null: in shared memory; block_per_network
  NetworkRecord* records = nullptr;     ///< [epoch][network]
  /// Where the metric is the host's: [n_validation][output][network of the block], and what it decided of each network.
  float* outputs = nullptr;
  const math::EpochDecision* decisions = nullptr;
};

/// 1 / (sum of a minibatch's weights).
SHOAL_HD float inverse_weight(bool weighted, float weight_sum, std::uint32_t n_rows) {
  if (!weighted) return 1.0F / static_cast<float>(n_rows);
  return weight_sum > 0.0F ? 1.0F / weight_sum : 0.0F;
}

}  // namespace shoal::cuda
