#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "kernels/cpu/core_per_network.hpp"
#include "kernels/math/kinds.hpp"
#include "kernels/math/sum32.hpp"

/// Training as many small networks at once as a vector has lanes, one a lane: the passes of docs/numerics.md over the
/// minibatches of an epoch, one function table a SIMD target. The networks share their activations, loss and solver and
/// see the same rows in the same order; all else is a lane's own. Where their hidden layers differ in width, a layer
/// has the units of the widest, and a sum leaves out those that its lane has not. A lane computes what core_per_network
/// computes, in the same order, so the bits are the same.
///
/// Whatever belongs to networks is [element][lane], n_lanes floats an element: parameters in canonical order, units of
/// a row, losses. All such pointers are aligned to 64 bytes. What a row has (inputs, targets, its weight) is one number
/// for all lanes.
namespace shoal::cpu {

inline constexpr std::size_t kMostLanes = 16;
/// Rows that pass through the layers together, at most.
inline constexpr std::size_t kLaneBlock = 32;
/// Rows from a hidden unit to the next: an odd number of vectors, so that units begin in different sets of a cache.
inline constexpr std::size_t kLaneColumn = kLaneBlock + 1;

using math::SolverKind;

struct LaneLayer {
  std::size_t n_in, n_out;
  std::size_t parameters;  ///< before its matrix of n_out rows of n_in + 1
  std::size_t units;       ///< outputs of the layers below it
  Act activation;          ///< identity of the last layer
  std::size_t n_common;    ///< units that every lane has, its first ones
  const float* present;    ///< [n_out] x lanes: 1 where a lane has the unit, else 0; read from n_common on
};

struct LaneShape {
  std::span<const LaneLayer> layers;
  std::size_t n_parameters;
  bool is_mixed;  ///< lanes differ in width: neither clipped nor with dropout, and what no lane has is garbage

  [[nodiscard]] std::size_t n_inputs() const { return layers.front().n_in; }
  [[nodiscard]] std::size_t n_outputs() const { return layers.back().n_out; }
};

/// The table as networks see it. rows: [table rows, stride], scaled inputs, then targets (none under cross_entropy).
/// labels: [table rows], where rows have classes. weights: [table rows] or nullptr. class_weights: [classes] or
/// nullptr: they count for the lanes that LaneRules::balanced names.
struct LaneRows {
  const float* rows;
  std::size_t stride;
  const std::int32_t* labels;
  const float* weights;
  const float* class_weights;

  [[nodiscard]] bool weighted() const { return weights != nullptr || class_weights != nullptr; }
};

/// A double a lane.
struct alignas(kAlignment) LaneDoubles {
  double lane[kMostLanes];
};

/// Hyperparameters, a lane each; truth values are 0 or 1. Lanes without a network hold zeros.
struct alignas(kAlignment) LaneRules {
  float momentum[kMostLanes], uses_momentum[kMostLanes], nesterov[kMostLanes];
  float beta_1[kMostLanes], c_1[kMostLanes], beta_2[kMostLanes], c_2[kMostLanes], epsilon[kMostLanes];
  float l2[kMostLanes], l1[kMostLanes], huber_delta[kMostLanes], balanced[kMostLanes];
  float smoothed_label[kMostLanes], smoothed_other[kMostLanes];
  double rate[kMostLanes];   ///< of the epoch, a float
  double decay[kMostLanes];  ///< adamw: alpha
  double exact_beta_1[kMostLanes], exact_beta_2[kMostLanes];
  double clip_norm[kMostLanes], dropout[kMostLanes];
  double power_1[kMostLanes], power_2[kMostLanes];   ///< adam, adamw: of the betas; train() goes on with them
  std::uint64_t seed[kMostLanes], step[kMostLanes];  ///< minibatches so far, likewise
  bool any_momentum, any_l2, any_l1, any_clip, any_dropout;
};

/// Memory for a block of rows. inputs: [kLaneBlock, n_inputs]; gradient: [n_parameters] x lanes; the others are layer
/// by layer [n_out, kLaneColumn] x lanes, [kLaneBlock, n_out] x lanes of the last one: activations, errors, what
/// derivatives are taken from where it is not the activation, and dropout's factors (nullptr: no lane drops units).
struct LaneWorkspace {
  float *inputs, *gradient, *activations, *errors, *slopes, *factors;
};

struct LaneTraining {
  const Kernels* elementwise;  ///< of the same target
  LaneShape shape;
  LossKind loss_kind;
  SolverKind solver;
  LaneRows rows;
  LaneRules* rules;
  const LaneDoubles* layer_rates;  ///< [layers]: factors of the rate
  float *weights, *first_moment, *second_moment;
  LaneWorkspace workspace;
  const std::uint32_t* order;      ///< table rows of the epoch
  std::size_t first, last, batch;  ///< trains order[first, last), first being where a minibatch begins
  double *loss, *weight;           ///< [kPartials] x lanes: sum32's, of all rows so far; weight where weighted()
};

/// Outputs and losses of `n` rows, nothing but the table's weights and targets counting. outputs: [n, n_outputs] x
/// lanes. row_loss: [n] x lanes. Lanes of `loss` add weight * loss as sum32's elements `position` and on.
struct LaneEvaluation {
  const Kernels* elementwise;
  LaneShape shape;
  LossKind loss_kind;
  LaneRows rows;
  const LaneRules* rules;
  const float* weights;
  LaneWorkspace workspace;
  const std::uint32_t* order;
  std::size_t n, position;
  float *outputs, *row_loss;
  double* loss;
};

struct LaneKernels {
  std::string_view target;
  std::size_t n_lanes;
  void (*train)(const LaneTraining&);
  void (*evaluate)(const LaneEvaluation&);
  /// A lane's bit is set where one of its n values is not finite.
  std::uint32_t (*not_finite)(const float* values, std::size_t n);
  /// to[i] = from[i] in the lanes whose bits are set.
  void (*copy_lanes)(std::uint32_t lanes, const float* from, float* to, std::size_t n);
};

/// In the order of all_kernels().
[[nodiscard]] std::span<const LaneKernels> all_lane_kernels();

}  // namespace shoal::cpu
