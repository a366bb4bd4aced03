#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/training.cuh"
#include "kernels/cuda/wide_divisor.cuh"
#include "kernels/math/bfloat16.hpp"

/// Layer-wise training of a cohort: networks of one depth that see the same rows, each of its own widths, activations,
/// loss, solver and hyperparameters. Between two matrix products one kernel does one thing for all networks. A layer is
/// z = [W | b] [a; 1]: its matrix and its input have n_in + 1 columns, and columns and rows are padded with zeros,
/// which stay zeros. Sums are in no fixed order: fast precisions only.
namespace shoal::cuda {

/// Rows and columns of every matrix are multiples of it: 16 bytes of bf16, as tensor cores want their operands aligned.
inline constexpr std::uint32_t kCohortPadding = 8;
SHOAL_HD constexpr std::uint32_t padded(std::uint32_t n) {
  return (n + kCohortPadding - 1) / kCohortPadding * kCohortPadding;
}

/// Elements that lie side by side and that a thread takes at once: strides are multiples of it.
inline constexpr std::uint32_t kAtOnce = 4;
static_assert(kCohortPadding % kAtOnce == 0);

/// Elements of a network that kernels count, values of a layer or parameters: 32 bits hold them and how far a loop
/// looks ahead of the last one.
inline constexpr std::uint32_t kMostElements = UINT32_MAX - 4095;

struct CohortLayer {
  std::uint32_t n_in = 0, n_out = 0;
  std::uint32_t columns = 0;  ///< of [W | b] and of its input: n_in + 1, padded
  std::uint32_t rows = 0;     ///< of [W | b]: n_out, padded
  std::uint32_t stride = 0;   ///< of its z and delta: the next layer's columns, of the last layer its own rows
  WideDivisor fours_in_columns, fours_in_stride;  ///< each by kAtOnce
  Act activation = Act::identity;
  std::uint32_t first_parameter = 0;  ///< [rows][columns], within the network's parameters
  std::size_t values = 0;             ///< its input: [batch row][columns], within the network's values; not of layer 0
  std::size_t z = 0;                  ///< [batch row][stride], within the network's z
  std::size_t delta = 0;              ///< likewise, within the network's deltas
};

/// A last layer with at most as many outputs takes its delta to the layer below by launch_narrow_derivative().
inline constexpr std::uint32_t kNarrowOutputs = 32;

/// Offsets into the cohort's arrays.
struct CohortNetwork {
  const CohortLayer* layers = nullptr;
  std::uint32_t n_parameters = 0;  ///< padded
  LossKind loss = LossKind::squared;
  SolverKind solver = SolverKind::sgd;
  std::size_t parameters = 0, values = 0, z = 0;
  std::size_t delta = 0;  ///< room for the widest layer, and beside it for a narrow last one
};

/// Where the cohort is; on the device, so that one captured graph serves every minibatch of every epoch.
struct Cursor {
  std::uint32_t first_epoch = 0;  ///< of those that the host has handed over
  std::uint32_t epoch = 0;        ///< counted from it
  std::uint32_t row = 0;          ///< of the epoch's order
};

/// What the blocks of a network add up in an epoch, each for its rows of every minibatch.
struct CohortSums {
  double train_loss = 0, train_weight = 0, val_loss = 0;
  float minibatch_weight = 0;  ///< of the last minibatch alone
  std::uint32_t n_right = 0;   ///< validation rows whose class is right
};

/// How output_kernel shares the rows: some lanes a row, whose outputs pass through shared memory where they fit.
struct OutputBlocks {
  std::uint32_t n_rows = 0;  ///< of a block at most
  std::uint32_t stride = 0;  ///< floats of a row in shared memory, odd, so that a warp's rows lie in 32 banks; 0: none
  std::uint32_t n_lanes = 1;
};
/// For networks of at most n_outputs outputs.
[[nodiscard]] OutputBlocks output_blocks(std::uint32_t n_outputs);

/// What is to be done with the parameters after an epoch.
struct CohortDecision {
  bool keep = false;     ///< they are the best so far
  bool restore = false;  ///< the best ones take their place
};

/// T: what operands of products are stored as, float or Bfloat16.
template <class T>
struct CohortTask {
  Rows rows;
  const CohortNetwork* networks = nullptr;
  std::uint32_t n_networks = 0, n_layers = 0;
  OutputBlocks blocks;
  std::uint32_t n_row_blocks = 0;  ///< for the most rows at a time
  WatchedMetric metric = WatchedMetric::val_loss;
  double validation_weight = 0;
  std::uint32_t n_validation = 0;

  std::uint32_t n_training = 0;
  const std::uint32_t* order = nullptr;  ///< [epoch][n_training], rows of the table
  const float* rates = nullptr;          ///< [epoch][network]; not for adaptive ones
  NetworkRecord* records = nullptr;      ///< [epoch][network]; the metric is there before where the host computes it
  const NetworkRules* rules = nullptr;   ///< [network], as all below
  NetworkState* states = nullptr;
  Cursor* cursor = nullptr;
  CohortSums* sums = nullptr;           ///< [network][row block]
  float* shortened = nullptr;           ///< factor that clips the gradient
  std::uint32_t* broken = nullptr;      ///< not 0: something is not finite
  CohortDecision* decisions = nullptr;  ///< the last epoch's

  std::uint32_t* row = nullptr;  ///< [batch row], of the table
  T* input = nullptr;            ///< [batch row][columns of layer 0], shared by all networks
  T* values = nullptr;           ///< activations of hidden layers, each with its column of ones
  float* z = nullptr;            ///< of the last layer after output_kernel, where row_loss is there: its outputs
  T* delta = nullptr;            ///< dloss/dz of the layer in hand, and of a narrow last one
  float* back = nullptr;         ///< what the product brings back: dloss/da
  float* row_loss = nullptr;     ///< [network][batch row]; null: not wanted
  std::uint32_t most_rows = 0;   ///< batch rows that there is room for

  float* weights = nullptr;
  T* operands = nullptr;  ///< the weights as operands; in float the weights themselves
  float* gradient = nullptr;
  float* first_moment = nullptr;
  float* second_moment = nullptr;  ///< null where no solver has one
  float* best = nullptr;           ///< null where no network has patience
};

/// Which rows of the table come: a list, or the epoch's at the cursor.
struct RowSource {
  const std::uint32_t* list = nullptr;  ///< null: the epoch's
  const float* inputs = nullptr;        ///< [n_rows][n_inputs], of these rows; null: the table's
};

/// Each does its part for n_rows rows of all networks, asynchronously. largest_*: of any network; the stride of hidden
/// layers.
template <class T>
void launch_gather(const CohortTask<T>& task, RowSource from, std::uint32_t n_rows, std::uint32_t columns,
                   cudaStream_t stream);
/// z of hidden layer l -> the input of layer l + 1, with its column of ones. drops: units are dropped where rules say.
template <class T>
void launch_activation(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_stride,
                       bool drops, cudaStream_t stream);
/// Zeros and the column of ones into the input of layer l + 1, for as many rows as there is room.
template <class T>
void launch_ones(const CohortTask<T>& task, std::uint32_t l, std::uint32_t largest_stride, cudaStream_t stream);
/// z of the last layer -> outputs, losses, and in training delta; training begins the step there.
template <class T>
void launch_output(const CohortTask<T>& task, std::uint32_t n_rows, bool training, cudaStream_t stream);
/// The outputs that launch_output() left in z, where row losses were wanted -> [network][n_rows][stride].
template <class T>
void launch_pack_outputs(const CohortTask<T>& task, std::uint32_t n_rows, float* outputs, std::uint32_t stride,
                         cudaStream_t stream);
/// dloss/da of hidden layer l -> delta of layer l.
template <class T>
void launch_derivative(const CohortTask<T>& task, std::uint32_t l, std::uint32_t n_rows, std::uint32_t largest_stride,
                       bool drops, cudaStream_t stream);
/// delta of the last layer, narrow in all networks -> delta of the hidden layer below: a product of few columns whose
/// result need not pass through memory on its way to f'.
template <class T>
void launch_narrow_derivative(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_stride, bool drops,
                              cudaStream_t stream);
/// The factor that clips each network's gradient.
template <class T>
void launch_norm(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                 cudaStream_t stream);
/// One optimizer step; moves the cursor on by n_rows.
template <class T>
void launch_update(const CohortTask<T>& task, std::uint32_t n_rows, std::uint32_t largest_parameters,
                   cudaStream_t stream);
/// Gradient sums -> gradients of the objective, nothing updated.
template <class T>
void launch_finish_gradient(const CohortTask<T>& task, std::uint32_t n_rows, cudaStream_t stream);
/// The first n_parameters of all weights -> operands.
template <class T>
void launch_store_operands(const CohortTask<T>& task, std::size_t n_parameters, cudaStream_t stream);
/// Rows of an epoch's order.
struct EpochOrders {
  const std::uint32_t* training = nullptr;  ///< [n_training], rows of the table
  std::uint32_t n_training = 0;
  bool shuffles = true;  ///< false: the table's order
  std::uint64_t seed = 0;
  std::uint32_t first_epoch = 0;
};
/// order: [n_epochs][n_training], as fill_epoch_order() of src/engine/definition.hpp says.
void launch_epoch_orders(const EpochOrders& of, std::uint32_t* order, std::uint32_t n_epochs, cudaStream_t stream);
/// What is decided at an epoch's end; moves the cursor to the next epoch.
template <class T>
void launch_finish_epoch(const CohortTask<T>& task, std::uint32_t largest_parameters, cudaStream_t stream);

}  // namespace shoal::cuda
