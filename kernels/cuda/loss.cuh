#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/cuda/activation.cuh"
#include "kernels/cuda/training.cuh"

/// One row's weight and loss on the device; docs/numerics.md, "Loss".
namespace shoal::cuda {

SHOAL_DEVICE bool is_weighted(const Rows& rows, const NetworkRules& rules) {
  return rows.weights != nullptr || rules.balances_classes;
}
SHOAL_DEVICE float table_weight(const Rows& rows, std::uint32_t row) {
  return rows.weights == nullptr ? 1.0F : rows.weights[row];
}
SHOAL_DEVICE float training_weight(const Rows& rows, const NetworkRules& rules, std::uint32_t row) {
  const float of_row = table_weight(rows, row);
  return rules.balances_classes ? of_row * rows.class_weights[rows.labels[row]] : of_row;
}

/// Neighbouring lanes of a warp that share a row, a power of two of them: this one takes outputs first, first + n, ...
struct RowLanes {
  std::uint32_t first = 0, n = 1;
  std::uint32_t mask = 1;  ///< all lanes of the warp that have a row

  /// What they wrote before is visible to each other after.
  SHOAL_DEVICE void meet() const {
    if (n > 1) warp_barrier(mask);
  }
  /// The largest that one of them brings.
  [[nodiscard]] SHOAL_DEVICE float largest(float of_lane) const {
    for (std::uint32_t half = n / 2; half > 0; half /= 2) {
      const float other = shuffle_xor(mask, of_lane, half);
      of_lane = of_lane < other ? other : of_lane;
    }
    return of_lane;
  }
};

SHOAL_DEVICE float residual_loss(LossKind kind, float residual, float huber_delta, float sum, float& delta) {
  const float distance = strict::absolute(residual);
  switch (kind) {
    case LossKind::absolute:
      delta = residual > 0.0F ? 1.0F : residual < 0.0F ? -1.0F : 0.0F;
      return sum + distance;
    case LossKind::huber: {
      const float q = huber_delta < distance ? huber_delta : distance;
      delta = residual < -huber_delta ? -huber_delta : huber_delta < residual ? huber_delta : residual;
      return strict::fma(q, distance - 0.5F * q, sum);
    }
    default:
      delta = (kind == LossKind::half_squared ? 1.0F : 2.0F) * residual;  // no branch in the row, and exact
      return strict::fma(residual, residual, sum);
  }
}

/// A row's loss where outputs stay what they are. delta: dloss/dz, [n_out].
SHOAL_DEVICE float regression_row(LossKind kind, std::uint32_t n_out, float huber_delta, const float* y,
                                  const float* target, float* delta) {
  float sum = 0.0F;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < n_out; ++o) {
    sum = residual_loss(kind, y[o] - (target == nullptr ? 0.0F : target[o]), huber_delta, sum, delta[o]);
  }
  return (kind == LossKind::half_squared ? 0.5F : 1.0F) * sum;
}

/// Softmax in place and its cross-entropy; of_label: z[label]. The targets: `smoothed_label` of the row's class,
/// `smoothed_other` of others. Lanes share the exponentials and the quotients; each adds up whole sums, so none is
/// split. Where z holds a NaN, everything becomes one, whichever maximum was found.
SHOAL_DEVICE float softmax_row(std::uint32_t n_out, std::uint32_t label, float of_label, float smoothed_label,
                               float smoothed_other, float* z, float* delta, const RowLanes& lanes) {
  float m = z[lanes.first < n_out ? lanes.first : 0];
  SHOAL_UNROLL
  for (std::uint32_t o = lanes.first; o < n_out; o += lanes.n) m = m < z[o] ? z[o] : m;
  m = lanes.largest(m);
  float loss = m - of_label;
  if (smoothed_other != 0.0F) {
    float all = 0.0F;
    SHOAL_UNROLL
    for (std::uint32_t o = 0; o < n_out; ++o) all += m - z[o];
    loss = smoothed_other * all + (smoothed_label - smoothed_other) * loss;
  }
  lanes.meet();
  SHOAL_UNROLL
  for (std::uint32_t o = lanes.first; o < n_out; o += lanes.n) z[o] = strict::exp_of(z[o] - m);
  lanes.meet();
  float sum = 0.0F;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < n_out; ++o) sum += z[o];
  lanes.meet();
  SHOAL_UNROLL
  for (std::uint32_t o = lanes.first; o < n_out; o += lanes.n) {
    z[o] = z[o] / sum;
    delta[o] = o == label ? z[o] - smoothed_label : smoothed_other != 0.0F ? z[o] - smoothed_other : z[o];
  }
  return loss + strict::log_of(sum);
}

/// Sigmoid in place and its cross-entropy, summed over outputs. target: null: `label` is that of the only output.
SHOAL_DEVICE float sigmoid_row(std::uint32_t n_out, const float* target, float label, float* z, float* delta) {
  float loss = 0.0F;
  SHOAL_UNROLL
  for (std::uint32_t o = 0; o < n_out; ++o) {
    const float value = z[o];
    const float t = target == nullptr ? label : target[o];
    const float above = value > 0.0F ? value : 0.0F;
    loss += (above - value * t) + strict::log1p_exp_minus(value);
    z[o] = strict::sigmoid(value);
    delta[o] = z[o] - t;
  }
  return loss;
}

/// The outputs of the table's row `row` in place of z, and dloss/dz into delta, both [n_out]; gives the row's loss,
/// unweighted, to the first of its lanes. training: the targets are smoothed.
SHOAL_DEVICE float output_row(const Rows& rows, LossKind kind, const NetworkRules& rules, bool training,
                              std::size_t row, std::uint32_t n_out, float* z, float* delta,
                              const RowLanes& lanes = {}) {
  const float* const target = rows.targets == nullptr ? nullptr : rows.targets + row * n_out;
  const std::int32_t label = rows.labels == nullptr ? 0 : rows.labels[row];
  if (kind == LossKind::cross_entropy) {
    return softmax_row(n_out, static_cast<std::uint32_t>(label), z[label], training ? rules.smoothed_label : 1.0F,
                       training ? rules.smoothed_other : 0.0F, z, delta, lanes);
  }
  if (lanes.first != 0) return 0.0F;
  if (kind == LossKind::binary_cross_entropy) return sigmoid_row(n_out, target, static_cast<float>(label), z, delta);
  return regression_row(kind, n_out, rules.huber_delta, z, target, delta);
}

}  // namespace shoal::cuda
