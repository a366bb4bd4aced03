#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/cpu/network_layout.hpp"
#include "kernels/cpu/core_per_network.hpp"
#include "kernels/math/dropout.hpp"
#include "kernels/math/sum32.hpp"
#include "shoal/data.hpp"
#include "shoal/trial.hpp"

namespace shoal::cpu {

/// Rows that a minibatch or a block of evaluation holds at most where nothing else says how many.
inline constexpr std::uint32_t kEvaluationRows = 256;

/// A step of a trial's solver: what all layers share.
struct Update {
  const Hyperparameters* hyperparameters;
  double rate;                      ///< of the epoch, a float
  std::span<const double> factors;  ///< of the rate, a layer
  double correction_1 = 1;          ///< adam, adamw: 1 - beta_1^t and sqrt(1 - beta_2^t), t counting this step
  double correction_2 = 1;
  float* weights = nullptr;
  float* first_moment = nullptr;   ///< where Step has one
  float* second_moment = nullptr;  ///< likewise
};

/// One worker's memory for the passes over a minibatch: grows to the largest network and minibatch seen, never shrinks.
class Minibatch {
 public:
  Minibatch(const Dataset& dataset, const Kernels& kernels) : dataset_(&dataset), kernels_(&kernels) {}

  /// Makes room for networks of this layout over up to `max_rows` rows. The layout outlives the passes.
  void shape(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout);
  [[nodiscard]] static std::uint64_t bytes(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout);

  /// Gathers and scales rows of the table, `rows.size()` at most max_rows. class_weights: as class_weights() gives.
  void gather(const Split& split, Loss loss, std::span<const std::uint32_t> rows, std::span<const float> class_weights);
  /// Takes inputs that are scaled already, [n_rows, n_inputs]; their row losses mean nothing.
  void take_inputs(std::span<const float> inputs, std::size_t n_rows);

  /// Activations of all layers, then outputs and row losses.
  void evaluate(const float* weights, const Hyperparameters& h);
  /// The same of training's objective, with dloss/dz of the output layer; `dropout` may be null.
  void forward(const float* weights, const Hyperparameters& h, const math::Dropout* dropout);
  /// Gradient sums of the rows, after forward().
  void backward(const float* weights);
  /// Finishes the gradient, clips it and takes the optimizer's step.
  void step(const Update& update);
  /// Scales the gradient and adds the penalties: gradient() then holds what a step without clipping would use.
  void finish_gradient(const Hyperparameters& h, float* weights);

  /// Adds the rows' weighted losses and their weights.
  void add_row_losses(math::Sum32& loss, math::Sum32& weight) const;

  [[nodiscard]] std::size_t n_rows() const noexcept { return n_rows_; }
  [[nodiscard]] float row_loss(std::size_t r) const { return row_loss_.data()[r]; }
  [[nodiscard]] float row_weight(std::size_t r) const { return row_weight_.data()[r]; }
  /// After forward(): outputs of row r.
  [[nodiscard]] std::span<const float> outputs(std::size_t r) const;
  /// Activations of level l (0: inputs) of row r, the 1 of the augmented form not included.
  [[nodiscard]] std::span<const float> activations(std::size_t level, std::size_t r) const;
  [[nodiscard]] const float* gradient() const noexcept { return gradient_.data(); }
  /// z of layer l for every row, computed again from the activations below: [n_rows, output_stride] into `z`.
  void layer_inputs(std::size_t l, const float* weights, AlignedFloats& z) const;

 private:
  [[nodiscard]] float inverse_weight() const;
  void propagate(const float* weights, bool training, const math::Dropout* dropout);
  void drop_units(const math::Dropout& dropout, std::size_t l);
  void output(const Hyperparameters& h, bool training);
  void for_each_step(const Step& constants, const Update& update, void (*apply)(const Step&));
  [[nodiscard]] double gradient_norm() const;
  void layer_product(const Layer& layer, const float* weights, const float* below, float* above) const;
  [[nodiscard]] float* slopes_of(const Layer& layer) const { return slopes_.data() + max_rows_ * layer.slope_offset; }

  const Dataset* dataset_;
  const Kernels* kernels_;
  const NetworkLayout* layout_ = nullptr;
  std::size_t max_rows_ = 0;
  std::size_t n_rows_ = 0;
  bool weighted_ = false;
  bool dropped_ = false;                   ///< in the last forward()
  std::vector<std::size_t> level_offset_;  ///< of activations and deltas, floats
  AlignedFloats activations_, slopes_, undropped_, dropout_, deltas_, gradient_, row_major_, targets_, row_loss_,
      row_weight_;
  std::vector<std::int32_t> labels_;
};

}  // namespace shoal::cpu
