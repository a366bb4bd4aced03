#include "engine/cpu/minibatch.hpp"

#include <algorithm>
#include <array>

#include "engine/definition.hpp"

namespace shoal::cpu {
namespace {

/// Rows that a softmax takes together; no part of a block has fewer but the last.
constexpr std::size_t kPartRows = kPadding;

/// Inputs whose gradients are one slice, at most: two of the largest tiles.
constexpr std::size_t kSliceInputs = 28;

void grow(AlignedFloats& floats, std::size_t n) {
  if (floats.size() < n) floats = AlignedFloats(n);
}

/// Floats of a thread's copy of a slice's inputs.
std::size_t input_copy_floats(const NetworkLayout& layout, std::size_t max_rows) {
  return std::ranges::any_of(layout.layers(), &Layer::is_copied) ? max_rows * kPanel : 0;
}

std::size_t output_space_floats(const NetworkLayout& layout) { return padded(layout.layers().back().n_out) * kPadding; }

}  // namespace

void Minibatch::shape(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout) {
  layout_ = &layout;
  max_rows_ = max_rows;
  const std::vector<Layer>& layers = layout.layers();
  level_offset_.assign(1, 0);
  std::size_t offset = max_rows * layers.front().input_stride;
  for (const Layer& layer : layers) {
    level_offset_.push_back(offset);
    offset += max_rows * layer.output_stride;
  }
  const std::size_t above_inputs = offset - level_offset_[1];
  pieces_.clear();
  slices_.clear();
  for (std::size_t l = layers.size(); l-- > 0;) {
    const std::size_t n_inputs = layers[l].n_in + 1;
    for (std::size_t p = 0; p < n_panels(layers[l].n_out); ++p)
      pieces_.push_back({&layers[l], panel(layers[l].n_out, p)});
    const bool is_divided = team_->size() > 1 || layers[l].is_copied();
    const std::size_t n = is_divided ? (n_inputs + kSliceInputs - 1) / kSliceInputs : 1;
    for (std::size_t i = 0; i < n; ++i) {
      const std::size_t first = i * n_inputs / n;
      slices_.push_back({l, {first, (i + 1) * n_inputs / n - first}});
    }
  }
  grow(activations_, offset);
  grow(slopes_, max_rows * layout.slope_floats());
  grow(deltas_, above_inputs);
  if (has_dropout) {
    grow(undropped_, above_inputs);
    grow(dropout_, above_inputs);
  }
  grow(gradient_, layout.n_floats());
  grow(backward_weights_, layout.backward_floats());
  grow(input_copies_, team_->size() * input_copy_floats(layout, max_rows));
  grow(delta_copies_, max_rows * layout.copy_floats());
  grow(output_space_, team_->size() * output_space_floats(layout));
  grow(targets_, max_rows * layers.back().n_out);
  grow(row_loss_, padded(max_rows));
  grow(row_weight_, max_rows);
  labels_.resize(std::max(labels_.size(), max_rows));
}

std::uint64_t Minibatch::bytes(const NetworkLayout& layout, std::size_t max_rows, bool has_dropout,
                               std::size_t n_threads) {
  const std::size_t above_inputs = layout.activation_floats() - layout.layers().front().input_stride;
  const std::size_t levels = layout.activation_floats() + (has_dropout ? 3 : 1) * above_inputs;
  const std::size_t of_threads = n_threads * (input_copy_floats(layout, max_rows) + output_space_floats(layout));
  const std::size_t floats = max_rows * (levels + layout.slope_floats() + layout.copy_floats()) + layout.n_floats() +
                             layout.backward_floats() + of_threads + max_rows * layout.layers().back().n_out +
                             3 * padded(max_rows);
  return floats * sizeof(float);
}

template <class Work>
void Minibatch::each_part(const Work& work) {
  const std::size_t at_least = (n_rows_ + team_->size() - 1) / team_->size();
  const std::size_t in_part = (at_least + kPartRows - 1) / kPartRows * kPartRows;
  team_->each((n_rows_ + in_part - 1) / in_part, [&](std::size_t part, std::size_t thread) {
    const std::size_t first = part * in_part;
    work(Rows{first, std::min(in_part, n_rows_ - first)}, thread);
  });
}

void Minibatch::gather(const Split& split, Loss loss, std::span<const std::uint32_t> rows,
                       std::span<const float> class_weights, std::size_t n_before) {
  n_rows_ = rows.size();
  n_before_ = n_before;
  if (n_before == 0) weight_sum_ = 0;
  const Layer& first = layout_->layers().front();
  each_part([&](Rows part, std::size_t) {
    kernels_->gather({.table = dataset_->inputs.data(),
                      .rows = rows.data() + part.first,
                      .n_rows = part.count,
                      .n_inputs = first.n_in,
                      .offset = split.inputs.offset.data(),
                      .factor = split.inputs.factor.data(),
                      .fill = split.inputs.fill.data(),
                      .to = activations_.data() + part.first * first.input_stride,
                      .stride = first.input_stride});
  });
  weighted_ = !dataset_->weights.empty() || !class_weights.empty();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    row_weight_.data()[r] = weighted_ ? training_weight(*dataset_, class_weights, rows[r]) : 1.0F;
    weight_sum_ += row_weight_.data()[r];
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
  n_before_ = 0;
  const Layer& first = layout_->layers().front();
  for (std::size_t r = 0; r < n_rows_; ++r) {
    float* to = activations_.data() + r * first.input_stride;
    std::copy_n(inputs.data() + r * first.n_in, first.n_in, to);
    to[first.n_in] = 1.0F;
  }
  std::ranges::fill(labels_, 0);
  std::fill_n(targets_.data(), n_rows * layout_->layers().back().n_out, 0.0F);
}

void Minibatch::layer_product(Rows rows, const Layer& layer, const float* weights, const float* below,
                              float* above) const {
  for (std::size_t p = 0; p < n_panels(layer.n_out); ++p) {
    const Panel outputs = panel(layer.n_out, p);
    const float* matrix = weights + Piece{&layer, outputs}.offset();
    kernels_->product({.a = below + rows.first * layer.input_stride,
                       .a_row = layer.input_stride,
                       .a_depth = 1,
                       .b = matrix,
                       .b_stride = outputs.columns,
                       .start = matrix + layer.n_in * outputs.columns,
                       .start_stride = 0,
                       .c = above + rows.first * layer.output_stride + outputs.first,
                       .c_stride = layer.output_stride,
                       .n_rows = rows.count,
                       .columns = outputs.columns,
                       .depth = layer.n_in});
  }
}

void Minibatch::evaluate(const float* weights, const Hyperparameters& h) {
  each_part([&](Rows rows, std::size_t thread) {
    propagate(rows, weights, false, nullptr);
    output(rows, thread, h, false);
  });
}

void Minibatch::forward(const float* weights, const Hyperparameters& h, const math::Dropout* dropout) {
  dropped_ = dropout != nullptr;
  if (n_before_ == 0) {
    team_->each(pieces_.size(), [&](std::size_t i, std::size_t) { transpose_weights(pieces_[i], weights); });
  }
  each_part([&](Rows rows, std::size_t thread) {
    propagate(rows, weights, true, dropout);
    output(rows, thread, h, true);
    if (weighted_) weigh(rows);
    propagate_back(rows);
  });
}

void Minibatch::weigh(Rows rows) {
  const Layer& last = layout_->layers().back();
  float* delta = of_level(deltas_, layout_->layers().size());
  for (std::size_t r = rows.first; r < rows.first + rows.count; ++r) {
    for (std::size_t o = 0; o < last.n_out; ++o) delta[r * last.output_stride + o] *= row_weight(r);
  }
}

void Minibatch::propagate(Rows rows, const float* weights, bool training, const math::Dropout* dropout) {
  const std::vector<Layer>& layers = layout_->layers();
  for (std::size_t l = 0; l < layers.size(); ++l) {
    const Layer& layer = layers[l];
    layer_product(rows, layer, weights, activations_of(l), activations_of(l + 1));
    if (l + 1 == layers.size()) break;
    const std::size_t first = rows.first * layer.output_stride;
    float* above = activations_of(l + 1) + first;
    kernels_->activate(layer.activation, above, training ? slopes_of(layer) + first : nullptr, rows.count, layer.n_out,
                       layer.output_stride);
    if (dropout != nullptr) drop_units(rows, *dropout, l);
    for (std::size_t r = 0; r < rows.count; ++r) above[r * layer.output_stride + layer.n_out] = 1.0F;
  }
}

/// Keeps the activations of hidden layer l, from which its derivative is taken, and drops units of what goes on.
void Minibatch::drop_units(Rows rows, const math::Dropout& dropout, std::size_t l) {
  const Layer& layer = layout_->layers()[l];
  const std::size_t first = rows.first * layer.output_stride;
  float* a = activations_of(l + 1) + first;
  float* factor = of_level(dropout_, l + 1) + first;
  std::copy_n(a, rows.count * layer.output_stride, of_level(undropped_, l + 1) + first);
  std::array<float, 4> four{};
  const std::size_t first_element = (n_before_ + rows.first) * layer.n_out;
  std::size_t element = first_element;
  for (std::size_t r = 0; r < rows.count; ++r) {
    for (std::size_t u = 0; u < layer.n_out; ++u, ++element) {
      if (element == first_element || element % 4 == 0) {
        dropout.factors(static_cast<std::uint32_t>(l), static_cast<std::uint32_t>(element / 4), four.data());
      }
      factor[r * layer.output_stride + u] = four.at(element % 4);
    }
  }
  kernels_->drop(factor, a, rows.count, layer.n_out, layer.output_stride);
}

void Minibatch::output(Rows part, std::size_t thread, const Hyperparameters& h, bool training) {
  const Layer& last = layout_->layers().back();
  const std::size_t level = layout_->layers().size();
  const std::size_t first = part.first * last.output_stride;
  OutputRows rows{.z = activations_of(level) + first,
                  .delta = training ? of_level(deltas_, level) + first : nullptr,
                  .row_loss = row_loss_.data() + part.first,
                  .space = output_space_.data() + thread * output_space_floats(*layout_),
                  .stride = last.output_stride,
                  .n_rows = part.count,
                  .n_outputs = last.n_out,
                  .targets = targets_.data() + part.first * last.n_out,
                  .labels = labels_.data() + part.first};
  rows.huber_delta = static_cast<float>(h.huber_delta);
  if (training && h.loss == Loss::cross_entropy) {
    const double other = h.label_smoothing / static_cast<double>(last.n_out);
    rows.smoothed_other = static_cast<float>(other);
    rows.smoothed_label = static_cast<float>(1.0 - h.label_smoothing + other);
  }
  kernels_->output(static_cast<LossKind>(h.loss), rows);
}

/// W of the piece, for propagate_back: an output's weights in a row, in panels of inputs.
void Minibatch::transpose_weights(const Piece& piece, const float* weights) {
  const Layer& layer = *piece.layer;
  if (&layer == &layout_->layers().front()) return;
  for (std::size_t p = 0; p < n_panels(layer.n_in); ++p) {
    const Panel inputs = panel(layer.n_in, p);
    kernels_->transpose({.from = weights + piece.offset() + inputs.first * piece.panel.columns,
                         .from_stride = piece.panel.columns,
                         .to = backward_weights_.data() + layer.backward_offset + inputs.first * layer.n_out +
                               piece.panel.first * inputs.columns,
                         .to_stride = inputs.columns,
                         .n_rows = std::min(inputs.columns, layer.n_in - inputs.first),
                         .n_columns = std::min(piece.panel.columns, layer.n_out - piece.panel.first)});
  }
}

/// dloss/dz of all hidden layers.
void Minibatch::propagate_back(Rows rows) {
  const std::vector<Layer>& layers = layout_->layers();
  for (std::size_t l = layers.size() - 1; l > 0; --l) {
    const Layer& layer = layers[l];
    const Layer& lower = layers[l - 1];
    copy_deltas(rows, layer);
    const float* delta = of_level(deltas_, l + 1) + rows.first * layer.output_stride;
    const std::size_t first = rows.first * layer.input_stride;
    float* below = of_level(deltas_, l) + first;
    for (std::size_t p = 0; p < n_panels(layer.n_in); ++p) {
      const Panel inputs = panel(layer.n_in, p);
      kernels_->product({.a = delta,
                         .a_row = layer.output_stride,
                         .a_depth = 1,
                         .b = backward_weights_.data() + layer.backward_offset + inputs.first * layer.n_out,
                         .b_stride = inputs.columns,
                         .start = nullptr,
                         .start_stride = 0,
                         .c = below + inputs.first,
                         .c_stride = layer.input_stride,
                         .n_rows = rows.count,
                         .columns = inputs.columns,
                         .depth = layer.n_out});
    }
    const float* activations = dropped_ ? of_level(undropped_, l) : activations_of(l);
    const float* from = stores_slope(lower.activation) ? slopes_of(lower) : activations;
    kernels_->derive(lower.activation, from + first, below, rows.count, lower.n_out, lower.output_stride);
    if (dropped_) {
      kernels_->drop(of_level(dropout_, l) + first, below, rows.count, lower.n_out, lower.output_stride);
    }
  }
  copy_deltas(rows, layers.front());
}

void Minibatch::copy_deltas(Rows rows, const Layer& layer) {
  if (!layer.is_copied()) return;
  const auto level = static_cast<std::size_t>(&layer - layout_->layers().data()) + 1;
  const float* deltas = of_level(deltas_, level) + rows.first * layer.output_stride;
  for (std::size_t p = 0; p < n_panels(layer.n_out); ++p) {
    const Panel outputs = panel(layer.n_out, p);
    kernels_->copy({.from = deltas + outputs.first,
                    .from_stride = layer.output_stride,
                    .to = copied_deltas(layer, outputs) + rows.first * outputs.columns,
                    .to_stride = outputs.columns,
                    .n_rows = rows.count,
                    .n_columns = outputs.columns});
  }
}

void Minibatch::backward() {
  const std::size_t in_copy = input_copy_floats(*layout_, max_rows_);
  team_->each(slices_.size(), [&](std::size_t i, std::size_t thread) {
    add_gradient(slices_[i], input_copies_.data() + thread * in_copy);
  });
}

void Minibatch::add_gradient(const Slice& slice, float* copy) {
  const Layer& layer = layout_->layers()[slice.layer];
  const float* below = activations_of(slice.layer) + slice.inputs.first;
  std::size_t stride = layer.input_stride;
  if (layer.is_copied()) {
    kernels_->copy({.from = below,
                    .from_stride = stride,
                    .to = copy,
                    .to_stride = kPanel,
                    .n_rows = n_rows_,
                    .n_columns = slice.inputs.count});
    below = copy;
    stride = kPanel;
  }
  for (std::size_t p = 0; p < n_panels(layer.n_out); ++p) {
    const Panel outputs = panel(layer.n_out, p);
    float* sums = gradient_.data() + Piece{&layer, outputs}.offset() + slice.inputs.first * outputs.columns;
    kernels_->product(
        {.a = below,
         .a_row = 1,
         .a_depth = stride,
         .b = layer.is_copied() ? copied_deltas(layer, outputs) : of_level(deltas_, slice.layer + 1) + outputs.first,
         .b_stride = layer.is_copied() ? outputs.columns : layer.output_stride,
         .start = n_before_ == 0 ? nullptr : sums,
         .start_stride = outputs.columns,
         .c = sums,
         .c_stride = outputs.columns,
         .n_rows = slice.inputs.count,
         .columns = outputs.columns,
         .depth = n_rows_});
  }
}

void Minibatch::add_row_losses(math::Sum32& loss, math::Sum32& weight) const {
  for (std::size_t r = 0; r < n_rows_; ++r) {
    const auto of_row = static_cast<double>(row_weight(r));
    loss.add(of_row * static_cast<double>(row_loss(r)));
    weight.add(of_row);
  }
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
  layer_product({0, n_rows_}, layer, weights, activations_of(l), z.data());
}

}  // namespace shoal::cpu
