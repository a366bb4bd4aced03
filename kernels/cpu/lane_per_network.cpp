#include "kernels/cpu/lane_per_network.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <utility>
#include <vector>

#include "kernels/cpu/targets.hpp"
#include "kernels/math/dropout.hpp"
#include "kernels/math/scalar.hpp"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/cpu/lane_per_network.cpp"
// Before <hwy/highway.h>:
#include <hwy/foreach_target.h>
//
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
// Beside core_per_network.cpp, whose functions have names of the same kind.
namespace shoal::cpu::lanes::HWY_NAMESPACE {

#include "kernels/cpu/highway_adapter.inl"
//
#include "kernels/cpu/unrolled.inl"
//
#include "kernels/cpu/derivative.inl"
//
#include "kernels/cpu/double_adapter.inl"
//
#include "kernels/cpu/lane_output.inl"
//
#include "kernels/cpu/lane_step.inl"
//
#include "kernels/cpu/lane_layers.inl"
//
#include "kernels/cpu/lane_back.inl"

/// Adds values of rows, [n_rows] x lanes, to sum32's partials, the first one being element `position`. weights:
/// likewise, or nullptr: every row counts once. A product of two floats is exact in double.
HWY_INLINE void add_rows(const float* values, const float* weights, std::size_t n_rows, std::size_t position,
                         double* partials) {
  for (std::size_t r = 0; r < n_rows; ++r) {
    double* partial = partials + (position + r) % math::kPartials * kLanes;
    for (std::size_t i = 0; i < kLanes; i += kDoubles) {
      const Double value = widened(values + r * kLanes + i);
      const Double sum = load(partial + i);
      store(weights == nullptr ? sum + value : fma(widened(weights + r * kLanes + i), value, sum), partial + i);
    }
  }
}

#include "kernels/cpu/lane_fixed.inl"

HWY_INLINE void gather_inputs(const LaneRows& rows, const std::uint32_t* order, std::size_t n_rows,
                              std::size_t n_inputs, float* inputs) {
  for (std::size_t r = 0; r < n_rows; ++r)
    std::copy_n(rows.rows + order[r] * rows.stride, n_inputs, inputs + r * n_inputs);
}

HWY_INLINE LaneRow lane_row(const LaneRows& rows, std::uint32_t row, std::size_t n_inputs) {
  return {rows.rows + row * rows.stride + n_inputs, rows.labels == nullptr ? 0 : rows.labels[row]};
}

/// Weights of a block's rows in training, [n_rows] x lanes.
HWY_INLINE void fill_weights(const LaneRows& rows, const LaneRules& rules, const std::uint32_t* order,
                             std::size_t n_rows, float* weights) {
  const Mask balanced = holds(rules.balanced);
  for (std::size_t r = 0; r < n_rows; ++r) {
    const float of_row = rows.weights == nullptr ? 1.0F : rows.weights[order[r]];
    const float of_class =
        rows.class_weights == nullptr ? 1.0F : rows.class_weights[static_cast<std::size_t>(rows.labels[order[r]])];
    store(select(balanced, constant(of_row * of_class), constant(of_row)), weights + r * kLanes);
  }
}

HWY_INLINE float* outputs_of(float* array, const LaneShape& shape) {
  return values_of(array, shape.layers, shape.layers.size() - 1).data;
}

/// Adds the gradients and losses of rows that begin at `first` of the epoch and `position` of their minibatch, and
/// their weights to weight_sum.
HWY_INLINE void train_block(const LaneTraining& t, std::size_t first, std::size_t position, std::size_t n_rows,
                            Float& weight_sum) {
  const LaneWorkspace& space = t.workspace;
  const std::size_t n_out = t.shape.n_outputs();
  const std::uint32_t* order = t.order + first;
  HWY_ALIGN float losses[kLaneBlock * kMostLanes];
  HWY_ALIGN float weights[kLaneBlock * kMostLanes];
  gather_inputs(t.rows, order, n_rows, t.shape.n_inputs(), space.inputs);
  block_forward(*t.elementwise, t.shape, space, *t.rules, t.weights, position, n_rows, true);
  float* z = outputs_of(space.activations, t.shape);
  float* delta = outputs_of(space.errors, t.shape);
  for (std::size_t r = 0; r < n_rows; ++r) {
    store(output_row(t.loss_kind, *t.rules, n_out, z + r * n_out * kLanes, delta + r * n_out * kLanes,
                     lane_row(t.rows, order[r], t.shape.n_inputs())),
          losses + r * kLanes);
  }
  const bool weighted = t.rows.weighted();
  if (weighted) {
    fill_weights(t.rows, *t.rules, order, n_rows, weights);
    for (std::size_t r = 0; r < n_rows; ++r) {
      const Float weight = lanes_of(weights, r);
      weight_sum = weight_sum + weight;
      for (std::size_t o = r * n_out; o < (r + 1) * n_out; ++o) store(lanes_of(delta, o) * weight, delta + o * kLanes);
    }
    add_rows(weights, nullptr, n_rows, first, t.weight);
  }
  add_rows(losses, weighted ? weights : nullptr, n_rows, first, t.loss);
  block_backward(t, n_rows, position == 0);
}

/// What belongs to units that a lane has not, from what values its minibatches left there: 0 again.
HWY_INLINE void clear_absent(const LaneShape& shape, float* values) {
  for (std::size_t l = 0; l < shape.layers.size(); ++l) {
    const LaneLayer& layer = shape.layers[l];
    const std::size_t n_common_in = l == 0 ? layer.n_in : shape.layers[l - 1].n_common;
    for (std::size_t o = 0; o < layer.n_out; ++o) {
      float* row = values + (layer.parameters + o * (layer.n_in + 1)) * kLanes;
      const auto keep = [&](const float* present, float* at)
                            HWY_ATTR { store(select(holds(present), load(at), constant(0.0F)), at); };
      for (std::size_t i = n_common_in; i < layer.n_in; ++i) {
        keep(shape.layers[l - 1].present + i * kLanes, row + i * kLanes);
      }
      if (o < layer.n_common) continue;
      for (std::size_t i = 0; i <= layer.n_in; ++i) keep(layer.present + o * kLanes, row + i * kLanes);
    }
  }
}

HWY_ATTR void train_any(const LaneTraining& t) {
  const Float zero = constant(0.0F);
  for (std::size_t first = t.first; first < t.last; first += t.batch) {
    const std::size_t last = std::min(first + t.batch, t.last);
    Float weight_sum = zero;
    for (std::size_t block = first; block < last; block += kLaneBlock) {
      train_block(t, block, block - first, std::min(kLaneBlock, last - block), weight_sum);
    }
    Float inverse = constant(1.0F / static_cast<float>(last - first));
    if (t.rows.weighted()) {
      // Lanes whose rows all weigh 1 are divided by their number, which a sum of floats need not reach.
      const Float of_weights = select(less(zero, weight_sum), constant(1.0F) / weight_sum, zero);
      inverse = t.rows.weights != nullptr ? of_weights : select(holds(t.rules->balanced), of_weights, inverse);
    }
    step(t, inverse);
  }
  if (!t.shape.is_mixed) return;
  for (float* values : {t.weights, t.first_moment, t.second_moment}) clear_absent(t.shape, values);
}

HWY_ATTR void evaluate_any(const LaneEvaluation& t) {
  const LaneWorkspace& space = t.workspace;
  const std::size_t n_out = t.shape.n_outputs();
  for (std::size_t first = 0; first < t.n; first += kLaneBlock) {
    const std::size_t n_rows = std::min(kLaneBlock, t.n - first);
    gather_inputs(t.rows, t.order + first, n_rows, t.shape.n_inputs(), space.inputs);
    block_forward(*t.elementwise, t.shape, space, *t.rules, t.weights, 0, n_rows, false);
    float* outputs = t.outputs + first * n_out * kLanes;
    std::copy_n(outputs_of(space.activations, t.shape), n_rows * n_out * kLanes, outputs);
    for (std::size_t r = 0; r < n_rows; ++r) {
      store(output_row(t.loss_kind, *t.rules, n_out, outputs + r * n_out * kLanes, nullptr,
                       lane_row(t.rows, t.order[first + r], t.shape.n_inputs())),
            t.row_loss + (first + r) * kLanes);
    }
  }
}

HWY_ATTR void train(const LaneTraining& t) {
  const FixedKernels fixed = fixed_kernels(t.shape, t.loss_kind);
  const bool is_known = fixed.train != nullptr && !t.rows.weighted() && !t.rules->any_dropout;
  is_known ? fixed.train(t) : train_any(t);
}

HWY_ATTR void evaluate(const LaneEvaluation& t) {
  const FixedKernels fixed = fixed_kernels(t.shape, t.loss_kind);
  fixed.evaluate != nullptr ? fixed.evaluate(t) : evaluate_any(t);
  for (std::size_t r = 0; r < t.n; ++r) {
    HWY_ALIGN float weight[kMostLanes];
    store(constant(t.rows.weights == nullptr ? 1.0F : t.rows.weights[t.order[r]]), weight);
    add_rows(t.row_loss + r * kLanes, t.rows.weights == nullptr ? nullptr : weight, 1, t.position + r, t.loss);
  }
}

/// x - x is 0 where x is finite, else NaN.
HWY_ATTR std::uint32_t not_finite(const float* values, std::size_t n) {
  Float sum = constant(0.0F);
  for (std::size_t i = 0; i < n; ++i) sum = sum + (lanes_of(values, i) - lanes_of(values, i));
  HWY_ALIGN float sums[kMostLanes];
  store(sum, sums);
  std::uint32_t lanes = 0;
  for (std::size_t lane = 0; lane < kLanes; ++lane) lanes |= sums[lane] == 0.0F ? 0U : 1U << lane;
  return lanes;
}

HWY_ATTR void copy_lanes(std::uint32_t lanes, const float* from, float* to, std::size_t n) {
  HWY_ALIGN float truths[kMostLanes] = {};
  for (std::size_t lane = 0; lane < kLanes; ++lane) truths[lane] = (lanes >> lane & 1U) != 0 ? 1.0F : 0.0F;
  const Mask taken = holds(truths);
  for (std::size_t i = 0; i < n; ++i) store(select(taken, lanes_of(from, i), lanes_of(to, i)), to + i * kLanes);
}

LaneKernels table() { return {target_name(), kLanes, train, evaluate, not_finite, copy_lanes}; }

}  // namespace shoal::cpu::lanes::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace shoal::cpu {
namespace lanes {

static std::vector<LaneKernels> tables() { return SHOAL_OF_TARGETS(table); }

}  // namespace lanes

std::span<const LaneKernels> all_lane_kernels() {
  static const std::vector<LaneKernels> kAll = lanes::tables();
  return kAll;
}

}  // namespace shoal::cpu
#endif
