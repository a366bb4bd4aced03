#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/math/kinds.hpp"

/// Training one network on one core: the passes of docs/numerics.md over a minibatch, one function table a SIMD target.
/// Every target gives the same bits. A lane is one output of a layer (or one element of an elementwise pass), so no sum
/// is ever split.
///
/// Matrices are row-major floats. Columns of what is computed are padded to whole kPadding; padding holds finite
/// rubbish that no sum reads. All pointers are aligned to 64 bytes and rows are multiples of 64 bytes.
namespace shoal::cpu {

inline constexpr std::size_t kPadding = 16;
inline constexpr std::size_t kAlignment = 64;
[[nodiscard]] constexpr std::size_t padded(std::size_t n) { return (n + kPadding - 1) / kPadding * kPadding; }
/// Columns of a wide matrix that lie together, row by row, so that a product reads one stream: two vectors of the
/// widest target. The last panel of a matrix has what is left.
inline constexpr std::size_t kPanel = 2 * kPadding;

using math::Act;
using math::LossKind;
using math::stores_slope;

/// C[m][n] = start(m, n) + sum over k of A(m, k) B[k][n], k ascending, each element one accumulator filled by fma.
/// A(m, k) = a[m * a_row + k * a_depth], one of both strides being 1. B: [depth, b_stride]. C: [n_rows, c_stride], the
/// first `columns` (a multiple of kPadding) written. start(m, n) = start[m * start_stride + n], or +0 for nullptr; it
/// may be C.
struct Product {
  const float* a;
  std::size_t a_row, a_depth;
  const float* b;
  std::size_t b_stride;
  const float* start;
  std::size_t start_stride;
  float* c;
  std::size_t c_stride;
  std::size_t n_rows, columns, depth;
};

/// n_rows x n_columns floats that go to another place, as they are or transposed.
struct Move {
  const float* from;
  std::size_t from_stride;
  float* to;
  std::size_t to_stride;
  std::size_t n_rows, n_columns;
};

/// Rows of a table as a network sees them: scaled, `fill` where an input is missing, and a 1 behind the last.
/// table: [table rows, n_inputs] and the scaling, [n_inputs], need not be aligned. to: [n_rows, stride].
struct InputRows {
  const float* table;
  const std::uint32_t* rows;
  std::size_t n_rows, n_inputs;
  const float *offset, *factor, *fill;
  float* to;
  std::size_t stride;
};

/// Rows of a minibatch at the output layer. z: [n_rows, stride], overwritten by the outputs (softmax, sigmoid;
/// unchanged for squared errors). delta: [n_rows, stride] or nullptr: dloss/dz of each row. row_loss: [n_rows], the
/// loss of each row. Cross-entropy reads `labels` [n_rows]; the others `targets` [n_rows, n_outputs].
struct OutputRows {
  float* z;
  float* delta;
  float* row_loss;
  float* space;  // padded(n_outputs) * kPadding floats
  std::size_t stride, n_rows, n_outputs;
  const float* targets;
  const std::int32_t* labels;
  float huber_delta = 0;
  float smoothed_label = 1, smoothed_other = 0;  // cross-entropy's targets of the row's class and of each
};

/// One optimizer step over n consecutive parameters that are all weights or all biases.
/// gradient: sums over the minibatch's rows.
struct Step {
  float* weight;
  float* gradient;
  float* first_moment;   // nullptr: plain sgd or rmsprop
  float* second_moment;  // nullptr: sgd
  std::size_t n;
  float inverse_rows;  // 1 / rows of the minibatch (or 1 / sum of their weights)
  float penalty;       // alpha * inverse_rows for weights, 0 for biases
  float l1;            // l1 * inverse_rows for weights, 0 for biases
  float eta;           // adam, adamw: with both bias corrections
  float decay;         // adamw: rate * alpha for weights, 0 for biases; 0 elsewhere
  float momentum;
  bool nesterov;
  float beta_1, c_1, beta_2, c_2, epsilon;
};

struct Kernels {
  std::string_view target;
  void (*gather)(const InputRows&);
  void (*product)(const Product&);
  /// to[r][c] = from[r][c]. `from` need not be aligned; its rows are read and rows of `to` written up to kPadding - 1
  /// floats further.
  void (*copy)(const Move&);
  /// to[c][r] = from[r][c]. Rows of `from` are read and rows of `to` written up to the next multiple of kPadding.
  void (*transpose)(const Move&);
  /// data: [n_rows, stride]; the first padded(n) columns become f(z). slope: [n_rows, stride] takes f'(z) where
  /// stores_slope(act); nullptr: not wanted.
  void (*activate)(Act act, float* data, float* slope, std::size_t n_rows, std::size_t n, std::size_t stride);
  /// delta: [n_rows, stride] becomes delta * f'(z). from: [n_rows, stride], the slopes where stores_slope(act), a =
  /// f(z) elsewhere.
  void (*derive)(Act act, const float* from, float* delta, std::size_t n_rows, std::size_t n, std::size_t stride);
  /// data: [n_rows, stride] is multiplied by factor, or 0 where the factor is.
  void (*drop)(const float* factor, float* data, std::size_t n_rows, std::size_t n, std::size_t stride);
  void (*output)(LossKind, const OutputRows&);
  void (*step)(const Step&);
  /// gradient = gradient * inverse_rows, then fma(penalty, w, gradient) and l1: what step() applies.
  void (*scale_gradient)(const Step&);
};

/// The widest target that this machine runs.
[[nodiscard]] const Kernels& kernels();
/// All targets of this build that this machine runs, widest first; the last one is the portable baseline.
[[nodiscard]] std::span<const Kernels> all_kernels();

}  // namespace shoal::cpu
