#include "engine/cuda/network_shape.hpp"

#include <algorithm>
#include <bit>

#include "engine/cuda/block_limits.hpp"
#include "engine/cuda/patch_choice.hpp"
#include "kernels/cuda/block_per_network.cuh"

namespace shoal::cuda {

namespace {

/// Words that a warp reads as an operand, and how they are padded: kernels/cuda/tensor_products.cuh.
constexpr std::uint32_t kAcross = 16;
constexpr std::uint32_t across(std::uint32_t n) { return (n + kAcross - 1) / kAcross * kAcross; }
constexpr std::uint32_t words(Operands operands, std::uint32_t n) {
  return operands == Operands::bf16 ? across(n) / 2 : across(n);
}
constexpr std::uint32_t value_stride(Operands operands, std::uint32_t n) {
  return operands == Operands::fp32 ? padded_stride(n) : words(operands, n) + 4;
}
constexpr std::uint32_t weight_stride(Operands operands, std::uint32_t n) {
  return words(operands, n) + (operands == Operands::tf32 ? 8 : 4);
}

/// Of the parameters and of their gradient. Beside tensor cores half a warp reads and writes 4 rows x 8 of the latter
/// at once, so that 4 rows have to begin at different multiples of 8 banks.
constexpr std::uint32_t parameter_stride(Operands operands, std::uint32_t n) {
  return operands == Operands::fp32 ? padded_stride(n) : ((n + 7) / 8 | 1U) * 8;
}

bool needs_sign_alone(Act act) { return act == Act::identity || act == Act::relu || act == Act::leaky_relu; }

}  // namespace

NetworkShape::NetworkShape(const Topology& topology, bool has_dropout, bool keeps_outputs, Operands of_products)
    : operands(of_products) {
  std::uint32_t stride = value_stride(operands, static_cast<std::uint32_t>(topology.n_inputs));
  std::uint32_t input = room(stride);
  for (std::size_t l = 0; l < topology.n_layers(); ++l) {
    const bool is_hidden = l + 1 < topology.n_layers();
    Layer layer;
    layer.n_in = static_cast<std::uint32_t>(topology.fan_in(l));
    layer.n_out = static_cast<std::uint32_t>(topology.fan_out(l));
    layer.activation = static_cast<Act>(topology.activation(l));
    layer.first_parameter = n_parameters;
    layer.weights = weight_floats;
    layer.weight_stride = parameter_stride(operands, layer.n_in + 1);
    layer.quads = Divisor(layer.n_in / 4 + 1);
    layer.input = input;
    layer.input_stride = stride;
    layer.output_stride = stride = value_stride(is_hidden ? operands : Operands::fp32, layer.n_out);
    layer.output = layer.from = layer.delta = input = room(stride);
    if (!is_hidden && keeps_outputs) layer.delta = room(stride);
    if (operands == Operands::fp32) {
      layer.from_stride = stride;
      if (is_hidden && (has_dropout || math::stores_slope(layer.activation))) layer.from = room(stride);
    } else {
      add_operands(layer, is_hidden, has_dropout);
    }
    if (is_hidden && has_dropout) layer.keep = room(layer.from_stride);
    n_parameters += static_cast<std::uint32_t>(topology.n_parameters(l));
    weight_floats += layer.n_out * layer.weight_stride;
    n_units += layer.n_out;
    widest = std::max(widest, layer.n_out);
    layers.push_back(layer);
  }
  for (Layer& layer : layers) choose_patches(layer, n_threads());
}

/// Of a tile's values; where they begin.
std::uint32_t NetworkShape::room(std::uint32_t stride) {
  const std::uint32_t first = value_floats;
  value_floats += kTileRows * stride;
  return first;
}

void NetworkShape::add_operands(Layer& layer, bool is_hidden, bool has_dropout) {
  layer.rounded = layer.output;
  layer.rounded_stride = value_stride(operands, layer.n_out);
  layer.from_stride = across(layer.n_out) + 4;
  if (!is_hidden) {
    layer.rounded = room(layer.rounded_stride);
  } else if (has_dropout || !needs_sign_alone(layer.activation)) {
    layer.from = room(layer.from_stride);
  }
  layer.operand_stride = weight_stride(operands, layer.n_in);
  layer.operands = operand_words;
  layer.biases = layer.operands + across(layer.n_out) * layer.operand_stride;
  operand_words = layer.biases + across(layer.n_out);
}

Shape NetworkShape::on_device(const Layer* device_layers) const {
  return {device_layers, static_cast<std::uint32_t>(layers.size()), n_parameters, value_floats, weight_floats,
          operand_words};
}

std::size_t NetworkShape::bytes(bool with_gradient) const {
  return block_shared_bytes(value_floats + (with_gradient ? 2U : 1U) * std::size_t{weight_floats} + operand_words);
}

bool NetworkShape::is_shared() const { return bytes(false) <= most_shared_bytes(); }

/// In strict order only where that leaves room for six blocks on a multiprocessor: a gradient is touched once for every
/// tile of rows, and more blocks hide more of what they wait for. Tensor cores are through with a tile before the
/// gradient has been to the L2 cache and back, so that two blocks are enough there; of each block a multiprocessor
/// takes 1 KiB for itself.
bool NetworkShape::gradient_is_shared() const {
  constexpr std::size_t kKibibyte = 1024;
  const std::size_t most = operands == Operands::fp32 ? 36 * kKibibyte : (most_shared_bytes() - kKibibyte) / 2;
  return is_shared() && bytes(true) <= most;
}

std::size_t NetworkShape::shared_bytes() const { return bytes(gradient_is_shared()); }

/// A patch of 8 x 4 of the widest layer's outputs for each, with tensor cores a lane's share of 32 x 16, and more where
/// the network takes a larger share of a multiprocessor's shared memory than its threads do of the registers: all
/// networks of so many threads then fit side by side, and a launch may give each of its blocks what the largest needs.
/// Fewer would be longer, but not twice as long, and twice as many at once.
std::uint32_t NetworkShape::n_threads() const {
  const PatchSize largest = operands == Operands::fp32 ? PatchSize{8, 4} : PatchSize{4, 4};
  std::uint32_t n = std::clamp(std::bit_floor(tile_patches(widest, largest)), kWarpLanes, kMostThreads);
  while (n < kMostThreads && shared_bytes() > shared_bytes_beside(n)) n *= 2;
  return n;
}

}  // namespace shoal::cuda
