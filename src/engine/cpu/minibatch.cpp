#include "engine/cpu/minibatch.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

void grow(AlignedFloats& floats, std::size_t n) {
  if (floats.size() < n) floats = AlignedFloats(n);
}

/// [n_in + 1][columns] -> [n_out][padded(n_in)], weights only, in blocks that stay in registers and L1.
void to_row_major(const Layer& layer, const float* transposed, float* row_major) {
  constexpr std::size_t kBlock = 8;
  const std::size_t stride = padded(layer.n_in);
  for (std::size_t o0 = 0; o0 < layer.n_out; o0 += kBlock) {
    const std::size_t o1 = std::min(o0 + kBlock, layer.n_out);
    for (std::size_t i0 = 0; i0 < layer.n_in; i0 += kBlock) {
      const std::size_t i1 = std::min(i0 + kBlock, layer.n_in);
      for (std::size_t o = o0; o < o1; ++o) {
        for (std::size_t i = i0; i < i1; ++i) row_major[o * stride + i] = transposed[i * layer.columns + o];
      }
    }
    for (std::size_t o = o0; o < o1; ++o) std::fill_n(row_major + o * stride + layer.n_in, stride - layer.n_in, 0.0F);
  }
}

std::size_t largest_row_major(const NetworkLayout& layout) {
  std::size_t n = 0;
  for (const Layer& layer : layout.layers()) n = std::max(n, layer.n_out * padded(layer.n_in));
  return n;
}

/// The part of a step that finishes a gradient.
Step gradient_constants(const Hyperparameters& h, float inverse_weight) {
  Step constants{};
  constants.inverse_rows = inverse_weight;
  constants.penalty = static_cast<float>(l2_penalty(h)) * inverse_weight;
  constants.l1 = static_cast<float>(h.l1) * inverse_weight;
  return constants;
}

}  // namespace

void Minibatch::shape(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout) {
  layout_ = &layout;
  max_rows_ = max_rows;
  level_offset_.clear();
  std::size_t offset = 0;
  level_offset_.push_back(0);
  offset += max_rows * layout.layers().front().input_stride;
  for (const Layer& layer : layout.layers()) {
    level_offset_.push_back(offset);
    offset += max_rows * layer.output_stride;
  }
  grow(activations_, offset);
  grow(slopes_, max_rows * layout.slope_floats());
  grow(deltas_, offset);
  if (has_dropout) {
    grow(undropped_, offset);
    grow(dropout_, offset);
  }
  grow(gradient_, layout.n_floats());
  grow(row_major_, largest_row_major(layout));
  grow(targets_, max_rows * layout.layers().back().n_out);
  grow(row_loss_, padded(max_rows));
  grow(row_weight_, max_rows);
  labels_.resize(std::max(labels_.size(), max_rows));
}

std::uint64_t Minibatch::bytes(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout) {
  const std::size_t levels = (has_dropout ? 4 : 2) * layout.activation_floats();
  const std::size_t floats = max_rows * (levels + layout.slope_floats()) + layout.n_floats() +
                             largest_row_major(layout) + max_rows * layout.layers().back().n_out + 3 * padded(max_rows);
  return floats * sizeof(float);
}

void Minibatch::gather(const Split& split, Loss loss, std::span<const std::uint32_t> rows,
                       std::span<const float> class_weights) {
  n_rows_ = rows.size();
  const Layer& first = layout_->layers().front();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    const float* from = dataset_->inputs.data() + static_cast<std::size_t>(rows[r]) * first.n_in;
    float* to = activations_.data() + r * first.input_stride;
    scale_inputs(split.inputs, {from, first.n_in}, {to, first.n_in});
    to[first.n_in] = 1.0F;
  }
  weighted_ = !dataset_->weights.empty() || !class_weights.empty();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    row_weight_.data()[r] = training_weight(*dataset_, class_weights, rows[r]);
  }
  if (loss == Loss::cross_entropy) {
    for (std::size_t r = 0; r < n_rows_; ++r) labels_[r] = dataset_->labels[rows[r]];
  } else {
    const std::size_t n = layout_->layers().back().n_out;
    for (std::size_t r = 0; r < n_rows_; ++r) {
      fill_target(*dataset_, split, loss, rows[r], std::span(targets_.data() + r * n, n));
    }
  }
}

void Minibatch::take_inputs(std::span<const float> inputs, std::size_t n_rows) {
  n_rows_ = n_rows;
  const Layer& first = layout_->layers().front();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    float* to = activations_.data() + r * first.input_stride;
    std::copy_n(inputs.data() + r * first.n_in, first.n_in, to);
    to[first.n_in] = 1.0F;
  }
  std::ranges::fill(labels_, 0);
  std::fill_n(targets_.data(), n_rows * layout_->layers().back().n_out, 0.0F);
}

void Minibatch::layer_product(const Layer& layer, const float* weights, const float* below, float* above) const {
  const float* matrix = weights + layer.offset;
  kernels_->product({.a = below,
                     .a_row = layer.input_stride,
                     .a_depth = 1,
                     .b = matrix,
                     .b_stride = layer.columns,
                     .start = matrix + layer.n_in * layer.columns,
                     .c = above,
                     .c_stride = layer.output_stride,
                     .n_rows = n_rows_,
                     .columns = layer.columns,
                     .depth = layer.n_in});
}

void Minibatch::evaluate(const float* weights, const Hyperparameters& h) {
  propagate(weights, false, nullptr);
  output(h, false);
}

void Minibatch::forward(const float* weights, const Hyperparameters& h, const math::Dropout* dropout) {
  propagate(weights, true, dropout);
  output(h, true);
  if (!weighted_) return;
  const Layer& last = layout_->layers().back();
  float* delta = deltas_.data() + level_offset_.back();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    for (std::size_t o = 0; o < last.n_out; ++o) delta[r * last.output_stride + o] *= row_weight(r);
  }
}

void Minibatch::propagate(const float* weights, bool training, const math::Dropout* dropout) {
  dropped_ = dropout != nullptr;
  const std::vector<Layer>& layers = layout_->layers();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    float* above = activations_.data() + level_offset_[l + 1];
    layer_product(layer, weights, activations_.data() + level_offset_[l], above);
    if (l + 1 == layers.size()) break;
    kernels_->activate(layer.activation, above, training ? slopes_of(layer) : nullptr, n_rows_, layer.n_out,
                       layer.output_stride);
    if (dropped_) drop_units(*dropout, l);
    for (std::size_t r = 0; r < n_rows_; ++r) above[r * layer.output_stride + layer.n_out] = 1.0F;
  }
}

/// Keeps the activations of hidden layer l, from which its derivative is taken, and drops units of what goes on.
void Minibatch::drop_units(const math::Dropout& dropout, std::size_t l) {
  const Layer& layer = layout_->layers()[l];
  float* a = activations_.data() + level_offset_[l + 1];
  float* factor = dropout_.data() + level_offset_[l + 1];
  std::copy_n(a, n_rows_ * layer.output_stride, undropped_.data() + level_offset_[l + 1]);
  std::array<float, 4> four{};
  std::size_t element = 0;
  for (std::size_t r = 0; r < n_rows_; ++r) {
    for (std::size_t u = 0; u < layer.n_out; ++u, ++element) {
      if (element % 4 == 0) {
        dropout.factors(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(element / 4), four.data());
      }
      factor[r * layer.output_stride + u] = four.at(element % 4);
    }
  }
  kernels_->drop(factor, a, n_rows_, layer.n_out, layer.output_stride);
}

void Minibatch::output(const Hyperparameters& h, bool training) {
  const Layer& last = layout_->layers().back();
  OutputRows rows{.z = activations_.data() + level_offset_.back(),
                  .delta = training ? deltas_.data() + level_offset_.back() : nullptr,
                  .row_loss = row_loss_.data(),
                  .stride = last.output_stride,
                  .n_rows = n_rows_,
                  .n_outputs = last.n_out,
                  .targets = targets_.data(),
                  .labels = labels_.data()};
  rows.huber_delta = static_cast<float>(h.huber_delta);
  if (training && h.loss == Loss::cross_entropy) {
    const double other = h.label_smoothing / static_cast<double>(last.n_out);
    rows.smoothed_other = static_cast<float>(other);
    rows.smoothed_label = static_cast<float>(1.0 - h.label_smoothing + other);
  }
  kernels_->output(static_cast<LossKind>(h.loss), rows);
}

void Minibatch::backward(const float* weights) {
  const std::vector<Layer>& layers = layout_->layers();
  for (std::size_t l = layers.size(); l-- > 0;) {
    const Layer& layer = layers[l];
    const float* delta = deltas_.data() + level_offset_[l + 1];
    const float* below = activations_.data() + level_offset_[l];
    kernels_->product({.a = below,
                       .a_row = 1,
                       .a_depth = layer.input_stride,
                       .b = delta,
                       .b_stride = layer.output_stride,
                       .start = nullptr,
                       .c = gradient_.data() + layer.offset,
                       .c_stride = layer.columns,
                       .n_rows = layer.n_in + 1,
                       .columns = layer.columns,
                       .depth = n_rows_});
    if (l == 0) break;
    to_row_major(layer, weights + layer.offset, row_major_.data());
    float* delta_below = deltas_.data() + level_offset_[l];
    kernels_->product({.a = delta,
                       .a_row = layer.output_stride,
                       .a_depth = 1,
                       .b = row_major_.data(),
                       .b_stride = padded(layer.n_in),
                       .start = nullptr,
                       .c = delta_below,
                       .c_stride = layer.input_stride,
                       .n_rows = n_rows_,
                       .columns = padded(layer.n_in),
                       .depth = layer.n_out});
    const Layer& lower = layers[l - 1];
    const float* activations = dropped_ ? undropped_.data() + level_offset_[l] : below;
    const float* from = stores_slope(lower.activation) ? slopes_of(lower) : activations;
    kernels_->derive(lower.activation, from, delta_below, n_rows_, lower.n_out, lower.output_stride);
    if (dropped_) {
      kernels_->drop(dropout_.data() + level_offset_[l], delta_below, n_rows_, lower.n_out, lower.output_stride);
    }
  }
}

void Minibatch::add_row_losses(math::Sum32& loss, math::Sum32& weight) const {
  for (std::size_t r = 0; r < n_rows_; ++r) {
    const auto of_row = static_cast<double>(row_weight(r));
    loss.add(of_row * static_cast<double>(row_loss(r)));
    weight.add(of_row);
  }
}

float Minibatch::inverse_weight() const {
  if (!weighted_) return 1.0F / static_cast<float>(n_rows_);
  float sum = 0.0F;
  for (std::size_t r = 0; r < n_rows_; ++r) sum += row_weight_.data()[r];
  return sum > 0.0F ? 1.0F / sum : 0.0F;
}

void Minibatch::for_each_step(const Step& constants, const Update& update, void (*apply)(const Step&)) {
  const Hyperparameters& h = *update.hyperparameters;
  const std::vector<Layer>& layers = layout_->layers();
  Step step = constants;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    const float rate = static_cast<float>(update.rate * update.factors[l]);
    step.eta = static_cast<float>(static_cast<double>(rate) * update.correction_2 / update.correction_1);
    const float decay = h.solver == Solver::adamw ? static_cast<float>(static_cast<double>(rate) * h.alpha) : 0.0F;
    const std::size_t n_weights = layer.n_in * layer.columns;
    for (const bool bias : {false, true}) {
      const std::size_t at = layer.offset + (bias ? n_weights : 0);
      step.weight = update.weights + at;
      step.gradient = gradient_.data() + at;
      step.first_moment = update.first_moment == nullptr ? nullptr : update.first_moment + at;
      step.second_moment = update.second_moment == nullptr ? nullptr : update.second_moment + at;
      step.n = bias ? layer.columns : n_weights;
      step.decay = bias ? 0.0F : decay;
      step.penalty = bias ? 0.0F : constants.penalty;
      step.l1 = bias ? 0.0F : constants.l1;
      apply(step);
    }
  }
}

void Minibatch::step(const Update& update) {
  const Hyperparameters& h = *update.hyperparameters;
  Step constants = gradient_constants(h, inverse_weight());
  if (h.clip_norm > 0) {
    // The gradient is finished first; the step then applies it as it is, or shortened.
    for_each_step(constants, update, kernels_->scale_gradient);
    const double norm = gradient_norm();
    constants = {};
    constants.inverse_rows = norm > h.clip_norm ? static_cast<float>(h.clip_norm / norm) : 1.0F;
  }
  constants.momentum = static_cast<float>(h.momentum);
  constants.nesterov = h.nesterovs_momentum;
  constants.beta_1 = static_cast<float>(h.beta_1);
  constants.c_1 = static_cast<float>(1.0 - h.beta_1);
  constants.beta_2 = static_cast<float>(h.beta_2);
  constants.c_2 = static_cast<float>(1.0 - h.beta_2);
  constants.epsilon = static_cast<float>(h.epsilon);
  for_each_step(constants, update, kernels_->step);
}

void Minibatch::finish_gradient(const Hyperparameters& h, float* weights) {
  const std::vector<double> factors(layout_->layers().size(), 1.0);
  const Update update{.hyperparameters = &h, .rate = 0, .factors = factors, .weights = weights};
  for_each_step(gradient_constants(h, inverse_weight()), update, kernels_->scale_gradient);
}

/// Its squares are exact in double and are added in canonical order.
double Minibatch::gradient_norm() const {
  math::Sum32 squares;
  for (const Layer& layer : layout_->layers()) {
    for (std::size_t o = 0; o < layer.n_out; ++o) {
      for (std::size_t i = 0; i <= layer.n_in; ++i) {
        const auto g = static_cast<double>(gradient_.data()[layer.offset + i * layer.columns + o]);
        squares.add(g * g);
      }
    }
  }
  return std::sqrt(squares.total());
}

std::span<const float> Minibatch::outputs(std::size_t r) const { return activations(layout_->layers().size(), r); }

std::span<const float> Minibatch::activations(std::size_t level, std::size_t r) const {
  const Layer& first = layout_->layers().front();
  const std::size_t stride = level == 0 ? first.input_stride : layout_->layers()[level - 1].output_stride;
  const std::size_t n = level == 0 ? first.n_in : layout_->layers()[level - 1].n_out;
  return {activations_.data() + level_offset_[level] + r * stride, n};
}

void Minibatch::layer_inputs(std::size_t l, const float* weights, AlignedFloats& z) const {
  const Layer& layer = layout_->layers()[l];
  grow(z, n_rows_ * layer.output_stride);
  layer_product(layer, weights, activations_.data() + level_offset_[l], z.data());
}

}  // namespace shoal::cpu
