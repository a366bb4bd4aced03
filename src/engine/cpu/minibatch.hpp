#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "engine/cpu/network_layout.hpp"
#include "engine/cpu/team.hpp"
#include "kernels/cpu/core_per_network.hpp"
#include "kernels/math/dropout.hpp"
#include "kernels/math/sum32.hpp"
#include "shoal/data.hpp"
#include "shoal/trial.hpp"

namespace shoal::cpu {

/// Rows that pass through the layers together, for each of a team's threads: enough that reading all weights and
/// writing all gradients once costs little beside them, few enough for a second-level cache.
inline constexpr std::size_t kBlockRows = 256;
/// Threads whose number makes a block longer.
inline constexpr std::size_t kBlockThreads = 8;

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

/// A team's memory for the passes over a minibatch, block by block of its rows: grows to the largest network and block
/// seen, never shrinks. Threads divide rows and panels of a gradient, never a sum.
class Minibatch {
 public:
  Minibatch(const Dataset& dataset, const Kernels& kernels, std::size_t n_threads = 1)
      : dataset_(&dataset), kernels_(&kernels), team_(std::make_unique<Team>(n_threads)) {}

  /// Rows of a block where they are many.
  [[nodiscard]] std::size_t block_rows() const noexcept { return block_rows(team_->size()); }
  [[nodiscard]] static std::size_t block_rows(std::size_t n_threads) {
    return kBlockRows * std::min(n_threads, kBlockThreads);
  }

  /// Makes room for networks of this layout over blocks of up to `max_rows` rows. The layout outlives the passes.
  void shape(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout);
  [[nodiscard]] static std::uint64_t bytes(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout,
                                           std::size_t n_threads = 1);

  /// Gathers and scales rows of the table, `rows.size()` at most max_rows: a block of a minibatch, after `n_before`
  /// rows of it. class_weights: as class_weights() gives.
  void gather(const Split& split, Loss loss, std::span<const std::uint32_t> rows, std::span<const float> class_weights,
              std::size_t n_before = 0);
  /// Takes inputs that are scaled already, [n_rows, n_inputs]; their row losses mean nothing.
  void take_inputs(std::span<const float> inputs, std::size_t n_rows);

  /// Activations of all layers, then outputs and row losses.
  void evaluate(const float* weights, const Hyperparameters& h);
  /// The same of training's objective, with dloss/dz of all layers; `dropout` may be null.
  void forward(const float* weights, const Hyperparameters& h, const math::Dropout* dropout);
  /// After forward(): gradient sums of the minibatch's rows up to these.
  void backward();
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
  struct Rows {
    std::size_t first, count;
  };
  /// A panel of a layer.
  struct Piece {
    const Layer* layer;
    Panel panel;
    [[nodiscard]] std::size_t offset() const { return layer->offset + panel.first * (layer->n_in + 1); }
  };
  /// Rows of a gradient, of all its panels.
  struct Slice {
    std::size_t layer;
    Rows inputs;
  };

  [[nodiscard]] float inverse_weight() const;
  /// Calls work(rows, thread) for parts of the block's rows.
  template <class Work>
  void each_part(const Work& work);
  void propagate(Rows rows, const float* weights, bool training, const math::Dropout* dropout);
  void drop_units(Rows rows, const math::Dropout& dropout, std::size_t l);
  void output(Rows part, std::size_t thread, const Hyperparameters& h, bool training);
  void weigh(Rows rows);
  void transpose_weights(const Piece& piece, const float* weights);
  void propagate_back(Rows rows);
  void copy_deltas(Rows rows, const Layer& layer);
  void add_gradient(const Slice& slice, float* copy);
  void for_each_step(const Step& constants, const Update& update, void (*apply)(const Step&));
  [[nodiscard]] double gradient_norm() const;
  void layer_product(Rows rows, const Layer& layer, const float* weights, const float* below, float* above) const;

  [[nodiscard]] float* slopes_of(const Layer& layer) const { return slopes_.data() + max_rows_ * layer.slope_offset; }
  /// A panel of copied deltas, [max_rows_, columns].
  [[nodiscard]] float* copied_deltas(const Layer& layer, const Panel& outputs) const {
    return delta_copies_.data() + max_rows_ * (layer.copy_offset + outputs.first);
  }
  [[nodiscard]] float* activations_of(std::size_t level) const { return activations_.data() + level_offset_[level]; }
  /// Of an array that has nothing of the inputs' level.
  [[nodiscard]] float* of_level(const AlignedFloats& floats, std::size_t level) const {
    return floats.data() + level_offset_[level] - level_offset_[1];
  }

  const Dataset* dataset_;
  const Kernels* kernels_;
  std::unique_ptr<Team> team_;
  const NetworkLayout* layout_ = nullptr;
  std::size_t max_rows_ = 0;
  std::size_t n_rows_ = 0;    ///< of the block
  std::size_t n_before_ = 0;  ///< rows of the minibatch before them
  bool weighted_ = false;
  float weight_sum_ = 0;                   ///< of the minibatch's rows so far
  bool dropped_ = false;                   ///< in the last forward()
  std::vector<std::size_t> level_offset_;  ///< of activations, floats
  std::vector<Piece> pieces_;              ///< of all layers
  std::vector<Slice> slices_;              ///< of all layers, the uppermost first
  AlignedFloats activations_, slopes_, undropped_, dropout_, deltas_, delta_copies_, gradient_, backward_weights_,
      input_copies_, targets_, row_loss_, row_weight_, output_space_;
  std::vector<std::int32_t> labels_;
};

}  // namespace shoal::cpu
